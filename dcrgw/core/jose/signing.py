"""Signs claims as a compact JWS, for what we send ourselves.

The key is only asked to sign: it may as well be one that never leaves its hardware.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from dcrgw.core.jose import base64url
from dcrgw.core.jose.algorithms import ALGORITHMS, Algorithm, EcAlgorithm, fitting

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey


def sign(
    claims: Mapping[str, Any],
    *,
    key: PrivateKey,
    alg: str,
    kid: str,
    typ: str | None = "JWT",
    header: Mapping[str, Any] | None = None,
) -> str:
    """The compact JWS of some claims. `header` adds to, or replaces, the members alg, kid and typ.

    Raises: ValueError when the algorithm is unknown or the key is not one for it.
    """
    if alg not in ALGORITHMS:
        raise ValueError(f"alg must be one of {', '.join(ALGORITHMS)}")
    if alg not in fitting(key.public_key()):
        raise ValueError(f"the key is not one for {alg}")
    members = {"typ": typ, "alg": alg, "kid": kid, **(header or {})}
    if members["typ"] is None:
        del members["typ"]
    signed = f"{_encoded(members)}.{_encoded(claims)}"
    return f"{signed}.{base64url.encode(_signature(signed.encode(), key, ALGORITHMS[alg]))}"


def _signature(message: bytes, key: PrivateKey, algorithm: Algorithm) -> bytes:
    if isinstance(algorithm, EcAlgorithm):
        assert isinstance(key, EllipticCurvePrivateKey)
        # RFC 7518 §3.4: r and s side by side, each of the curve's full length.
        r, s = decode_dss_signature(key.sign(message, ECDSA(algorithm.hash)))
        return r.to_bytes(algorithm.octets, "big") + s.to_bytes(algorithm.octets, "big")
    assert isinstance(key, RSAPrivateKey)
    return key.sign(message, algorithm.padding, algorithm.hash)


def _encoded(members: Mapping[str, Any]) -> str:
    text = json.dumps(dict(members), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return base64url.encode(text.encode())
