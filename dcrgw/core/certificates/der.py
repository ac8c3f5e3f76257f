"""A strict, small DER reader: for extensions and values that no parser of ours knows by itself."""

from __future__ import annotations

OBJECT_IDENTIFIER, UTF8_STRING, SEQUENCE = 0x06, 0x0C, 0x30


class DerRefused(ValueError):
    """The octets are not DER as we take it."""


def elements(run: bytes) -> list[tuple[int, bytes]]:
    """(tag, content) of the elements that follow one another in `run`.

    Raises: DerRefused for long tags, indefinite or non-minimal lengths, and elements that are cut off.
    """
    found = []
    position = 0
    while position < len(run):
        tag, start, end = _header(run, position)
        if end > len(run):
            raise DerRefused("an element is cut off")
        found.append((tag, run[start:end]))
        position = end
    return found


def only(run: bytes, tag: int) -> bytes:
    """The content of the one element, of this tag, that `run` is. Raises: DerRefused."""
    found = elements(run)
    if len(found) != 1 or found[0][0] != tag:
        raise DerRefused(f"not one element of tag {tag:#04x}")
    return found[0][1]


def _header(run: bytes, position: int) -> tuple[int, int, int]:
    if position + 2 > len(run):
        raise DerRefused("a header is cut off")
    tag, first = run[position], run[position + 1]
    start = position + 2
    if tag & 0x1F == 0x1F:
        raise DerRefused("a tag of several octets")
    if first < 0x80:
        return tag, start, start + first
    length = run[start : start + (first & 0x7F)]
    size = int.from_bytes(length, "big")
    # X.690 §10.1: definite, and in as few octets as possible.
    if first == 0x80 or len(length) != first & 0x7F or length[0] == 0 or size < 0x80:
        raise DerRefused("a length that is not the shortest definite one")
    return tag, start + len(length), start + len(length) + size
