"""Proves a token by what its market says must prove it: published keys, or a secret; never as its header would like.

A secret serves where the bank's script gives it and the profile lists HS256; for published keys HS256 is no algorithm
at all, so no token can have a public key taken for a secret (RFC 8725 §2.1).
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_public_key

from dcrgw.core import strict_json
from dcrgw.core.jose import mac, verification
from dcrgw.core.jose.algorithms import ALGORITHMS
from dcrgw.core.jose.keys import KeySet
from dcrgw.core.jose.reader import JosePolicy, ReadPolicy, Unverified
from dcrgw.core.jose.reasons import JoseReason, JoseRefused


@dataclass(frozen=True, slots=True)
class SharedSecret:
    """A secret that proves HS256 tokens. Raises: ValueError where the text is published to everybody: a public key."""

    text: str = field(repr=False)

    def __post_init__(self) -> None:
        if _is_public_key(self.text):
            raise ValueError("a public key is no secret")


def policy_of(algorithms: frozenset[str], types: frozenset[str], max_token_bytes: int) -> ReadPolicy:
    """Which tokens a profile takes. Raises: ValueError when it names no algorithm, or one that nothing here knows."""
    known = ALGORITHMS.keys() | {mac.ALGORITHM}
    if not algorithms or not algorithms <= known:
        raise ValueError(f"algorithms must be some of {', '.join(sorted(known))}")
    return ReadPolicy(algorithms, types, max_token_bytes)


def wants_secret(token: Unverified, policy: ReadPolicy) -> bool:
    """Whether the token is one that the policy lets a secret prove."""
    return token.header.alg == mac.ALGORITHM and mac.ALGORITHM in policy.algorithms


def prove(token: Unverified, keys: KeySet | SharedSecret, policy: ReadPolicy) -> None:
    """The token is proven by the keys, or by the secret, that were found for it. Raises: JoseRefused."""
    if isinstance(keys, SharedSecret):
        if mac.ALGORITHM not in policy.algorithms:
            raise JoseRefused(JoseReason.ALGORITHM, f"{mac.ALGORITHM} is not one of the profile's algorithms")
        mac.verify(token, keys.text)
        return
    if token.header.alg not in policy.algorithms & ALGORITHMS.keys():
        raise JoseRefused(JoseReason.ALGORITHM, "the header's alg is not one of a published key")
    verification.verify(token, keys, _asymmetric(policy))


@lru_cache(maxsize=64)
def _asymmetric(policy: ReadPolicy) -> JosePolicy:
    """The policy without the secret's algorithm."""
    algorithms = frozenset(policy.algorithms & ALGORITHMS.keys())
    return JosePolicy(algorithms, policy.types, policy.max_token_bytes, policy.max_header_bytes, policy.kid_required)


def _is_public_key(text: str) -> bool:
    """PEM of any kind, a JWK or a JWK Set, or the DER of a public key or a certificate in base64."""
    if "-----BEGIN" in text:
        return True
    try:
        value = strict_json.loads(text.encode())
    except (strict_json.JsonRefused, UnicodeEncodeError):
        return _is_der(text)
    return isinstance(value, dict) and not value.keys().isdisjoint({"kty", "keys", "n", "x"})


_WHITE = re.compile(r"\s+")


def _is_der(text: str) -> bool:
    bare = _WHITE.sub("", text).replace("-", "+").replace("_", "/")
    try:
        der = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    # SEQUENCE with a long length: a certificate has one; a secret that begins so by chance may be chosen anew.
    if len(der) > 300 and der[:2] in (b"\x30\x82", b"\x30\x81"):
        return True
    try:
        load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm):
        return False
    return True
