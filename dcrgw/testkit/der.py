"""DER by hand: for what no builder knows, and for what no builder would make."""

from __future__ import annotations

from collections.abc import Sequence

from dcrgw.core.certificates.der_writing import oid, tlv

__all__ = ["content", "elements", "oid", "raw_subject", "tlv"]

INTEGER, BIT_STRING, NULL, SEQUENCE, SET = 0x02, 0x03, 0x05, 0x30, 0x31
#: Tags of the string types that subjects are made of, and of some that they must not be made of.
OCTET_STRING, UTF8, NUMERIC, PRINTABLE, T61, IA5 = 0x04, 0x0C, 0x12, 0x13, 0x14, 0x16
VISIBLE, UNIVERSAL, BMP = 0x1A, 0x1C, 0x1E

#: One attribute of a raw subject: dotted oid, tag of its string type, octets of its value.
Attribute = tuple[str, int, bytes]


def content(element: bytes) -> bytes:
    """What is inside one well-formed element."""
    return element[_header_and_body(element)[0] :]


def elements(run: bytes) -> list[bytes]:
    """The well-formed elements, headers and all, that follow one another in `run`."""
    found = []
    while run:
        size = sum(_header_and_body(run))
        found.append(run[:size])
        run = run[size:]
    return found


def _header_and_body(element: bytes) -> tuple[int, int]:
    first = element[1]
    if first < 0x80:
        return 2, first
    header = 2 + (first & 0x7F)
    return header, int.from_bytes(element[2:header], "big")


def raw_subject(*rdns: Sequence[Attribute]) -> bytes:
    """A Name as DER (SETs in order) with nothing checked; an argument is one RDN, a list of (oid, tag, octets).

    `raw_subject([("2.5.4.3", T61, b"tp\\xe9")])`: subjects that a CA should never have signed.
    """
    return tlv(SEQUENCE, *(tlv(SET, *sorted(_attribute(*attribute) for attribute in rdn)) for rdn in rdns))


def _attribute(dotted: str, tag: int, value: bytes) -> bytes:
    return tlv(SEQUENCE, oid(dotted), tlv(tag, value))
