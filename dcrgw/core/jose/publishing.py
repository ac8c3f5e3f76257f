"""Our own public keys, as a JWK Set that others verify with."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwcrypto.jwk import JWK

from dcrgw.core.jose.algorithms import fitting

PublicKey = RSAPublicKey | EllipticCurvePublicKey


def thumbprint(key: PublicKey) -> str:
    """RFC 7638 SHA-256 thumbprint, base64url: a name that only this key has."""
    name: str = JWK.from_pyca(key).thumbprint()
    return name


def public_jwk(key: PublicKey, alg: str) -> dict[str, str]:
    """The JWK (RFC 7517 §4) of a signature key for one algorithm; its kid is its thumbprint.

    Raises: ValueError when the key is not one for `alg`.
    """
    if alg not in fitting(key):
        raise ValueError(f"the key is not one for {alg}")
    jwk: dict[str, str] = JWK.from_pyca(key).export_public(as_dict=True)
    # jwcrypto adds a kid of its own to an imported key: the same thumbprint.
    return {**jwk, "kid": thumbprint(key), "use": "sig", "alg": alg}
