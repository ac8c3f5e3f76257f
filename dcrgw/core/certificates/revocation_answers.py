"""OCSP: the question about one certificate, and what an answer to it proves.

Spec: RFC 6960, RFC 5019 (caching), RFC 9654 (nonce). An answer is the issuer's own, or that of a responder whose
certificate the issuer signed itself for this purpose.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from dcrgw.core.certificates.revocation_lists import CLOCK_SKEW_S, Unusable
from dcrgw.core.certificates.strength import digest_weakness, key_weakness, signature_weakness

#: An answer without nextUpdate says that newer words can always be had (RFC 6960 §4.2.2.1): it counts so long.
UNDATED_S = 600

_SUCCESSFUL = ocsp.OCSPResponseStatus.SUCCESSFUL
_MAX_CERTIFICATES = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """One responder's word on one certificate; its signature holds. Times are epoch seconds.

    `status` is good, revoked or unknown. It counts from `this_update` until `next_update`, while the signer's own
    certificate is valid.
    """

    status: str
    reason: str
    this_update: float
    next_update: float
    has_nonce: bool

    def why_silent(self, at: float) -> str | None:
        """Why the answer says nothing at `at`, None when it does."""
        if at + CLOCK_SKEW_S < self.this_update:
            return "the answer is not valid yet"
        return "the answer is too old" if at >= self.next_update else None


def question(certificate: x509.Certificate, issuer: x509.Certificate, nonce: bytes | None = None) -> bytes:
    """The DER of a request about one certificate."""
    # SHA-1 only names the issuer here; RFC 5019 §2.1.1 asks for it, and many responders know no other.
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA1())  # noqa: S303 - as above
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def responders_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """The URLs of the responders that a certificate names."""
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return tuple(
        description.access_location.value
        for description in access
        if description.access_method == AuthorityInformationAccessOID.OCSP
        and isinstance(description.access_location, x509.UniformResourceIdentifier)
    )


@lru_cache(maxsize=1024)
def read(der: bytes, serial_number: int, issuer: x509.Certificate, nonce: bytes | None = None) -> Answer:
    """The answer about the certificate of this serial number and issuer.

    `nonce` is the one that was asked with: another in the answer refuses it, none is left to the caller to judge.
    Raises: Unusable for whatever is wrong with it but its dates.
    """
    try:
        return _read(der, serial_number, issuer, nonce)
    except Unusable:
        raise
    except Exception as error:  # a parser's word on a hostile answer may be any exception
        raise Unusable(f"the answer cannot be read ({type(error).__name__})") from error


def _read(der: bytes, serial_number: int, issuer: x509.Certificate, nonce: bytes | None) -> Answer:
    response = ocsp.load_der_ocsp_response(der)
    if response.response_status is not _SUCCESSFUL:
        raise Unusable(f"the responder answered {response.response_status.name}")
    ends = _demand_signature(response, issuer)
    answered = _nonce(response)
    if answered is not None and answered != nonce:
        raise Unusable("the answer is to another question (nonce)")
    single = next((each for each in response.responses if _is_about(each, serial_number, issuer)), None)
    if single is None:
        raise Unusable("the answer is about another certificate")
    begins = single.this_update_utc.timestamp()
    until = single.next_update_utc.timestamp() if single.next_update_utc else begins + UNDATED_S
    reason = single.revocation_reason.value if single.revocation_reason else "unspecified"
    status = single.certificate_status.name.lower()
    return Answer(status, reason, begins, min(until, ends), answered is not None)


def _is_about(single: ocsp.OCSPSingleResponse, serial_number: int, issuer: x509.Certificate) -> bool:
    if single.serial_number != serial_number or single.hash_algorithm.name not in ("sha1", "sha256"):
        return False
    digest = single.hash_algorithm.name
    name = hashlib.new(digest, issuer.subject.public_bytes()).digest()
    return (single.issuer_name_hash, single.issuer_key_hash) == (name, _key_hash(issuer, digest))


def _key_hash(certificate: x509.Certificate, digest: str) -> bytes:
    """The digest of the key's octets alone (RFC 6960 §4.1.1), which subjectKeyIdentifier need not be."""
    whole = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest
    if digest == "sha1":
        return whole
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        octets = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    elif isinstance(key, rsa.RSAPublicKey):
        octets = key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    else:
        raise Unusable("the issuer's key is neither RSA nor EC")
    return hashlib.new(digest, octets).digest()


def _nonce(response: ocsp.OCSPResponse) -> bytes | None:
    for extension in response.extensions:
        if isinstance(extension.value, x509.OCSPNonce):
            return extension.value.nonce
        if extension.critical and isinstance(extension.value, x509.UnrecognizedExtension):
            raise Unusable("the answer has a critical extension that is not known")
    return None


def _demand_signature(response: ocsp.OCSPResponse, issuer: x509.Certificate) -> float:
    """Until when the signer may sign, epoch seconds. Raises: Unusable."""
    weakness = digest_weakness(response.signature_hash_algorithm)
    if weakness:
        raise Unusable(f"the answer {weakness}")
    if _names(response, issuer):
        _verify(response, issuer)
        return issuer.not_valid_after_utc.timestamp() + 1
    if len(response.certificates) > _MAX_CERTIFICATES:
        raise Unusable(f"the answer brings more than {_MAX_CERTIFICATES} certificates")
    delegate = next((each for each in response.certificates if _names(response, each)), None)
    if delegate is None:
        raise Unusable("the answer is signed by nobody that the issuer named")
    _demand_delegated(delegate, issuer, response)
    _verify(response, delegate)
    return delegate.not_valid_after_utc.timestamp() + 1


def _demand_delegated(delegate: x509.Certificate, issuer: x509.Certificate, response: ocsp.OCSPResponse) -> None:
    """RFC 6960 §4.2.2.2: issued directly by the CA that issued the certificate, with id-kp-OCSPSigning."""
    weakness = key_weakness(delegate) or signature_weakness(delegate)
    if weakness:
        raise Unusable(f"the responder's certificate {weakness}")
    try:
        delegate.verify_directly_issued_by(issuer)
    except Exception as error:
        raise Unusable("the responder's certificate is not of this issuer") from error
    try:
        purposes = delegate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        purposes = x509.ExtendedKeyUsage([])
    # anyExtendedKeyUsage does not do: the delegation must be said.
    if ExtendedKeyUsageOID.OCSP_SIGNING not in purposes:
        raise Unusable("the responder's certificate is not for OCSP (extendedKeyUsage)")
    if response.produced_at_utc < delegate.not_valid_before_utc:
        raise Unusable("the answer is older than its responder's certificate")


def _names(response: ocsp.OCSPResponse, certificate: x509.Certificate) -> bool:
    if response.responder_name is not None:
        return response.responder_name.public_bytes() == certificate.subject.public_bytes()
    return response.responder_key_hash == _key_hash(certificate, "sha1")


def _verify(response: ocsp.OCSPResponse, signer: x509.Certificate) -> None:
    digest = response.signature_hash_algorithm
    assert digest is not None  # weighed before
    key = signer.public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(response.signature, response.tbs_response_bytes, padding.PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(digest))
        else:
            raise Unusable("the responder's key is neither RSA nor EC")
    except Unusable:
        raise
    except Exception as error:
        raise Unusable("the answer's signature is not the responder's") from error
