"""The subject of a client certificate, judged until it names one holder and nobody else could be meant.

Readers disagree on what a subject says (the first or the last of two common names, T61 strings, NUL), so that
one certificate could be two identities to two programs. What could be read in two ways is refused here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from dcrgw.core.certificates import organization_identifier
from dcrgw.core.certificates.dn_text import DnRefused, decoded, unsafe_character
from dcrgw.core.certificates.leaf import LeafPolicy
from dcrgw.core.certificates.names import COMMON_NAME, Subject
from dcrgw.core.certificates.reading import Leaf, RawName
from dcrgw.core.checks import Findings, Gate, Judgement, gate
from dcrgw.errors import ErrorCode, Misconfigured


class CertificateKind(StrEnum):
    """What sort of certificate this is, told by its subject and extensions (OB Directory certificate profiles)."""

    OBTRANSPORT = "obtransport"
    OBWAC = "obwac"
    QWAC = "qwac"
    BRCAC = "brcac"
    OTHER = "other"


#: Strategies of whoever takes certificates of every kind and goes by the common name, or by the certificate itself.
ANY_KIND = {kind.value: "none" for kind in CertificateKind}


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom the subject names. `organizational_unit` is None too where there are several."""

    kind: CertificateKind
    subject: Subject
    common_name: str
    organizational_unit: str | None
    organization_identifier: str | None
    uid: str | None


def _gate(name: str, sentence: str, spec: str) -> Gate:
    return gate(f"identity.{name}", sentence, spec=spec, code=ErrorCode.INVALID_CLIENT, status=401)


STRINGS = _gate(
    "subject.strings",
    "Every subject value is a UTF8String, PrintableString or IA5String.",
    "RFC 5280 §4.1.2.4, §4.1.2.6",
)
CHARACTERS = _gate(
    "subject.characters",
    "No subject value is empty or holds control, bidirectional or invisible characters.",
    "RFC 5280 §4.1.2.6",
)
UNAMBIGUOUS = _gate(
    "subject.unambiguous", "The subject has at most one organizationIdentifier and at most one UID.", "RFC 8705 §7.4"
)
COMMON_NAME_SINGLE = _gate("common_name.single", "The subject has exactly one common name.", "RFC 8705 §7.4")
COMMON_NAME_LENGTH = _gate(
    "common_name.length", "The common name is not longer than the market allows.", "RFC 5280 appendix A.1"
)
KIND = _gate(
    "kind.admitted", "The market admits this kind of certificate.", "OB Directory certificate profiles; RFC 8705 §2.1"
)
IDENTIFIERS = _gate(
    "subject.identifiers",
    "Every attribute that identifies is there once, with letters, digits, dot, underscore and hyphen only, at most 64.",
    "OB UK DCR 3.3, software_id and org_id; RFC 8705 §7.4",
)

AUTHORITY = _gate(
    "psd2.authority",
    "A QWAC's PSD2 statement names the competent authority that its organizationIdentifier names.",
    "ETSI TS 119 495 §5.1, §5.2.1",
)

_ORGANIZATIONAL_UNIT, _ORGANIZATION_IDENTIFIER, _UID = "2.5.4.11", "2.5.4.97", "0.9.2342.19200300.100.1.1"

#: The attributes that an identity strategy may name: `cn=software_id,ou=org_id`.
_STRATEGY_ATTRIBUTES = {
    "cn": COMMON_NAME,
    "ou": _ORGANIZATIONAL_UNIT,
    "uid": _UID,
    "organizationIdentifier": _ORGANIZATION_IDENTIFIER,
}
_IDENTIFIER = re.compile(r"[A-Za-z0-9._-]{1,64}")
#: An organisation id of the OB Directory, which an OBWAC has for its common name and a QWAC never has.
_OB_ORGANISATION_ID = re.compile(r"[A-Za-z0-9]{18}")


def judge(
    leaf: Leaf, strategies: Mapping[str, str], policy: LeafPolicy, *, is_qualified: bool = False
) -> Judgement[Holder]:
    """The one holder whom the leaf's subject names.

    `strategies` maps certificate kinds to what their subject identifies, `cn=software_id,ou=org_id`,
    `cn=org_id` or `none`; a kind that is not named is refused. `is_qualified`: a qualified trust service provider
    vouches for it, so that it is a QWAC or nothing that is known here.
    Raises: Misconfigured for a strategy that names another attribute.
    """
    found = Findings()
    try:
        subject = decode(leaf.subject)
    except DnRefused as error:
        found.add(STRINGS.failed(f"the client certificate's subject {error}"))
        return found.judgement()
    found.add(STRINGS.passed)
    found.settle(CHARACTERS, _unclear(subject))
    found.settle(UNAMBIGUOUS, _repeated(subject))
    common_names = _values(subject, COMMON_NAME)
    if not found.settle(COMMON_NAME_SINGLE, _not_single(common_names)):
        return found.judgement()
    limit = policy.common_name_max_length
    too_long = f"the client certificate's common name is longer than {limit} characters"
    found.settle(COMMON_NAME_LENGTH, too_long if len(common_names[0]) > limit else None)
    holder = _holder(leaf, subject, common_names[0], is_qualified)
    found.settle(AUTHORITY, _other_authority(leaf, holder))
    if found.settle(KIND, _not_admitted(holder.kind, strategies)):
        found.settle(IDENTIFIERS, _not_identifying(subject, strategies[holder.kind]))
    return found.judgement(holder)


def decode(name: RawName) -> Subject:
    """A name's values as text. Raises: DnRefused for string types that readers disagree on."""
    return tuple(tuple((oid, decoded(tag, octets)) for oid, tag, octets in rdn) for rdn in name)


def issuer_of(name: RawName) -> Subject:
    """An issuer's values as text. An authority's name identifies nobody here, so odd strings stay as `#hex`."""
    return tuple(tuple((oid, _text_or_hex(tag, octets)) for oid, tag, octets in rdn) for rdn in name)


def _text_or_hex(tag: int, octets: bytes) -> str:
    try:
        return decoded(tag, octets)
    except DnRefused:
        return f"#{tag:02x}{octets.hex()}"


def _holder(leaf: Leaf, subject: Subject, common_name: str, is_qualified: bool) -> Holder:
    units = _values(subject, _ORGANIZATIONAL_UNIT)
    unit = units[0] if len(units) == 1 else None
    organization = next(iter(_values(subject, _ORGANIZATION_IDENTIFIER)), None)
    uid = next(iter(_values(subject, _UID)), None)
    is_web = leaf.qualified is not None and "web" in leaf.qualified.types
    kind = CertificateKind.OTHER
    if is_qualified:
        kind = CertificateKind.QWAC if organization is not None and is_web else CertificateKind.OTHER
    elif organization is not None and organization.startswith("OFBBR-") and uid is not None:
        kind = CertificateKind.BRCAC
    elif organization is not None and is_web:
        is_directory_s = _OB_ORGANISATION_ID.fullmatch(common_name)
        kind = CertificateKind.OBWAC if is_directory_s else CertificateKind.QWAC
    elif organization is None and uid is None and units and leaf.qualified is None:
        kind = CertificateKind.OBTRANSPORT
    return Holder(kind, subject, common_name, unit, organization, uid)


def _values(subject: Subject, oid: str) -> list[str]:
    return [value for rdn in subject for kind, value in rdn if kind == oid]


def _unclear(subject: Subject) -> str | None:
    values = [value for rdn in subject for _, value in rdn]
    for index, value in enumerate(values):
        if not value.strip():
            return f"the client certificate's subject value {index} is empty"
        if unsafe_character(value) is not None:
            return f"the client certificate's subject value {index} holds a control or invisible character"
    return None


def _repeated(subject: Subject) -> str | None:
    for oid, name in ((_ORGANIZATION_IDENTIFIER, "organizationIdentifier"), (_UID, "UID")):
        if len(_values(subject, oid)) > 1:
            return f"the client certificate's subject has more than one {name}"
    return None


def _other_authority(leaf: Leaf, holder: Holder) -> str | None:
    if holder.kind is not CertificateKind.QWAC or leaf.qualified is None or leaf.qualified.authority_id is None:
        return None
    named = organization_identifier.read(holder.organization_identifier or "")
    if named is None or named.scheme != "PSD" or f"{named.country}-{named.authority}" == leaf.qualified.authority_id:
        return None
    return "the client certificate's PSD2 statement and its organizationIdentifier name different authorities"


def _not_single(common_names: list[str]) -> str | None:
    if len(common_names) == 1:
        return None
    number = "no common name" if not common_names else "more than one common name"
    return f"the client certificate's subject has {number}"


def _not_admitted(kind: CertificateKind, strategies: Mapping[str, str]) -> str | None:
    return None if kind in strategies else f"certificates of kind {kind} are not admitted in this market"


def _not_identifying(subject: Subject, strategy: str) -> str | None:
    """Why an attribute that the strategy rests on identifies nobody."""
    if strategy == "none":
        return None
    for part in strategy.split(","):
        name = part.partition("=")[0]
        if name not in _STRATEGY_ATTRIBUTES:
            raise Misconfigured(f"identity strategy {strategy!r} names no attribute of {sorted(_STRATEGY_ATTRIBUTES)}")
        values = _values(subject, _STRATEGY_ATTRIBUTES[name])
        if len(values) != 1:
            return f"the client certificate's subject must have exactly one {name}, which identifies here"
        if not _IDENTIFIER.fullmatch(values[0]):
            return f"the client certificate's {name} identifies here and holds characters that an identifier may not"
    return None
