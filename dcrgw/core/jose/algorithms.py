"""The signature algorithms of the door (RFC 7518 §3.1), asymmetric only: HMAC and none are not even known here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa


@dataclass(frozen=True, slots=True)
class RsaAlgorithm:
    """An RSA signature scheme with its fixed parameters."""

    hash: hashes.HashAlgorithm
    padding: padding.PSS | padding.PKCS1v15


@dataclass(frozen=True, slots=True)
class EcAlgorithm:
    """ECDSA on the one curve that the algorithm's name fixes.

    `order` is the order of the curve's base point, `octets` the length of r and of s in a signature.
    """

    hash: hashes.HashAlgorithm
    curve: str
    order: int
    octets: int


Algorithm = RsaAlgorithm | EcAlgorithm


def _pss(hash: hashes.HashAlgorithm) -> RsaAlgorithm:
    # RFC 7518 §3.5: MGF1 with the same hash, and a salt exactly as long as the hash.
    return RsaAlgorithm(hash, padding.PSS(mgf=padding.MGF1(hash), salt_length=hash.digest_size))


def _pkcs1(hash: hashes.HashAlgorithm) -> RsaAlgorithm:
    return RsaAlgorithm(hash, padding.PKCS1v15())


_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_P384_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973
_P521_ORDER = (1 << 521) - 0x5AE79787C40D069948033FEB708F65A2FC44A36477663B851449048E16EC79BF7

#: Every algorithm that a policy may name, the ones of FAPI first.
ALGORITHMS: Mapping[str, Algorithm] = MappingProxyType(
    {
        "PS256": _pss(hashes.SHA256()),
        "ES256": EcAlgorithm(hashes.SHA256(), "secp256r1", _P256_ORDER, 32),
        "PS384": _pss(hashes.SHA384()),
        "PS512": _pss(hashes.SHA512()),
        "ES384": EcAlgorithm(hashes.SHA384(), "secp384r1", _P384_ORDER, 48),
        "ES512": EcAlgorithm(hashes.SHA512(), "secp521r1", _P521_ORDER, 66),
        "RS256": _pkcs1(hashes.SHA256()),
        "RS384": _pkcs1(hashes.SHA384()),
        "RS512": _pkcs1(hashes.SHA512()),
    }
)


#: Curve -> the algorithms that a key on it could serve; None stands for RSA keys.
_FITTING = {
    curve: frozenset(name for name, algorithm in ALGORITHMS.items() if getattr(algorithm, "curve", None) == curve)
    for curve in (None, "secp256r1", "secp384r1", "secp521r1")
}


def fitting(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> frozenset[str]:
    """The algorithms that a key could serve by its type and curve."""
    curve = key.curve.name if isinstance(key, ec.EllipticCurvePublicKey) else None
    return _FITTING.get(curve, frozenset())
