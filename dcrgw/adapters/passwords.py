"""Password hashes: scrypt (RFC 7914), written `$scrypt$ln=15,r=8,p=3$salt$hash` with base64 that is not padded."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import unicodedata
from dataclasses import dataclass, field

_SALT_BYTES = 16
_HASH_BYTES = 32
#: Longer ones are no passwords, and hashing them is no work that a stranger should order.
MAX_LENGTH = 1000
#: A file may ask for this much memory for one hash, and no more.
_MOST_MEMORY_BYTES = 256 * 1024 * 1024

_FORM = re.compile(r"\$scrypt\$ln=([0-9]{1,2}),r=([0-9]{1,2}),p=([0-9]{1,2})\$([A-Za-z0-9+/]{22})\$([A-Za-z0-9+/]{43})")


@dataclass(frozen=True, slots=True, order=True)
class Cost:
    """What a hash costs: 2**ln * r * 128 bytes, p times over."""

    ln: int
    r: int
    p: int

    @property
    def memory_bytes(self) -> int:
        """What one computation fills."""
        return int(2**self.ln * self.r * 128)


#: 32 MiB, about a quarter of a second: one of the settings that OWASP's password storage page names as equal.
COST = Cost(15, 8, 3)


@dataclass(frozen=True, slots=True)
class Scrypt:
    """One password's hash."""

    cost: Cost
    salt: bytes = field(repr=False)
    hash: bytes = field(repr=False)

    def __str__(self) -> str:
        cost = self.cost
        return f"$scrypt$ln={cost.ln},r={cost.r},p={cost.p}${_base64(self.salt)}${_base64(self.hash)}"


def parse(text: str) -> Scrypt:
    """A hash as it is written. Raises: ValueError, whose text is a predicate and never echoes the input."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError("is no scrypt hash: make one with `dcrgw customers`")
    cost = Cost(int(match[1]), int(match[2]), int(match[3]))
    if cost.ln < 4 or not cost.r or not cost.p or cost.memory_bytes > _MOST_MEMORY_BYTES or cost.p > 16:
        raise ValueError("has a cost that is not taken")
    try:
        return Scrypt(cost, base64.b64decode(match[4] + "=="), base64.b64decode(match[5] + "="))
    except binascii.Error:
        raise ValueError("is no scrypt hash: make one with `dcrgw customers`") from None


def hashed(password: str, cost: Cost = COST) -> Scrypt:
    """A password's hash with a fresh salt."""
    salt = os.urandom(_SALT_BYTES)
    return Scrypt(cost, salt, _derive(password, cost, salt))


def is_password(password: str, expected: Scrypt) -> bool:
    """Whether this is the password; takes the same time for a yes and a no."""
    if len(password) > MAX_LENGTH:
        password = ""
    return hmac.compare_digest(_derive(password, expected.cost, expected.salt), expected.hash) and bool(password)


def _derive(password: str, cost: Cost, salt: bytes) -> bytes:
    # RFC 8265 §4.2.2: the same characters, typed on different keyboards, are the same password.
    octets = unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
    return hashlib.scrypt(
        octets, salt=salt, n=2**cost.ln, r=cost.r, p=cost.p, maxmem=cost.memory_bytes * 2, dklen=_HASH_BYTES
    )


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode().rstrip("=")
