"""Signing keys of pretended directories and TPPs: they sign what is right, and just as readily what is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from dcrgw.core.jose import base64url, signing
from dcrgw.core.jose.algorithms import ALGORITHMS, EcAlgorithm

_CURVES: Mapping[str, tuple[str, ec.EllipticCurve]] = {
    "ES256": ("P-256", ec.SECP256R1()),
    "ES384": ("P-384", ec.SECP384R1()),
    "ES512": ("P-521", ec.SECP521R1()),
}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with the name and algorithm under which it is published."""

    kid: str
    alg: str
    private_key: signing.PrivateKey = field(repr=False)

    @classmethod
    def generate(cls, kid: str, alg: str = "PS256", bits: int = 2048) -> SigningKey:
        """A fresh key; `bits` is for RSA only."""
        if alg in _CURVES:
            return cls(kid, alg, ec.generate_private_key(_CURVES[alg][1]))
        return cls(kid, alg, rsa.generate_private_key(65_537, bits))

    @property
    def pem(self) -> bytes:
        """The private key, PKCS #8 without a password."""
        return self.private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def public_jwk(self, **changes: Any) -> dict[str, Any]:
        """The published form; a change to None leaves a member out."""
        jwk: dict[str, Any] = {
            "kid": self.kid,
            "use": "sig",
            "alg": self.alg,
            **_numbers(self.private_key.public_key()),
        }
        return {name: value for name, value in {**jwk, **changes}.items() if value is not None}

    def sign(self, claims: Mapping[str, Any], *, header: Mapping[str, Any] | None = None) -> str:
        """A proper token; `header` adds or replaces members, a None leaves one out."""
        members = {"typ": "JWT", "alg": self.alg, "kid": self.kid, **(header or {})}
        return self.sign_raw({k: v for k, v in members.items() if v is not None}, _json(claims))

    def sign_raw(self, header: bytes | Mapping[str, Any], payload: bytes) -> str:
        """A token of exactly this header and payload, however wrong, signed by the key's own algorithm."""
        head = header if isinstance(header, bytes) else _json(header)
        signing_input = f"{base64url.encode(head)}.{base64url.encode(payload)}"
        return f"{signing_input}.{base64url.encode(self.signature(signing_input.encode()))}"

    def signature(self, signing_input: bytes) -> bytes:
        """The raw signature octets over any bytes."""
        algorithm = ALGORITHMS[self.alg]
        if isinstance(self.private_key, rsa.RSAPrivateKey):
            assert not isinstance(algorithm, EcAlgorithm)
            return self.private_key.sign(signing_input, algorithm.padding, algorithm.hash)
        assert isinstance(algorithm, EcAlgorithm)
        r, s = decode_dss_signature(self.private_key.sign(signing_input, ec.ECDSA(algorithm.hash)))
        return r.to_bytes(algorithm.octets, "big") + s.to_bytes(algorithm.octets, "big")


def jwks(*keys: SigningKey | Mapping[str, Any]) -> bytes:
    """A JWK Set document of keys, or of JWKs as they are."""
    return _json({"keys": [key.public_jwk() if isinstance(key, SigningKey) else dict(key) for key in keys]})


def transport_jwk(certificate: x509.Certificate) -> dict[str, str]:
    """The key of a certificate as directories publish transport keys: use `tls`, and the certificate's own digest."""
    key = certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
    digest = base64url.encode(certificate.fingerprint(hashes.SHA256()))
    return {**_numbers(key), "kid": digest, "use": "tls", "x5t#S256": digest}


def _numbers(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> dict[str, str]:
    if isinstance(key, rsa.RSAPublicKey):
        rsa_numbers = key.public_numbers()
        return {"kty": "RSA", "n": _integer(rsa_numbers.n), "e": _integer(rsa_numbers.e)}
    numbers = key.public_numbers()
    name = next(name for name, curve in _CURVES.values() if curve.name == numbers.curve.name)
    octets = (numbers.curve.key_size + 7) // 8
    return {"kty": "EC", "crv": name, "x": _integer(numbers.x, octets), "y": _integer(numbers.y, octets)}


def _integer(number: int, octets: int = 0) -> str:
    return base64url.encode(number.to_bytes(octets or (number.bit_length() + 7) // 8, "big"))


def _json(members: Mapping[str, Any]) -> bytes:
    return json.dumps(dict(members), separators=(",", ":"), ensure_ascii=False).encode()
