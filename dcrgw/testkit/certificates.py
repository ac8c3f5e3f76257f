"""Certificates of every kind that an Open Banking market knows, right and wrong, made in memory."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from dcrgw.core.certificates import dn_text
from dcrgw.testkit.certificate_kinds import KINDS, Extension, Holder, purposes, qualified, subject_of, usage
from dcrgw.testkit.der import BIT_STRING, NULL, SEQUENCE, content, elements, oid, raw_subject, tlv

__all__ = ["KINDS", "CertificateAuthority", "Issued", "PrivateKey", "new_key", "raw_subject", "resigned"]

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
#: Epoch seconds or a datetime with a zone.
Instant = float | datetime

_CURVES: dict[str, ec.EllipticCurve] = {
    "p192": ec.SECP192R1(),
    "p256": ec.SECP256R1(),
    "p384": ec.SECP384R1(),
    "p521": ec.SECP521R1(),
}
_SHORT_NAMES = {NameOID.ORGANIZATION_IDENTIFIER: "organizationIdentifier"}


def new_key(key_type: str = "p256") -> PrivateKey:
    """A fresh private key: rsa1024, rsa2048 …, p192, p256, p384 or p521."""
    if key_type in _CURVES:
        return ec.generate_private_key(_CURVES[key_type])
    return rsa.generate_private_key(65537, int(key_type.removeprefix("rsa")))


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its key, and the intermediates (not the root) that lead to its anchor."""

    certificate: x509.Certificate
    key: PrivateKey
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def der(self) -> bytes:
        """The certificate, DER."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def chain_der(self) -> tuple[bytes, ...]:
        """The certificate and its intermediates, DER: what a handshake shows."""
        return (self.der, *(c.public_bytes(Encoding.DER) for c in self.chain))

    @property
    def certificate_pem(self) -> bytes:
        """The certificate, PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def chain_pem(self) -> bytes:
        """The certificate and its intermediates, PEM, in the order that TLS wants."""
        return self.certificate_pem + b"".join(c.public_bytes(Encoding.PEM) for c in self.chain)

    @property
    def key_pem(self) -> bytes:
        """The private key, PKCS#8 PEM, not encrypted."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def subject_dn(self) -> str:
        """The subject as RFC 4514 text, as a TPP would write it into tls_client_auth_subject_dn."""
        return self.certificate.subject.rfc4514_string(_SHORT_NAMES)

    def pkcs12(self, password: bytes) -> bytes:
        """Key, certificate and intermediates as a PKCS#12 key store."""
        return pkcs12.serialize_key_and_certificates(
            b"dcrgw", self.key, self.certificate, self.chain, BestAvailableEncryption(password)
        )


class CertificateAuthority:
    """Issues certificates. Where created with `at` (epoch seconds) it lives at that instant, else by the clock."""

    def __init__(
        self,
        certificate: x509.Certificate,
        key: PrivateKey,
        chain: tuple[x509.Certificate, ...] = (),
        at: float | None = None,
    ) -> None:
        self.certificate = certificate
        self.key = key
        #: What its certificates need beside the root: this authority and those above it, but not the root.
        self.chain = chain
        self._at = at

    @classmethod
    def create(
        cls, common_name: str, *, key_type: str = "p256", at: float | None = None, key: PrivateKey | None = None
    ) -> CertificateAuthority:
        """A self-signed root, valid from a day ago for ten years."""
        key = key or new_key(key_type)
        name = _authority_name(common_name)
        begins = _moment(at) - timedelta(days=1)
        builder = _builder(name, name, key, key).not_valid_before(begins)
        builder = builder.not_valid_after(begins + timedelta(days=3650))
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        builder = builder.add_extension(usage("key_cert_sign", "crl_sign"), critical=True)
        return cls(builder.sign(key, hashes.SHA256()), key, at=at)

    def intermediate(
        self,
        common_name: str,
        *,
        key_type: str = "p256",
        path_length: int | None = None,
        not_before: Instant | None = None,
        not_after: Instant | None = None,
        ca: bool = True,
        key_usage: Sequence[str] = ("key_cert_sign", "crl_sign"),
        extensions: Sequence[Extension] = (),
    ) -> CertificateAuthority:
        """An authority below this one; `extensions` such as name constraints are added as (value, critical)."""
        key = new_key(key_type)
        builder = _builder(_authority_name(common_name), self.certificate.subject, key, self.key)
        builder = self._dated(builder, not_before, not_after, timedelta(days=3650))
        constraints = x509.BasicConstraints(ca=ca, path_length=path_length)
        for extension, critical in ((constraints, True), (usage(*key_usage), True), *extensions):
            builder = builder.add_extension(extension, critical)
        certificate = builder.sign(self.key, hashes.SHA256())
        return CertificateAuthority(certificate, key, (certificate, *self.chain), self._at)

    @property
    def certificate_pem(self) -> bytes:
        """The authority's own certificate, PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    def issue(
        self,
        kind: str = "obtransport",
        *,
        software_id: str = "",
        org_id: str = "",
        organisation: str = "Example TPP Ltd",
        authorisation_number: str = "900001",
        roles: Sequence[str] = ("PSP_PI", "PSP_AI"),
        subject: str | x509.Name | bytes | None = None,
        not_before: Instant | None = None,
        not_after: Instant | None = None,
        eku: Sequence[str] | None = None,
        key_usage: Sequence[str] | None = None,
        ca: bool = False,
        key_type: str = "rsa2048",
        key: PrivateKey | None = None,
        san_dns: Sequence[str] = (),
        san_uris: Sequence[str] = (),
        serial_number: int | None = None,
        extensions: Sequence[Extension] = (),
    ) -> Issued:
        """A certificate of a kind of `KINDS`, right unless told otherwise.

        `subject` replaces the kind's own: RFC 4514 text in any spelling, a Name, or a Name's DER (`raw_subject`).
        `eku` and `key_usage` default to the kind's own too; empty leaves the extension out. The default life is
        30 days from an hour ago. `extensions` are added as (value, critical).
        """
        shape = KINDS[kind]
        key = key or new_key(key_type)
        holder = Holder(software_id, org_id, organisation, authorisation_number)
        name = _name(subject) if subject is not None else subject_of(kind, holder)
        builder = _builder(name, self.certificate.subject, key, self.key, serial_number)
        builder = self._dated(builder, not_before, not_after, timedelta(days=30))
        names = [x509.DNSName(n) for n in san_dns] + [x509.UniformResourceIdentifier(n) for n in san_uris]
        alternatives: list[Extension] = [(x509.SubjectAlternativeName(names), False)] if names else []
        for extension, critical in (
            *purposes(shape, eku, key_usage, ca),
            *qualified(shape, roles),
            *alternatives,
            *extensions,
        ):
            builder = builder.add_extension(extension, critical)
        issued = Issued(builder.sign(self.key, hashes.SHA256()), key, self.chain)
        return resigned(issued, self, subject=subject) if isinstance(subject, bytes) else issued

    def issue_server(self, *names: str, key_type: str = "p256", key: PrivateKey | None = None) -> Issued:
        """A TLS server's certificate for DNS names and IP addresses."""
        alternatives = x509.SubjectAlternativeName([_host(name) for name in names])
        return self.issue(
            subject=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]),
            eku=("serverAuth",),
            key_type=key_type,
            key=key,
            extensions=((alternatives, False),),
        )

    def _dated(
        self, builder: x509.CertificateBuilder, start: Instant | None, end: Instant | None, life: timedelta
    ) -> x509.CertificateBuilder:
        now = _moment(self._at)
        begins = now - timedelta(hours=1) if start is None else _moment(start)
        ends = now - timedelta(hours=1) + life if end is None else _moment(end)
        return builder.not_valid_before(begins).not_valid_after(ends)


def self_signed(common_name: str, **how: Any) -> Issued:
    """A certificate that nobody issued but itself, for a TLS client unless told otherwise (as `issue`)."""
    key = how.pop("key", None) or new_key(how.pop("key_type", "p256"))
    itself = CertificateAuthority.create(common_name, key=key)
    purposes = {"eku": ("clientAuth",), "key_usage": ("digital_signature",), **how}
    issued = itself.issue(subject=itself.certificate.subject, key=key, **purposes)
    return Issued(issued.certificate, key)


def resigned(
    issued: Issued,
    authority: CertificateAuthority,
    *,
    subject: bytes | None = None,
    serial_number: bytes | None = None,
    public_key: bytes | None = None,
    digest: str = "sha256",
    version_1: bool = False,
) -> Issued:
    """The same certificate with parts replaced by any DER (Name, INTEGER, SubjectPublicKeyInfo) and signed anew.

    For what a careful builder refuses to make. `digest` is sha256, sha1 or md5; `version_1` drops the version and
    all extensions. The certificate must still load, which says little: names and extensions are read lazily.
    """
    # RFC 5280 §4.1: version, serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo, extensions
    fields = elements(content(issued.certificate.tbs_certificate_bytes))
    algorithm = _algorithm(authority.key, digest)
    for position, replacement in ((1, serial_number), (2, algorithm), (5, subject), (6, public_key)):
        if replacement is not None:
            fields[position] = replacement
    tbs = tlv(SEQUENCE, *(fields[1:7] if version_1 else fields))
    der = tlv(SEQUENCE, tbs, algorithm, tlv(BIT_STRING, b"\0", _signature(authority.key, tbs, digest)))
    return Issued(x509.load_der_x509_certificate(der), issued.key, issued.chain)


_DIGESTS: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha1": hashes.SHA1(),  # noqa: S303 - made to be refused
    "md5": hashes.MD5(),  # noqa: S303 - as above
}
_RSA_ALGORITHMS = {
    "sha256": "1.2.840.113549.1.1.11",
    "sha1": "1.2.840.113549.1.1.5",
    "md5": "1.2.840.113549.1.1.4",
}
_EC_ALGORITHMS = {"sha256": "1.2.840.10045.4.3.2", "sha1": "1.2.840.10045.4.1"}


def _algorithm(key: PrivateKey, digest: str) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return tlv(SEQUENCE, oid(_RSA_ALGORITHMS[digest]), tlv(NULL))
    return tlv(SEQUENCE, oid(_EC_ALGORITHMS[digest]))


def _signature(key: PrivateKey, message: bytes, digest: str) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, PKCS1v15(), _DIGESTS[digest])
    return key.sign(message, ec.ECDSA(_DIGESTS[digest]))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, issuer_key: PrivateKey, serial_number: int | None = None
) -> x509.CertificateBuilder:
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number() if serial_number is None else serial_number)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )


def _name(subject: str | x509.Name | bytes) -> x509.Name:
    if isinstance(subject, x509.Name):
        return subject
    if isinstance(subject, bytes):
        return _authority_name("replaced below")
    rdns = [
        [x509.NameAttribute(x509.ObjectIdentifier(kind), value) for kind, value in rdn] for rdn in dn_text.read(subject)
    ]
    return x509.Name([x509.RelativeDistinguishedName(rdn) for rdn in rdns[::-1]])


def _authority_name(common_name: str) -> x509.Name:
    pairs = ((NameOID.COUNTRY_NAME, "GB"), (NameOID.ORGANIZATION_NAME, "OpenBanking"))
    return x509.Name([x509.NameAttribute(*pair) for pair in (*pairs, (NameOID.COMMON_NAME, common_name))])


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _moment(instant: Instant | None) -> datetime:
    if isinstance(instant, datetime):
        return instant
    return datetime.fromtimestamp(time.time() if instant is None else instant, UTC)
