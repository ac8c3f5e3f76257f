"""Whether a question is the recorded one, told by sight: a value beside the document's JSON, nothing written anew."""

from __future__ import annotations

import base64
from collections.abc import Set
from enum import Enum
from typing import Any

from dcrgw.compliance import kept
from dcrgw.compliance.plain import Writer, members


def says(value: Any, plain: Any) -> bool:
    """Whether `plain` says of the value what a bundle would, as far as both versions know its members.

    The texts and objects of JSON, which are most of a question, are compared as they are.
    """
    return value == plain or _says_yet(value, plain)


def _says_yet(value: Any, plain: Any) -> bool:
    """The same of what is not simply equal."""
    if type(plain) is dict:
        return _says_object(value, plain) if type(value) is dict else _says_members(value, plain)
    if type(plain) is list:
        return _says_list(value, plain)
    if isinstance(value, Enum):
        return bool(value.value == plain)
    return type(value) is bytes and base64.urlsafe_b64encode(value).decode() == plain


# Loops, and none of the shorter words for them: this is a tenth of a replay, and half as long so.


def _says_object(value: dict[str, Any], plain: dict[str, Any]) -> bool:
    if value.keys() != plain.keys():
        return False
    for name, mine in value.items():
        its = plain[name]
        if mine != its and not _says_yet(mine, its):
            return False
    return True


def _says_members(value: Any, plain: dict[str, Any]) -> bool:
    form = kept.keep(value)
    is_known = False
    for name in members(form.__class__):
        # A member that only one version knows is no difference.
        if name in plain:
            mine, its, is_known = getattr(form, name), plain[name], True
            if mine != its and not _says_yet(mine, its):
                return False
    return is_known


def _says_list(value: Any, plain: list[Any]) -> bool:
    if isinstance(value, Set):
        return bool(Writer().plain(value) == plain)
    if not isinstance(value, list | tuple) or len(value) != len(plain):
        return False
    for mine, its in zip(value, plain, strict=True):  # noqa: SIM110
        if mine != its and not _says_yet(mine, its):
            return False
    return True
