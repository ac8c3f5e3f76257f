"""Key sets of keys that must not be believed any more: known by what they are, never by their names alone.

A directory publishes signing and transport keys there alike, of every age and strength. So nothing is vetted: whatever
can be told of a key is kept, since a key that is left out would be believed.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode
from collections.abc import Iterator

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from dcrgw.core.jose import base64url
from dcrgw.core.jose.keys import KeySet, KeySetUnusable, entries, members_of
from dcrgw.core.jose.vetting import thumbprint
from dcrgw.core.strict_json import JsonValue

#: Octets of a coordinate (RFC 7518 §6.2.1.2).
_COORDINATES = {"P-256": 32, "P-384": 48, "P-521": 66}
_MEMBERS = {"RSA": ("e", "n"), "EC": ("crv", "x", "y")}


def revoked_set(document: bytes, *, source: str = "") -> KeySet:
    """A set without usable keys, whose `prints` hold every key of the document.

    Raises: KeySetUnusable, also for a key of which nothing can be told.
    """
    return KeySet({}, (), source, frozenset(_all_prints(document)))


def certificate_prints(der: bytes) -> frozenset[str]:
    """What a certificate would be known by: its own digest (x5t#S256) and its key's thumbprint."""
    return frozenset(_of_certificate(der))


def _all_prints(document: bytes) -> Iterator[str]:
    for index, entry in enumerate(entries(members_of(document))):
        found = set(_prints(entry)) if isinstance(entry, dict) else set()
        if not found and not _is_of_another_kind(entry):
            raise KeySetUnusable(f"key {index} of the revoked keys cannot be told from others")
        yield from found


def _is_of_another_kind(entry: JsonValue) -> bool:
    """A key of a type that is believed nowhere here anyway."""
    return isinstance(entry, dict) and isinstance(entry.get("kty"), str) and entry["kty"] not in _MEMBERS


def _prints(jwk: dict[str, JsonValue]) -> Iterator[str]:
    kty, x5t, x5c = jwk.get("kty"), jwk.get("x5t#S256"), jwk.get("x5c")
    names = _MEMBERS.get(kty) if isinstance(kty, str) else None
    if names is not None and all(isinstance(jwk.get(name), str) for name in names):
        # RFC 7638 §3.2 by hand: the numbers may be such that no library takes them for a key.
        members = ",".join(f'"{name}":"{_plain(name, jwk)}"' for name in sorted((*names, "kty")))
        yield base64url.encode(hashlib.sha256(f"{{{members}}}".encode()).digest())
    if isinstance(x5t, str) and x5t:
        yield x5t
    if isinstance(x5c, list) and x5c and isinstance(x5c[0], str):
        try:
            yield from _of_certificate(b64decode(x5c[0], validate=True))
        except Exception as error:  # whatever a parser raises, the certificate cannot be read
            raise KeySetUnusable("a certificate of the revoked keys cannot be read") from error


def _plain(name: str, jwk: dict[str, JsonValue]) -> str:
    """The member as RFC 7518 §6 writes it: the same number must not pass for another key by its zeros or padding."""
    value = str(jwk[name])
    if name in ("kty", "crv"):
        return value
    try:
        octets = b64decode(value.rstrip("=") + "=" * (-len(value.rstrip("=")) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise KeySetUnusable(f"the {name} of a revoked key is not base64url") from error
    return base64url.encode(octets.lstrip(b"\0").rjust(_COORDINATES.get(str(jwk.get("crv")), 0), b"\0"))


def _of_certificate(der: bytes) -> Iterator[str]:
    yield base64url.encode(hashlib.sha256(der).digest())
    key = x509.load_der_x509_certificate(der).public_key()
    if isinstance(key, RSAPublicKey | EllipticCurvePublicKey):
        yield thumbprint(key)
