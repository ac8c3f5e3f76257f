"""Values as plain JSON: what a bundle's document is made of. Of one object there is one form, made once."""

from __future__ import annotations

import base64
from collections.abc import Hashable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any

from dcrgw.compliance import kept

_AS_IT_IS = frozenset({str, int, float, bool, type(None)})


class Writer:
    """Makes plain forms; the same object, met again, has the very same form."""

    def __init__(self) -> None:
        #: By identity; the value is kept beside its form, so that no other can take its place meanwhile.
        self._made: dict[int, tuple[Any, Any]] = {}

    def plain(self, value: Any) -> Any:
        """The value in JSON's types: dicts, lists, texts, numbers. Raises: TypeError for what has no such form."""
        if type(value) in _AS_IT_IS:
            return value
        found = self._made.get(id(value))
        if found is None:
            found = self._made[id(value)] = value, self._form(kept.keep(value))
        return found[1]

    def _form(self, value: Any) -> Any:
        match value:
            case Enum():
                return value.value
            case str():
                return str(value)  # a header's name is of a kind of its own
            case bytes():
                return base64.urlsafe_b64encode(value).decode()
            case dict() | Mapping():
                return {str(name): self.plain(each) for name, each in value.items()}
            case set() | frozenset():
                # A set has an order here, so that equal values make equal texts.
                return sorted(map(self.plain, value), key=kept.text_of)
            case list() | tuple():
                return [self.plain(each) for each in value]
        names = members(value.__class__)
        if not names:
            raise TypeError(f"a {type(value).__name__} has no plain form")
        return {name: self.plain(getattr(value, name)) for name in names}


@cache
def members(kind: Hashable) -> tuple[str, ...]:
    """The names of a dataclass's fields, but for those that it makes itself; of another type none."""
    return tuple(each.name for each in fields(kind) if each.init) if is_dataclass(kind) else ()
