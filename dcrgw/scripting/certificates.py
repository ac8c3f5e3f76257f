"""The caller's certificate, as a script sees it: read already (`Identity`), or parsed when it asks (`CertUtils`)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from dcrgw.core.strict_json import JsonValue

if TYPE_CHECKING:
    # Named in annotations only: most scripts never ask for the certificate itself, and a worker starts sooner.
    from cryptography import x509


@dataclass(frozen=True, slots=True)
class Identity:
    """Who holds the certificate, after the gateway judged its chain and its leaf. Times are epoch seconds.

    `subject` and `issuer` are relative names in certificate order, each its (dotted oid, text) pairs.
    """

    common_name: str
    subject_dn: str
    kind: str
    organizational_unit: str | None
    organization_identifier: str | None
    uid: str | None
    san_dns: tuple[str, ...]
    san_uris: tuple[str, ...]
    x5t_s256: str
    serial_number: int
    subject: tuple[tuple[tuple[str, str], ...], ...]
    issuer: tuple[tuple[tuple[str, str], ...], ...]
    not_before: float
    not_after: float
    psd2_roles: tuple[str, ...]

    @classmethod
    def of(cls, facts: Mapping[str, JsonValue]) -> Identity:
        """From plain JSON. Raises: KeyError for facts of something else."""
        values: dict[str, Any] = {each.name: _frozen(facts[each.name]) for each in fields(cls)}
        return cls(**values)


class CertUtils:
    """The seeds' certificate functions. Of a call, `context.identity` holds the same and more, already judged."""

    @staticmethod
    def x509CertificateFromPem(pem: str) -> x509.Certificate | None:
        """The certificate of a PEM text, also without its BEGIN and END lines, also URL-encoded; None of any other."""
        for text in (pem, unquote(pem)):
            body = "".join(line.strip() for line in text.splitlines() if "-----" not in line)
            try:
                return certificate_of(base64.b64decode(body, validate=True))
            except (binascii.Error, ValueError):
                continue
        return None

    @staticmethod
    def getCN(certificate: x509.Certificate) -> str:
        """The first common name of the subject, empty when there is none."""
        return CertUtils.getAttr(certificate, "2.5.4.3")

    @staticmethod
    def getAttr(certificate: x509.Certificate, oid: str) -> str:
        """The first value of a subject attribute, by its dotted oid; empty when there is none."""
        from cryptography.x509 import ObjectIdentifier

        found = certificate.subject.get_attributes_for_oid(ObjectIdentifier(oid))
        return str(found[0].value) if found else ""

    @staticmethod
    def equalsRdn(left: str, right: str) -> bool:
        """Whether two texts say the same distinguished name (RFC 4517 distinguishedNameMatch)."""
        from dcrgw.core.certificates import names

        try:
            return names.same(names.parse(left), names.parse(right))
        except names.DnRefused:
            return False


def certificate_of(der: bytes) -> x509.Certificate:
    """The certificate of a DER. Raises: ValueError."""
    from cryptography import x509

    return x509.load_der_x509_certificate(der)


def pem_of(der: str) -> str:
    """The PEM text of a DER in base64."""
    lines = [der[i : i + 64] for i in range(0, len(der), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


def _frozen(value: JsonValue) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
