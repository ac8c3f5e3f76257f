"""Which keys and signatures still prove anything: for the leaf and for everyone above it."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from dcrgw.core.certificates.der import SEQUENCE, elements, only

MINIMUM_RSA_BITS = 2048

_CURVES = ("secp256r1", "secp384r1", "secp521r1")
_DIGESTS = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


def key_weakness(certificate: x509.Certificate) -> str | None:
    """What is wrong with the certificate's public key, None when nothing is.

    Spec: RFC 9325 §4.5, RFC 8422 §5.1.1 (named curves only).
    """
    try:
        key = certificate.public_key()
        if isinstance(key, ec.EllipticCurvePublicKey) and _writes_its_curve_out(certificate):
            return "holds a key whose curve is written out, not named"
    except Exception:  # unknown algorithms and curves, points off the curve: every library error means the same
        return "holds a key that cannot be read"
    if isinstance(key, rsa.RSAPublicKey):
        return None if key.key_size >= MINIMUM_RSA_BITS else f"holds an RSA key shorter than {MINIMUM_RSA_BITS} bits"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return None if key.curve.name in _CURVES else "holds a key on a curve other than P-256, P-384 and P-521"
    return "holds a key that is neither RSA nor EC"


def rsa_bits(certificate: x509.Certificate) -> int | None:
    """The length of an RSA key; None for other keys, and for those that cannot be read."""
    try:
        key = certificate.public_key()
    except Exception:  # as above
        return None
    return key.key_size if isinstance(key, rsa.RSAPublicKey) else None


def key_in_words(certificate: x509.Certificate) -> str:
    """`RSA 2048`, `EC secp256r1`, or what else it is."""
    try:
        key = certificate.public_key()
    except Exception:  # as above
        return "not readable"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    return f"RSA {key.key_size}" if isinstance(key, rsa.RSAPublicKey) else type(key).__name__.removesuffix("PublicKey")


def _writes_its_curve_out(certificate: x509.Certificate) -> bool:
    """Whether the EC parameters are a SEQUENCE: so a liar may choose the generator (CVE-2020-0601)."""
    fields = elements(only(certificate.tbs_certificate_bytes, SEQUENCE))
    # RFC 5280 §4.1: the explicitly tagged version is left out of version 1.
    public_key_info = fields[6 if fields[0][0] == 0xA0 else 5][1]
    algorithm = elements(public_key_info)[0][1]
    return any(tag == SEQUENCE for tag, _ in elements(algorithm))


def signature_weakness(certificate: x509.Certificate) -> str | None:
    """What is wrong with how the certificate was signed, None when nothing is. Spec: RFC 9325 §4.4, RFC 9155."""
    try:
        digest = certificate.signature_hash_algorithm
    except Exception:  # an algorithm that is not known, or parameters that are not
        return "is signed with an algorithm that is not known"
    return digest_weakness(digest)


def digest_weakness(digest: hashes.HashAlgorithm | None) -> str | None:
    """The same for anything else that was signed over a digest; None stands for none."""
    return None if isinstance(digest, _DIGESTS) else "is signed with a digest other than SHA-256, SHA-384 and SHA-512"
