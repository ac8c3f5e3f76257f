"""One DER, one parser: a client certificate read whole, once, into plain values."""

from __future__ import annotations

import base64
import hashlib
import warnings
from dataclasses import dataclass
from typing import Annotated, TypeVar

from cryptography import x509
from cryptography.hazmat import asn1

from dcrgw.core.certificates import qcstatements
from dcrgw.core.certificates.qcstatements import QcStatements
from dcrgw.core.certificates.strength import key_weakness, rsa_bits, signature_weakness


class CertificateRefused(ValueError):
    """The octets are no certificate that can be read without doubt. The message is for the operator only."""


#: RDNs in certificate order, each its (dotted oid, tag of the string type, octets).
RawName = tuple[tuple[tuple[str, int, bytes], ...], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """A client certificate as read, nothing judged. Times are epoch seconds, whole and inclusive.

    `key_usage_signs` and `extended_key_usage` (dotted oids) are None where the extension is absent;
    `weak_key` and `weak_signature` say what is wrong with them, if anything is.
    """

    x5t_s256: str
    subject: RawName
    issuer: RawName
    serial_number: int
    not_before: float
    not_after: float
    is_authority: bool
    key_usage_signs: bool | None
    extended_key_usage: frozenset[str] | None
    san_dns: tuple[str, ...]
    san_uris: tuple[str, ...]
    qualified: QcStatements | None
    weak_key: str | None
    weak_signature: str | None
    #: None for a key that is no RSA key.
    rsa_bits: int | None


def load(der: bytes) -> x509.Certificate:
    """The certificate of a DER text. Raises: CertificateRefused."""
    try:
        # The library warns of what it will refuse one day (non-positive serial numbers and the like): we refuse now.
        with warnings.catch_warnings(action="error"):
            return x509.load_der_x509_certificate(der)
    except Exception as error:
        raise CertificateRefused(f"{type(error).__name__}: {error}") from error


def read(der: bytes) -> Leaf:
    """A certificate with its extensions, subject and key read to the end.

    Raises: CertificateRefused for whatever any parser finds wrong; never another exception.
    """
    certificate = load(der)
    try:
        with warnings.catch_warnings(action="error"):
            return _leaf(der, certificate)
    except Exception as error:
        raise CertificateRefused(f"{type(error).__name__}: {error}") from error


def _leaf(der: bytes, certificate: x509.Certificate) -> Leaf:
    names = asn1.decode_der(_Tbs, certificate.tbs_certificate_bytes)
    if not names.issuer:
        raise CertificateRefused("the issuer has no name (RFC 5280 §4.1.2.4)")
    extensions = certificate.extensions
    constraints = _value(extensions, x509.BasicConstraints)
    usage = _value(extensions, x509.KeyUsage)
    purposes = _value(extensions, x509.ExtendedKeyUsage)
    alternatives = _value(extensions, x509.SubjectAlternativeName)
    return Leaf(
        x5t_s256=base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode(),
        subject=_raw(names.subject),
        issuer=_raw(names.issuer),
        serial_number=certificate.serial_number,
        not_before=certificate.not_valid_before_utc.timestamp(),
        not_after=certificate.not_valid_after_utc.timestamp(),
        # keyCertSign alone would make an issuer of it for a careless verifier; name constraints are a CA's only.
        is_authority=bool(constraints and constraints.ca)
        or bool(usage and usage.key_cert_sign)
        or _value(extensions, x509.NameConstraints) is not None,
        key_usage_signs=usage.digital_signature if usage else None,
        extended_key_usage=frozenset(oid.dotted_string for oid in purposes) if purposes is not None else None,
        san_dns=tuple(alternatives.get_values_for_type(x509.DNSName)) if alternatives else (),
        san_uris=tuple(alternatives.get_values_for_type(x509.UniformResourceIdentifier)) if alternatives else (),
        qualified=_qualified(extensions),
        weak_key=key_weakness(certificate),
        weak_signature=signature_weakness(certificate),
        rsa_bits=rsa_bits(certificate),
    )


X = TypeVar("X", bound=x509.ExtensionType)


def _value(extensions: x509.Extensions, kind: type[X]) -> X | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _qualified(extensions: x509.Extensions) -> QcStatements | None:
    for extension in extensions:
        if extension.oid.dotted_string == qcstatements.EXTENSION:
            return qcstatements.read(extension.value.public_bytes())
    return None


# The names are read beside the library's own `Name`, whose public face tells text but not the type of its string,
# and by that type one certificate could be two identities.
@asn1.sequence
class _Attribute:
    type: x509.ObjectIdentifier
    value: asn1.TLV


@asn1.sequence
class _Tbs:
    """TBSCertificate (RFC 5280 §4.1); what the library reads itself stays opaque."""

    version: Annotated[int, asn1.Explicit(0), asn1.Default(0)]
    serial_number: int
    signature: asn1.TLV
    issuer: list[asn1.SetOf[_Attribute]]
    validity: asn1.TLV
    subject: list[asn1.SetOf[_Attribute]]
    subject_public_key_info: asn1.TLV
    issuer_unique_id: Annotated[asn1.BitString | None, asn1.Implicit(1)]
    subject_unique_id: Annotated[asn1.BitString | None, asn1.Implicit(2)]
    extensions: Annotated[list[asn1.TLV] | None, asn1.Explicit(3)]


def _raw(name: list[asn1.SetOf[_Attribute]]) -> RawName:
    return tuple(
        tuple((a.type.dotted_string, a.value.tag_bytes[0], bytes(a.value.data)) for a in rdn.as_list()) for rdn in name
    )
