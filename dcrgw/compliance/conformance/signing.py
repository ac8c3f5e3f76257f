"""Signs requests and statements: rightly, and in each wrong way that a pack knows."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dcrgw.compliance.conformance.filling import Lacking
from dcrgw.core.jose import base64url
from dcrgw.core.jose.algorithms import fitting
from dcrgw.core.jose.signing import PrivateKey
from dcrgw.testkit.certificates import new_key
from dcrgw.testkit.keys import SigningKey


@dataclass(frozen=True, slots=True)
class Order:
    """One token: its header and claims, who signs it by which algorithm, and what is broken afterwards."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    key: PrivateKey
    alg: str
    by: str = "own"
    damage: str = ""


def token(order: Order) -> str:
    """The compact JWS as ordered. Raises: Lacking where the tester's key cannot sign so."""
    return _damaged(_signed(order), order)


@cache
def stranger(rsa: bool) -> PrivateKey:
    """A key that no directory knows, of the sort that the tester's own is."""
    return new_key("rsa2048" if rsa else "p256")


def parts(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a compact token, empty where they cannot be read."""
    found = text.split(".")
    return (_object(found[0]), _object(found[1])) if len(found) == 3 else ({}, {})


def public_jwk(key: PrivateKey, kid: str, alg: str) -> dict[str, Any]:
    """The public half of a key, as a client publishes it."""
    return SigningKey(kid, alg, key).public_jwk()


def _signed(order: Order) -> str:
    if order.by == "none":
        return f"{_encoded(order.header)}.{_encoded(order.claims)}."
    if order.by == "public-key-as-secret":
        return _hmac(order)
    key = stranger(isinstance(order.key, RSAPrivateKey)) if order.by == "stranger" else order.key
    if order.alg not in fitting(key.public_key()):
        raise Lacking(f"a signing key for {order.alg}")
    return SigningKey("", order.alg, key).sign_raw(_json(order.header), _json(order.claims))


def _hmac(order: Order) -> str:
    """RFC 8725 §2.1: a public key taken for a shared secret."""
    public = order.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = f"{_encoded(order.header)}.{_encoded(order.claims)}"
    return f"{signed}.{base64url.encode(hmac.digest(public, signed.encode(), hashlib.sha256))}"


def _damaged(text: str, order: Order) -> str:
    head, claims, signature = text.split(".")
    match order.damage:
        case "flipped":
            octets = bytearray(base64url.decode(signature.encode()))
            octets[len(octets) // 2] ^= 1
            signature = base64url.encode(bytes(octets))
        case "cut":
            signature = base64url.encode(base64url.decode(signature.encode())[:-1])
        case "empty":
            signature = ""
        case "claims-changed":
            claims = _encoded({**order.claims, "client_name": "changed after signing"})
        case "part-missing":
            return f"{head}.{claims}"
        case "part-more":
            return f"{head}.{claims}.{signature}.{signature}"
        case "padded":
            return f"{head}.{claims}.{signature}{'=' * (-len(signature) % 4 or 1)}"
        case "blank":
            return f"{head}.{claims[:40]}\n{claims[40:]}.{signature}"
    return f"{head}.{claims}.{signature}"


def _encoded(members: Mapping[str, Any]) -> str:
    return base64url.encode(_json(members))


def _json(members: Mapping[str, Any]) -> bytes:
    return json.dumps(dict(members), separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def _object(part: str) -> dict[str, Any]:
    try:
        found = json.loads(base64url.decode(part.encode()))
    except (ValueError, UnicodeEncodeError):
        return {}
    return found if isinstance(found, dict) else {}
