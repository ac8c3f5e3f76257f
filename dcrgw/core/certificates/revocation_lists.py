"""Certificate revocation lists: who signed one, what it covers, and what it says of a serial number.

Spec: RFC 5280 §5 and §6.3. Taken are complete lists of the certificate's own issuer. Delta lists, indirect lists
and lists of attribute certificates are refused; one that covers some reasons only can say no, but never yes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from dcrgw.core.certificates.strength import digest_weakness, key_weakness

#: How far a list or an answer may be ahead of our clock.
CLOCK_SKEW_S = 300


class Unusable(ValueError):
    """The octets prove nothing about the certificate. The message is for the operator."""


@dataclass(frozen=True, slots=True, eq=False)
class RevocationList:
    """One list whose signature holds. Times are epoch seconds.

    `points` are the URLs of its distribution point (None: it is for every certificate of the issuer);
    `of_users` and `of_authorities` say which certificates it covers.
    """

    this_update: float
    next_update: float
    number: int
    revoked: Mapping[int, str] = field(repr=False)
    points: frozenset[str] | None
    of_users: bool
    of_authorities: bool
    has_all_reasons: bool

    def is_older_than(self, other: RevocationList) -> bool:
        """Whether this must not take the place of `other`: over plain HTTP anybody can play back an old list."""
        return self.this_update < other.this_update


def issuer_name(der: bytes) -> x509.Name:
    """Whose list this says to be; nothing is proven. Raises: Unusable."""
    return _load(der).issuer


def of_pem_or_der(octets: bytes) -> bytes:
    """The DER of a list that may be PEM. Raises: Unusable."""
    if not octets.lstrip().startswith(b"-----BEGIN"):
        return octets
    try:
        return x509.load_pem_x509_crl(octets).public_bytes(Encoding.DER)
    except ValueError as error:
        raise Unusable("the file is no PEM of a revocation list") from error


@lru_cache(maxsize=64)
def read(der: bytes, issuer: x509.Certificate) -> RevocationList:
    """The list, proven by its issuer's certificate.

    Raises: Unusable for whatever is wrong with it but its dates.
    """
    listed = _load(der)
    try:
        _demand_signature(listed, issuer)
        scope = _scope(listed)
        revoked = {entry.serial_number: _reason(entry) for entry in listed}
        number = _number(listed)
    except Unusable:
        raise
    except Exception as error:  # a parser's word on a hostile list may be any exception
        raise Unusable(f"the list cannot be read ({type(error).__name__})") from error
    if listed.next_update_utc is None:
        raise Unusable("the list has no nextUpdate (RFC 5280 §5.1.2.5)")
    return RevocationList(
        this_update=listed.last_update_utc.timestamp(),
        next_update=listed.next_update_utc.timestamp(),
        number=number,
        revoked=MappingProxyType(revoked),
        points=_points(scope.full_name) if scope is not None and scope.full_name else None,
        of_users=scope is None or not scope.only_contains_ca_certs,
        of_authorities=scope is None or not scope.only_contains_user_certs,
        has_all_reasons=scope is None or scope.only_some_reasons is None,
    )


def why_silent(listed: RevocationList, certificate: x509.Certificate, *, is_authority: bool, at: float) -> str | None:
    """Why the list cannot say that the certificate is good at `at`; None when it can. Spec: RFC 5280 §6.3.3."""
    covers = listed.of_authorities if is_authority else listed.of_users
    if not covers:
        return "the list is not for certificates of this sort"
    if not listed.has_all_reasons:
        return "the list covers some reasons only"
    if listed.points is not None and not listed.points & set(points_of(certificate)):
        return "the list is of another distribution point"
    if at + CLOCK_SKEW_S < listed.this_update:
        return "the list is not valid yet"
    if at >= listed.next_update:
        return "the list has expired"
    return None


def points_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """The URLs of the list for a certificate; neither of another issuer's lists, nor of those for some reasons only."""
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return tuple(
        url
        for point in points
        if point.crl_issuer is None and point.reasons is None
        for url in sorted(_points(point.full_name or []))
    )


def _load(der: bytes) -> x509.CertificateRevocationList:
    try:
        return x509.load_der_x509_crl(der)
    except Exception as error:
        raise Unusable("the octets are no revocation list") from error


def _demand_signature(listed: x509.CertificateRevocationList, issuer: x509.Certificate) -> None:
    if listed.issuer.public_bytes() != issuer.subject.public_bytes():
        raise Unusable("the list is of another issuer")
    try:
        usage = issuer.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        usage = None
    if usage is not None and not usage.crl_sign:
        raise Unusable("the issuer may not sign lists (keyUsage)")
    weakness = key_weakness(issuer) or digest_weakness(listed.signature_hash_algorithm)
    if weakness:
        raise Unusable(f"the list {weakness}")
    if not listed.is_signature_valid(issuer.public_key()):  # type: ignore[arg-type]  # key_weakness admits RSA and EC only
        raise Unusable("the list's signature is not the issuer's")


def _scope(listed: x509.CertificateRevocationList) -> x509.IssuingDistributionPoint | None:
    """What the list covers. Raises: Unusable for sorts of lists that are not taken."""
    scope = None
    for extension in listed.extensions:
        value = extension.value
        if isinstance(value, x509.DeltaCRLIndicator):
            raise Unusable("the list is a delta list")
        if isinstance(value, x509.IssuingDistributionPoint):
            scope = value
        elif extension.critical and isinstance(value, x509.UnrecognizedExtension):
            raise Unusable("the list has a critical extension that is not known")
    if scope is None:
        return None
    if scope.indirect_crl:
        raise Unusable("the list is an indirect one")
    if scope.only_contains_attribute_certs:
        raise Unusable("the list is of attribute certificates")
    if scope.relative_name is not None:
        raise Unusable("the list names its distribution point relative to its issuer")
    return scope


def _number(listed: x509.CertificateRevocationList) -> int:
    """RFC 5280 §5.2.3: every list has one, and it is not critical."""
    try:
        extension = listed.extensions.get_extension_for_class(x509.CRLNumber)
    except x509.ExtensionNotFound:
        raise Unusable("the list has no number") from None
    if extension.critical:
        raise Unusable("the list's number is critical")
    return extension.value.crl_number


def _reason(entry: x509.RevokedCertificate) -> str:
    reason = "unspecified"
    for extension in entry.extensions:
        value = extension.value
        if isinstance(value, x509.CRLReason):
            reason = value.reason.value
        elif isinstance(value, x509.CertificateIssuer):
            raise Unusable("an entry of the list is another issuer's")
        elif extension.critical and isinstance(value, x509.UnrecognizedExtension):
            raise Unusable("an entry of the list has a critical extension that is not known")
    return reason


def _points(names: list[x509.GeneralName]) -> frozenset[str]:
    return frozenset(name.value for name in names if isinstance(name, x509.UniformResourceIdentifier))
