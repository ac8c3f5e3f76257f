"""Qualified certificate statements: what the key is for, and in which PSD2 roles its holder acts.

Spec: RFC 3739 §3.2.6, ETSI EN 319 412-5 §4.2.3 (QcType), ETSI TS 119 495 §5.1 (PSD2 roles).
"""

from __future__ import annotations

from dataclasses import dataclass

from dcrgw.core.certificates.der import OBJECT_IDENTIFIER, SEQUENCE, UTF8_STRING, DerRefused, elements, only

EXTENSION = "1.3.6.1.5.5.7.1.3"

_COMPLIANCE, _QC_TYPE, _PSD2 = "0.4.0.1862.1.1", "0.4.0.1862.1.6", "0.4.0.19495.2"
_TYPES = {"0.4.0.1862.1.6.1": "esign", "0.4.0.1862.1.6.2": "eseal", "0.4.0.1862.1.6.3": "web"}
_ROLES = {
    "0.4.0.19495.1.1": "PSP_AS",
    "0.4.0.19495.1.2": "PSP_PI",
    "0.4.0.19495.1.3": "PSP_AI",
    "0.4.0.19495.1.4": "PSP_IC",
}


@dataclass(frozen=True, slots=True)
class QcStatements:
    """`types` are esign, eseal, web or dotted oids; `psd2_roles` PSP_AS, PSP_PI, PSP_AI, PSP_IC or dotted oids."""

    types: frozenset[str] = frozenset()
    psd2_roles: tuple[str, ...] = ()
    #: The competent authority of the PSD2 statement: `Financial Conduct Authority`, `GB-FCA`; None without one.
    authority_name: str | None = None
    authority_id: str | None = None
    #: Issued as a qualified certificate (QcCompliance).
    is_qualified: bool = False


def read(extension_value: bytes) -> QcStatements:
    """The statements of an extension's value; those that we do not know are passed over.

    Raises: DerRefused.
    """
    types: list[str] = []
    roles: list[str] = []
    authority: tuple[str | None, str | None] = (None, None)
    is_qualified = False
    for tag, body in elements(only(extension_value, SEQUENCE)):
        if tag != SEQUENCE:
            raise DerRefused("a statement is not a sequence")
        identifier, info = _statement(elements(body))
        if identifier == _QC_TYPE:
            types += [_TYPES.get(oid, oid) for oid in (_oid(*element) for element in elements(info))]
        elif identifier == _PSD2:
            roles += _psd2_roles(info)
            authority = _authority(info)
        elif identifier == _COMPLIANCE:
            is_qualified = True
    return QcStatements(frozenset(types), tuple(roles), *authority, is_qualified)


def _statement(parts: list[tuple[int, bytes]]) -> tuple[str, bytes]:
    """Its identifier, and what is inside its information (nothing where it has none)."""
    if not parts:
        raise DerRefused("a statement is empty")
    identifier = _oid(*parts[0])
    if identifier in (_QC_TYPE, _PSD2) and (len(parts) != 2 or parts[1][0] != SEQUENCE):
        raise DerRefused("a statement's information is not a sequence")
    return identifier, parts[1][1] if len(parts) == 2 else b""


def _psd2_roles(info: bytes) -> list[str]:
    """PSD2QcType ::= SEQUENCE { rolesOfPSP SEQUENCE OF SEQUENCE { oid, name }, nCAName, nCAId }."""
    fields = elements(info)
    if not fields:
        raise DerRefused("a PSD2 statement is empty")
    oids = [_oid(*elements(role)[0]) for _, role in elements(fields[0][1]) if role]
    return [_ROLES.get(oid, oid) for oid in oids]


def _authority(info: bytes) -> tuple[str | None, str | None]:
    """nCAName and nCAId; a statement that leaves them out names no authority."""
    texts = elements(info)[1:3]
    if any(tag != UTF8_STRING for tag, _ in texts):
        raise DerRefused("a PSD2 statement's authority is not text")
    try:
        name, identifier = (*(octets.decode() for _, octets in texts), None, None)[:2]
    except UnicodeDecodeError as error:
        raise DerRefused("a PSD2 statement's authority is not UTF-8") from error
    return name, identifier


def _oid(tag: int, content: bytes) -> str:
    """Dotted text of an OBJECT IDENTIFIER (X.690 §8.19)."""
    if tag != OBJECT_IDENTIFIER or not content or len(content) > 64 or content[-1] & 0x80:
        raise DerRefused("not an object identifier")
    arcs = [0]
    for octet in content:
        arcs[-1] = arcs[-1] << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(0)
    first = min(arcs[0] // 40, 2)
    return ".".join(str(arc) for arc in (first, arcs[0] - 40 * first, *arcs[1:-1]))
