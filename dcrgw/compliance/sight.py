"""Whether a question is the recorded one, told by sight: a value beside the document's JSON, nothing written anew."""

from __future__ import annotations

import base64
from collections.abc import Callable, Hashable, Iterable, Set
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Any

from dcrgw.compliance import kept
from dcrgw.compliance.plain import Writer, members


def says(value: Any, plain: Any) -> bool:
    """Whether `plain` says of the value what a bundle would, as far as both versions know its members.

    The texts and objects of JSON, which are most of a question, are compared as they are.
    """
    return value == plain or _says_yet(value, plain)


# Loops, and none of the shorter words for them: this is a tenth of a replay, and would be a fifth.


def _says_yet(value: Any, plain: Any) -> bool:
    """The same of what is not simply equal."""
    kind = type(plain)
    if kind is list:
        if type(value) is not tuple and type(value) is not list:
            return isinstance(value, Set) and bool(Writer().plain(value) == plain)
        if len(value) != len(plain):
            return False
        for mine, its in zip(value, plain, strict=True):  # noqa: SIM110
            if mine != its and not _says_yet(mine, its):
                return False
        return True
    if kind is dict:
        return _says_object(value, plain) if type(value) is dict else _says_members(kept.keep(value), plain)
    if isinstance(value, Enum):
        return bool(value.value == plain)
    return type(value) is bytes and base64.urlsafe_b64encode(value).decode() == plain


def _says_object(value: dict[str, Any], plain: dict[str, Any]) -> bool:
    if value.keys() != plain.keys():
        return False
    for name, mine in value.items():
        its = plain[name]
        if mine != its and not _says_yet(mine, its):
            return False
    return True


def _says_members(value: Any, plain: dict[str, Any]) -> bool:
    is_known = False
    for name, mine in _members(value.__class__)(value):
        # A member that only one version knows is no difference.
        if name in plain:
            its, is_known = plain[name], True
            if mine != its and not _says_yet(mine, its):
                return False
    return is_known


@cache
def _members(kind: Hashable) -> Callable[[Any], Iterable[tuple[str, Any]]]:
    """What gives the members of a dataclass with their names."""
    names = members(kind)
    if len(names) < 2:
        return lambda value: [(name, getattr(value, name)) for name in names]
    values = attrgetter(*names)
    return lambda value: zip(names, values(value), strict=True)
