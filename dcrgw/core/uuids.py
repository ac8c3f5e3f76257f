"""UUIDs of random octets, as text."""

from __future__ import annotations


def version_4(octets: bytes) -> str:
    """The UUIDv4 of 16 random octets. Spec: RFC 9562 §5.4.

    The library's own takes its octets through a number and back, five times as long.
    """
    digits = octets.hex()
    variant = "89ab"[octets[8] >> 4 & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
