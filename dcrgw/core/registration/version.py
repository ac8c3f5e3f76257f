"""A registration's version as HTTP sees it: the entity tag of an answer, and what If-Match asks for."""

from __future__ import annotations

import re
from collections.abc import Sequence

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\U0010ffff]*"'
#: RFC 9110 §5.6.1: elements of a list may be empty.
_TAGS = re.compile(rf"[ \t,]*{_TAG}(?:[ \t]*,[ \t,]*{_TAG})*[ \t,]*")


def entity_tag(version: int) -> str:
    """The strong entity tag of a version: `"3"`."""
    return f'"{version}"'


def is_expected(if_match: Sequence[str], version: int) -> bool:
    """Whether the If-Match headers of a request (none: no wish) take this version; what cannot be read does not.

    Spec: RFC 9110 §13.1.1, compared strongly (§8.8.3.2), so that a weak tag never matches.
    """
    wish = ", ".join(if_match)
    if not if_match or wish.strip(" \t") == "*":
        return True
    return _TAGS.fullmatch(wish) is not None and entity_tag(version) in re.findall(_TAG, wish)
