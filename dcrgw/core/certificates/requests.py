"""Certificate requests of every kind that a directory signs for a bank, with every missing detail told at once.

Spec: OB Directory certificate profiles; ETSI TS 119 495 §5; Open Finance Brasil certificate standard; RFC 2986.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.x509.oid import NameOID, ObjectIdentifier

from dcrgw.core.certificates.der_writing import tlv
from dcrgw.core.certificates.kinds import EXTENDED_USES, KINDS, PSD2_ROLES, qc_statements, usage

#: The kinds that a bank asks for, and what each is, for people.
REQUESTED = {
    "server": "TLS of the gateway's own listeners, from any CA that clients trust",
    "obwac": "TLS to the Open Banking directory, one organisation",
    "obseal": "signatures, one organisation of the Open Banking directory",
    "obtransport": "TLS, one software of the Open Banking directory (legacy)",
    "obsigning": "signatures, one software of the Open Banking directory (legacy)",
    "brcac": "TLS, one software, Open Finance Brasil",
    "brseal": "signatures, one organisation, Open Finance Brasil",
}
_PRINTABLE = 0x13
_CNPJ_NAME = ObjectIdentifier("2.16.76.1.3.3")
#: organizationIdentifier of a payment service provider (TS 119 495 §5.2.1), or of one that has no number.
_AUTHORISATION = re.compile(r"PSD([A-Z]{2})-([A-Z]{2,8})-([\x21-\x7e]+)|PSDGB-OB-Unknown[\x21-\x7e]+")
_HOST = re.compile(r"(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who asks. What a kind needs of it is told by `faults`; the rest is passed over."""

    name: str = ""
    country: str = ""
    org_id: str = ""
    software_id: str = ""
    #: organizationIdentifier whole: PSDGB-FCA-900001. For Brazil it is made of `org_id`.
    authorisation: str = ""
    authority_name: str = "Financial Conduct Authority"
    psd2_roles: tuple[str, ...] = ("PSP_AS",)
    hosts: tuple[str, ...] = ()
    #: The CNPJ, 14 digits.
    registration_number: str = ""
    state: str = ""
    locality: str = ""
    units: tuple[str, ...] = ()


def faults(kind: str, applicant: Applicant) -> list[tuple[str, str]]:
    """(detail, what is wrong with it) for everything that this kind's request lacks."""
    return list(_faults(kind, applicant))


def request(
    kind: str, applicant: Applicant, key: RSAPrivateKey | EllipticCurvePrivateKey
) -> x509.CertificateSigningRequest:
    """The request, signed by its own key. Only of an applicant without `faults`."""
    shape = KINDS[kind]
    builder = x509.CertificateSigningRequestBuilder().subject_name(_subject(kind, applicant))
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    builder = builder.add_extension(usage(*shape.key_usage), critical=True)
    if shape.eku:
        purposes = x509.ExtendedKeyUsage([EXTENDED_USES[use] for use in shape.eku])
        builder = builder.add_extension(purposes, critical=False)
    if shape.qc_type is not None:
        authority = "-".join(applicant.authorisation.removeprefix("PSD").split("-")[:2])
        statements = qc_statements(
            shape.qc_type, applicant.psd2_roles, applicant.authority_name, authority, complies=False
        )
        builder = builder.add_extension(statements, critical=False)
    names = _alternatives(kind, applicant)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256())


def _faults(kind: str, applicant: Applicant) -> Iterator[tuple[str, str]]:
    for detail in _NEEDED[kind]:
        if not getattr(applicant, detail):
            yield detail, "is missing"
    if "country" in _NEEDED[kind] and applicant.country and not re.fullmatch("[A-Z]{2}", applicant.country):
        yield "country", "is not two capital letters"
    if "authorisation" in _NEEDED[kind] and applicant.authorisation:
        found = _AUTHORISATION.fullmatch(applicant.authorisation)
        if found is None:
            yield "authorisation", "is neither PSD<country>-<authority>-<number> nor PSDGB-OB-Unknown<organisation id>"
    if KINDS[kind].qc_type is not None:
        unknown = [role for role in applicant.psd2_roles if role not in PSD2_ROLES]
        if unknown or not applicant.psd2_roles:
            yield "psd2_roles", f"are to be some of {', '.join(PSD2_ROLES)}"
    number = applicant.registration_number if "registration_number" in _NEEDED[kind] else ""
    if number and not re.fullmatch("[0-9A-Z]{12}[0-9]{2}", number):
        yield "registration_number", "is no CNPJ: 14 characters, without points and dashes"
    for i, host in enumerate(applicant.hosts):
        if not _HOST.fullmatch(host):
            yield "hosts", f"number {i + 1} is no host name"


_NEEDED: dict[str, tuple[str, ...]] = {
    "server": ("hosts",),
    "obwac": ("name", "country", "authorisation", "org_id"),
    "obseal": ("name", "country", "authorisation", "org_id"),
    "obtransport": ("org_id", "software_id"),
    "obsigning": ("org_id", "software_id"),
    "brcac": ("name", "org_id", "software_id", "registration_number", "state", "locality", "hosts"),
    "brseal": ("name", "org_id", "registration_number"),
}


def _subject(kind: str, applicant: Applicant) -> x509.Name:
    company = [(NameOID.COUNTRY_NAME, applicant.country), (NameOID.ORGANIZATION_NAME, applicant.name)]
    pairs: list[tuple[ObjectIdentifier, str]]
    match kind:
        case "server":
            pairs = [*company, (NameOID.COMMON_NAME, applicant.hosts[0])]
        case "obwac" | "obseal":
            identifier = (NameOID.ORGANIZATION_IDENTIFIER, applicant.authorisation)
            pairs = [*company, identifier, (NameOID.COMMON_NAME, applicant.org_id)]
        case "obtransport" | "obsigning":
            pairs = [
                (NameOID.COUNTRY_NAME, "GB"),
                (NameOID.ORGANIZATION_NAME, "OpenBanking"),
                (NameOID.ORGANIZATIONAL_UNIT_NAME, applicant.org_id),
                (NameOID.COMMON_NAME, applicant.software_id),
            ]
        case "brcac":
            pairs = [
                (NameOID.BUSINESS_CATEGORY, "Private Organization"),
                (NameOID.JURISDICTION_COUNTRY_NAME, "BR"),
                (NameOID.SERIAL_NUMBER, applicant.registration_number),
                (NameOID.COUNTRY_NAME, "BR"),
                (NameOID.ORGANIZATION_NAME, applicant.name),
                (NameOID.STATE_OR_PROVINCE_NAME, applicant.state),
                (NameOID.LOCALITY_NAME, applicant.locality),
                (NameOID.ORGANIZATION_IDENTIFIER, f"OFBBR-{applicant.org_id}"),
                (NameOID.USER_ID, applicant.software_id),
                (NameOID.COMMON_NAME, applicant.hosts[0]),
            ]
        case _:
            pairs = [
                (NameOID.USER_ID, applicant.org_id),
                (NameOID.COUNTRY_NAME, "BR"),
                (NameOID.ORGANIZATION_NAME, "ICP-Brasil"),
                *((NameOID.ORGANIZATIONAL_UNIT_NAME, unit) for unit in applicant.units),
                (NameOID.COMMON_NAME, applicant.name),
            ]
    return x509.Name([x509.NameAttribute(attribute, value) for attribute, value in pairs if value])


def _alternatives(kind: str, applicant: Applicant) -> list[x509.GeneralName]:
    if kind in ("server", "brcac"):
        return [x509.DNSName(host) for host in applicant.hosts]
    if kind == "brseal":
        return [x509.OtherName(_CNPJ_NAME, tlv(_PRINTABLE, applicant.registration_number.encode()))]
    return []
