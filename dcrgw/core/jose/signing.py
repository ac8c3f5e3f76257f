"""Signs claims as a compact JWS, for what we send ourselves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS

from dcrgw.core.jose.algorithms import ALGORITHMS, fitting

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
    jws = JWS(_compact(claims))
    jws.allowed_algs = [alg]
    jws.add_signature(JWK.from_pyca(key), alg=alg, protected=_compact(members))
    token: str = jws.serialize(compact=True)
    return token


def _compact(members: Mapping[str, Any]) -> str:
    return json.dumps(dict(members), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
