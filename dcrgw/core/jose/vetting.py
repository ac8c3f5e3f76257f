"""Judges one published JWK: may it verify signatures here, and which."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.x509 import load_der_x509_certificate

from dcrgw.core.jose import base64url
from dcrgw.core.jose.algorithms import ALGORITHMS, fitting
from dcrgw.core.jose.quality import rsa_weakness
from dcrgw.core.jose.reader import MAX_KID_LENGTH
from dcrgw.core.strict_json import JsonValue

_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_NUMBERS = {"RSA": ("e", "n"), "EC": ("x", "y")}
_CURVES = {"P-256": SECP256R1(), "P-384": SECP384R1(), "P-521": SECP521R1()}
_CURVE_NAMES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}

PublicKey = RSAPublicKey | EllipticCurvePublicKey


class KeyRefused(ValueError):
    """A JWK that verifies nothing here. `kid` is empty where it has none of use."""

    def __init__(self, kid: str, reason: str) -> None:
        self.kid = kid
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Vetted:
    """What is known of a JWK that was found good."""

    kid: str
    key: PublicKey
    algorithms: frozenset[str]
    thumbprint: str


def vet(jwk: JsonValue) -> Vetted:
    """A published key, believed. Raises: KeyRefused. Spec: RFC 7517 §4, RFC 7518 §6, RFC 8725 §3.5."""
    if not isinstance(jwk, dict):
        raise KeyRefused("", "it is not a JSON object")
    kid = _kid(jwk)

    def refuse(reason: str | None) -> None:
        if reason is not None:
            raise KeyRefused(kid, reason)

    refuse(_wrong_kind(jwk))
    refuse(_wrong_purpose(jwk))
    key = _imported(jwk, kid)
    refuse(rsa_weakness(key) if isinstance(key, RSAPublicKey) else None)
    refuse(_wrong_certificate(jwk, key))
    return Vetted(kid, key, _algorithms(jwk, key, kid), thumbprint(key))


def thumbprint(key: PublicKey) -> str:
    """RFC 7638 §3."""
    if isinstance(key, RSAPublicKey):
        rsa = key.public_numbers()
        members = f'{{"e":"{_unsigned(rsa.e)}","kty":"RSA","n":"{_unsigned(rsa.n)}"}}'
    else:
        ec, octets = key.public_numbers(), (key.curve.key_size + 7) // 8
        x, y = _unsigned(ec.x, octets), _unsigned(ec.y, octets)
        members = f'{{"crv":"{_CURVE_NAMES[key.curve.name]}","kty":"EC","x":"{x}","y":"{y}"}}'
    return base64url.encode(hashlib.sha256(members.encode()).digest())


def _unsigned(number: int, octets: int = 0) -> str:
    """RFC 7518 §2, Base64urlUInt; of a fixed length where one is given."""
    return base64url.encode(number.to_bytes(octets or (number.bit_length() + 7) // 8, "big"))


def _kid(jwk: dict[str, JsonValue]) -> str:
    kid = jwk.get("kid")
    if isinstance(kid, str) and 0 < len(kid) <= MAX_KID_LENGTH:
        return kid
    raise KeyRefused("", f"its kid is not a string of 1 to {MAX_KID_LENGTH} characters")


def _wrong_kind(jwk: dict[str, JsonValue]) -> str | None:
    kty = jwk.get("kty")
    if kty == "oct":
        return "it is a symmetric key"
    if not isinstance(kty, str) or kty not in _NUMBERS:
        return "its kty is neither RSA nor EC"
    if not _PRIVATE_MEMBERS.isdisjoint(jwk):
        return "its private part is published: it must be replaced"
    crv = jwk.get("crv")
    if kty == "EC" and not (isinstance(crv, str) and crv in _CURVES):
        return "its crv is not one of P-256, P-384, P-521"
    return None


def _wrong_purpose(jwk: dict[str, JsonValue]) -> str | None:
    # OB directories publish transport keys as use "tls" beside the signing ones.
    if "use" in jwk and jwk["use"] != "sig":
        return "its use is not sig"
    if "key_ops" in jwk:
        operations = jwk["key_ops"]
        if not isinstance(operations, list) or "verify" not in operations:
            return "its key_ops do not hold verify"
    return None


def _imported(jwk: dict[str, JsonValue], kid: str) -> PublicKey:
    kty = jwk["kty"]
    first, second = [_number(jwk, name, kid) for name in _NUMBERS["RSA" if kty == "RSA" else "EC"]]
    try:
        if kty == "RSA":
            return RSAPublicNumbers(first, second).public_key()
        return EllipticCurvePublicNumbers(first, second, _CURVES[str(jwk["crv"])]).public_key()
    except Exception as error:
        # A library judges a stranger's numbers here; whatever it raises, the key is not one.
        raise KeyRefused(kid, "its numbers are not a public key") from error


def _number(jwk: dict[str, JsonValue], name: str, kid: str) -> int:
    """RFC 7518 §2, Base64urlUInt."""
    text = jwk.get(name)
    try:
        octets = base64url.decode(text.encode("ascii")) if isinstance(text, str) else b""
    except (UnicodeEncodeError, base64url.NotCanonical):
        octets = b""
    if not octets:
        raise KeyRefused(kid, f"its {name} is missing or not base64url")
    return int.from_bytes(octets, "big")


def certificate(jwk: JsonValue) -> bytes | None:
    """The certificate (DER) that a published key comes with, its own; None for a key that is not to be shown in TLS.

    Such a key needs neither kid nor alg. Spec: RFC 8705 §2.2.2, RFC 7517 §4.2, §4.7.
    """
    if not isinstance(jwk, dict) or "x5c" not in jwk or jwk.get("use", "sig") not in ("sig", "tls"):
        return None
    try:
        if _wrong_kind(jwk) or _wrong_certificate(jwk, _imported(jwk, "")):
            return None
    except KeyRefused:
        return None
    chain = jwk["x5c"]
    return b64decode(chain[0]) if isinstance(chain, list) and isinstance(chain[0], str) else None


def _wrong_certificate(jwk: dict[str, JsonValue], key: PublicKey) -> str | None:
    """Whether the key's own certificate is another key's (RFC 7517 §4.7). It gives no trust."""
    if "x5c" not in jwk:
        return None
    chain = jwk["x5c"]
    if not isinstance(chain, list) or not chain or not isinstance(chain[0], str):
        return "its x5c is not a list of certificates"
    try:
        certified = load_der_x509_certificate(b64decode(chain[0], validate=True)).public_key()
    except Exception:
        return "its x5c does not hold a certificate first"
    return None if certified == key else "its x5c is another key's certificate"


def _algorithms(jwk: dict[str, JsonValue], key: PublicKey, kid: str) -> frozenset[str]:
    possible = fitting(key)
    if "alg" not in jwk:
        return possible
    alg = jwk["alg"]
    if not isinstance(alg, str) or alg not in ALGORITHMS:
        raise KeyRefused(kid, "its alg is not a signature algorithm that is known here")
    if alg not in possible:
        raise KeyRefused(kid, "its alg is not one for its kty and crv")
    return frozenset({alg})
