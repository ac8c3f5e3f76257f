"""Which of the languages that there are is the best for a person (RFC 4647 §3.4, lookup)."""

from __future__ import annotations

from collections.abc import Sequence


def chosen(available: Sequence[str], wanted: Sequence[str]) -> str:
    """The best one; the first that is available where none is wanted. `available` is not empty."""
    known = {each.lower(): each for each in available}
    for each in wanted:
        tag = each.lower()
        while tag:
            if tag in known:
                return known[tag]
            tag = tag.rpartition("-")[0]
    return available[0]
