"""DER written by hand: for extensions that no builder of ours knows."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat import asn1


def tlv(tag: int, *parts: bytes) -> bytes:
    """One element: tag, definite length, and the parts as its content."""
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def oid(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER element."""
    return asn1.encode_der(x509.ObjectIdentifier(dotted))
