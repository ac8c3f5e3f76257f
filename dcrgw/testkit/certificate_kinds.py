"""What each kind of certificate says about its holder: subject, key purposes, qualified statements.

Spec: OB Directory certificate profiles; ETSI EN 319 412-5 and TS 119 495; Open Finance Brasil certificate standard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from dcrgw.testkit.der import SEQUENCE, UTF8, oid, tlv

Extension = tuple[x509.ExtensionType, bool]

_QC_STATEMENTS = ObjectIdentifier("1.3.6.1.5.5.7.1.3")
_QC_COMPLIANCE, _QC_TYPE, _PSD2 = "0.4.0.1862.1.1", "0.4.0.1862.1.6", "0.4.0.19495.2"
_QC_TYPES = {"esign": "0.4.0.1862.1.6.1", "eseal": "0.4.0.1862.1.6.2", "web": "0.4.0.1862.1.6.3"}
_PSD2_ROLES = {f"PSP_{name}": f"0.4.0.19495.1.{n}" for n, name in enumerate(("AS", "PI", "AI", "IC"), start=1)}


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom a certificate is about."""

    software_id: str = ""
    org_id: str = ""
    name: str = "Example TPP Ltd"
    #: The regulator's number for the organisation (FCA firm reference number).
    authorisation_number: str = "900001"
    host: str = "tpp.example"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a kind's key is for. `qc_type` is that of its QCStatements, where it has any."""

    eku: tuple[str, ...]
    key_usage: tuple[str, ...]
    qc_type: str | None = None


KINDS = {
    "obtransport": Kind(("clientAuth",), ("digital_signature",)),
    "obsigning": Kind((), ("digital_signature", "content_commitment")),
    "obwac": Kind(("clientAuth", "serverAuth"), ("digital_signature",), "web"),
    "obseal": Kind((), ("digital_signature", "content_commitment"), "eseal"),
    "qwac": Kind(("clientAuth", "serverAuth"), ("digital_signature",), "web"),
    "qseal": Kind((), ("digital_signature", "content_commitment"), "eseal"),
    "brcac": Kind(("clientAuth",), ("digital_signature", "key_encipherment")),
}


def subject_of(kind: str, holder: Holder) -> x509.Name:
    """The subject that a directory or a QTSP would give this holder."""
    psd2_id = (NameOID.ORGANIZATION_IDENTIFIER, f"PSDGB-FCA-{holder.authorisation_number}")
    company = [(NameOID.COUNTRY_NAME, "GB"), (NameOID.ORGANIZATION_NAME, holder.name)]
    pairs = {
        "obtransport": _directory_pairs(holder),
        "obsigning": _directory_pairs(holder),
        "obwac": [*company, psd2_id, (NameOID.COMMON_NAME, holder.org_id)],
        "obseal": [*company, psd2_id, (NameOID.COMMON_NAME, holder.org_id)],
        "qwac": [*company, psd2_id, (NameOID.COMMON_NAME, holder.host)],
        "qseal": [*company, psd2_id, (NameOID.COMMON_NAME, f"{holder.name} seal")],
        "brcac": _brazilian_pairs(holder),
    }[kind]
    return x509.Name([x509.NameAttribute(attribute, value) for attribute, value in pairs if value])


def _directory_pairs(holder: Holder) -> list[tuple[ObjectIdentifier, str]]:
    return [
        (NameOID.COUNTRY_NAME, "GB"),
        (NameOID.ORGANIZATION_NAME, "OpenBanking"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, holder.org_id),
        (NameOID.COMMON_NAME, holder.software_id),
    ]


def _brazilian_pairs(holder: Holder) -> list[tuple[ObjectIdentifier, str]]:
    return [
        (NameOID.BUSINESS_CATEGORY, "Private Organization"),
        (NameOID.JURISDICTION_COUNTRY_NAME, "BR"),
        (NameOID.SERIAL_NUMBER, "43142666000197"),
        (NameOID.COUNTRY_NAME, "BR"),
        (NameOID.ORGANIZATION_NAME, holder.name),
        (NameOID.STATE_OR_PROVINCE_NAME, "SP"),
        (NameOID.LOCALITY_NAME, "Sao Paulo"),
        (NameOID.ORGANIZATION_IDENTIFIER, f"OFBBR-{holder.org_id}"),
        (NameOID.USER_ID, holder.software_id),
        (NameOID.COMMON_NAME, holder.host),
    ]


def purposes(kind: Kind, eku: Sequence[str] | None, key_usage: Sequence[str] | None, ca: bool) -> list[Extension]:
    """basicConstraints, keyUsage, extendedKeyUsage; an empty list of uses leaves that extension out."""
    found: list[Extension] = [(x509.BasicConstraints(ca, None), True)]
    uses = kind.key_usage if key_usage is None else key_usage
    if uses:
        found.append((usage(*uses, *(("key_cert_sign",) if ca else ())), True))
    extended = kind.eku if eku is None else eku
    if extended:
        found.append((x509.ExtendedKeyUsage([_EKU.get(use) or ObjectIdentifier(use) for use in extended]), False))
    return found


_EKU = {
    "clientAuth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "serverAuth": ExtendedKeyUsageOID.SERVER_AUTH,
    "codeSigning": ExtendedKeyUsageOID.CODE_SIGNING,
    "any": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
}
_USES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def usage(*names: str) -> x509.KeyUsage:
    """A keyUsage with just these bits."""
    return x509.KeyUsage(**{use: use in names for use in _USES})


def qualified(kind: Kind, roles: Sequence[str]) -> list[Extension]:
    """The QCStatements of a qualified (or OBWAC / OBSeal) certificate: compliance, type, PSD2 roles and authority."""
    if kind.qc_type is None:
        return []
    named = [tlv(SEQUENCE, oid(_PSD2_ROLES[role]), tlv(UTF8, role.encode())) for role in roles]
    authority = [tlv(UTF8, b"Financial Conduct Authority"), tlv(UTF8, b"GB-FCA")]
    value = tlv(
        SEQUENCE,
        tlv(SEQUENCE, oid(_QC_COMPLIANCE)),
        tlv(SEQUENCE, oid(_QC_TYPE), tlv(SEQUENCE, oid(_QC_TYPES[kind.qc_type]))),
        tlv(SEQUENCE, oid(_PSD2), tlv(SEQUENCE, tlv(SEQUENCE, *named), *authority)),
    )
    return [(x509.UnrecognizedExtension(_QC_STATEMENTS, value), False)]
