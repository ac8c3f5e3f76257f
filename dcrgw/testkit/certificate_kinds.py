"""What each kind of certificate says about a TPP: subject, key purposes, qualified statements.

Spec: OB Directory certificate profiles; ETSI EN 319 412-5 and TS 119 495; Open Finance Brasil certificate standard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import NameOID, ObjectIdentifier

from dcrgw.core.certificates import kinds
from dcrgw.core.certificates.kinds import EXTENDED_USES, Extension, Kind, qc_statements, usage

__all__ = ["KINDS", "Extension", "Holder", "purposes", "qualified", "subject_of", "usage"]

#: The kinds that TPPs have.
KINDS = {
    **{name: kind for name, kind in kinds.KINDS.items() if name != "server"},
    # Issued by the CDR Register's CA for a software product.
    "cdr": Kind(("clientAuth",), ("digital_signature",)),
}


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom a certificate is about."""

    software_id: str = ""
    org_id: str = ""
    name: str = "Example TPP Ltd"
    #: The regulator's number for the organisation (FCA firm reference number).
    authorisation_number: str = "900001"
    host: str = "tpp.example"


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
        "brseal": [
            (NameOID.COUNTRY_NAME, "BR"),
            (NameOID.ORGANIZATION_NAME, "ICP-Brasil"),
            (NameOID.USER_ID, holder.org_id),
            (NameOID.COMMON_NAME, holder.name),
        ],
        # The CDR Register's CA: the product's name, for people.
        "cdr": [
            (NameOID.COUNTRY_NAME, "AU"),
            (NameOID.ORGANIZATION_NAME, holder.name),
            (NameOID.COMMON_NAME, f"{holder.name} product"),
        ],
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
        found.append(
            (x509.ExtendedKeyUsage([EXTENDED_USES.get(use) or ObjectIdentifier(use) for use in extended]), False)
        )
    return found


def qualified(kind: Kind, roles: Sequence[str]) -> list[Extension]:
    """The QCStatements of a qualified (or OBWAC / OBSeal) certificate: compliance, type, PSD2 roles and authority."""
    if kind.qc_type is None:
        return []
    statements = qc_statements(kind.qc_type, roles, "Financial Conduct Authority", "GB-FCA", complies=True)
    return [(statements, False)]
