"""Which request digests the registry may hold, kept in two megabytes whatever their number.

Nearly every request is new, and asking the database for it costs the loop a look at the write-ahead log and at
pages that the last commit has made stale. So it is asked only about a digest that this filter cannot rule out: it
never forgets one, and with a million of them takes one in seventy others for known (Bloom, 1970).
"""

from __future__ import annotations

from collections.abc import Iterable

_BITS = 24
_MASK = (1 << _BITS) - 1


class KnownRequests:
    """A set of digests that may say yes too often and never no."""

    def __init__(self, digests: Iterable[str] = ()) -> None:
        self._bits = bytearray((1 << _BITS) // 8)
        for digest in digests:
            self.add(digest)

    def add(self, digest: str) -> None:
        """Remember one."""
        first, second = _places(digest)
        self._bits[first >> 3] |= 1 << (first & 7)
        self._bits[second >> 3] |= 1 << (second & 7)

    def may_hold(self, digest: str) -> bool:
        """False: it was never added."""
        first, second = _places(digest)
        return bool(self._bits[first >> 3] >> (first & 7) & self._bits[second >> 3] >> (second & 7) & 1)


def _places(digest: str) -> tuple[int, int]:
    """Two bits, by two parts of the text's hash: Python's is keyed anew in each process, so nobody can aim at a bit."""
    number = hash(digest)
    return number & _MASK, number >> _BITS & _MASK
