"""What each kind of certificate is for: key purposes and qualified statements, as a directory or a QTSP issues them.

Spec: OB Directory certificate profiles; ETSI EN 319 412-5 and TS 119 495; Open Finance Brasil certificate standard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from dcrgw.core.certificates.der import SEQUENCE, UTF8_STRING
from dcrgw.core.certificates.der_writing import oid, tlv

Extension = tuple[x509.ExtensionType, bool]

_QC_STATEMENTS = ObjectIdentifier("1.3.6.1.5.5.7.1.3")
_QC_COMPLIANCE, _QC_TYPE, _PSD2 = "0.4.0.1862.1.1", "0.4.0.1862.1.6", "0.4.0.19495.2"
_QC_TYPES = {"esign": "0.4.0.1862.1.6.1", "eseal": "0.4.0.1862.1.6.2", "web": "0.4.0.1862.1.6.3"}
#: PSP_AS serves accounts (a bank), PSP_PI initiates payments, PSP_AI reads accounts, PSP_IC issues cards.
PSD2_ROLES = {f"PSP_{name}": f"0.4.0.19495.1.{n}" for n, name in enumerate(("AS", "PI", "AI", "IC"), start=1)}


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
    "brseal": Kind((), ("digital_signature", "content_commitment")),
    "server": Kind(("serverAuth",), ("digital_signature",)),
}

EXTENDED_USES = {
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


def qc_statements(
    qc_type: str, roles: Sequence[str], authority_name: str, authority_id: str, *, complies: bool
) -> x509.UnrecognizedExtension:
    """QCStatements: type, PSD2 roles and authority; `complies` adds QcCompliance, which only an issuer may say."""
    named = [tlv(SEQUENCE, oid(PSD2_ROLES[role]), tlv(UTF8_STRING, role.encode())) for role in roles]
    authority = [tlv(UTF8_STRING, authority_name.encode()), tlv(UTF8_STRING, authority_id.encode())]
    value = tlv(
        SEQUENCE,
        *([tlv(SEQUENCE, oid(_QC_COMPLIANCE))] if complies else []),
        tlv(SEQUENCE, oid(_QC_TYPE), tlv(SEQUENCE, oid(_QC_TYPES[qc_type]))),
        tlv(SEQUENCE, oid(_PSD2), tlv(SEQUENCE, tlv(SEQUENCE, *named), *authority)),
    )
    return x509.UnrecognizedExtension(_QC_STATEMENTS, value)
