"""Base64url as RFC 7515 §2 has it: no padding, and one spelling only for each octet string."""

from __future__ import annotations

from binascii import Error, a2b_base64, b2a_base64

# To the standard alphabet and back. What the standard alphabet has and ours has not becomes '!',
# which strict mode refuses like every other foreign byte.
_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")
_TO_URL = bytes.maketrans(b"+/", b"-_")

# By length modulo 4: the last characters whose unused low bits are zero (RFC 4648 §3.5). Any
# other would be a second spelling of the same octets. No length leaves a single character over.
_LAST: tuple[frozenset[int] | None, ...] = (
    None,
    frozenset(),
    frozenset(b"AQgw"),
    frozenset(b"AEIMQUYcgkosw048"),
)
_PADDING = (b"", b"", b"==", b"=")


class NotCanonical(ValueError):
    """The text is not the one canonical base64url spelling of anything."""


def decode(part: bytes) -> bytes:
    """The octets of a base64url text; of none for an empty one.

    Raises: NotCanonical for padding, white space, foreign characters, stray bits, impossible lengths.
    """
    over = len(part) & 3
    last = _LAST[over]
    if last is not None and part[-1] not in last:
        raise NotCanonical("a character is missing or unused bits are set")
    try:
        return a2b_base64(part.translate(_TO_STANDARD) + _PADDING[over], strict_mode=True)
    except Error:
        raise NotCanonical("a character is outside the base64url alphabet") from None


def encode(octets: bytes) -> str:
    """The canonical base64url text of some octets."""
    return b2a_base64(octets, newline=False).rstrip(b"=").translate(_TO_URL).decode("ascii")
