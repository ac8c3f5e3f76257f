"""Text that others wrote, made fit to stand in a page beside ours. Escaping is the template's; this is about lying."""

from __future__ import annotations

import unicodedata

#: Marks and overrides that turn the reading direction: with them an amount or a name reads otherwise than it is.
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
#: Format characters that some scripts cannot be written without.
_JOINING = frozenset("\u200c\u200d")


def line(text: str, most: int) -> str:
    """One line of at most `most` characters: blanks in a row are one, nothing is invisible or turns the direction."""
    return _cut(" ".join(_visible(text).split()), most)


def lines(text: str, most: int) -> str:
    """The same for text of several lines; empty ones are dropped."""
    found = [" ".join(_visible(each).split()) for each in text.splitlines()]
    return _cut("\n".join(each for each in found if each), most)


def _visible(text: str) -> str:
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character in _TURNING:
        return ""
    category = unicodedata.category(character)
    if category == "Cc":
        return " "
    # Cf: format, Cs: half of a pair, Co: private, Cn: unassigned.
    return "" if category.startswith("C") and character not in _JOINING else character


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
