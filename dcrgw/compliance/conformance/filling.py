"""References in a pack, `${tpp.software_id}`, and the values that take their places.

A text that is one reference becomes the value, of whatever type; within a longer text, its text.
`${now}`, `${now+300}` are times, `${uuid}` a new UUID, `${uuid:NAME}` one that stays the same in a case,
`${long:300}` a text of so many letters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

_REFERENCE = re.compile(r"\$\{([a-z_0-9.:+-]+)\}")
_TIME = re.compile(r"now(?:([+-])(\d+))?")


class Lacking(LookupError):
    """There is no value for a reference: the tester, or the bank, has none. The message names it."""


@dataclass(slots=True)
class Values:
    """What references stand for. `now` tells epoch seconds."""

    now: Callable[[], float]
    names: dict[str, Any] = field(default_factory=dict)
    _uuids: dict[str, str] = field(default_factory=dict)

    def fill(self, value: Any) -> Any:
        """The value with every reference in it replaced. Raises: Lacking."""
        match value:
            case str():
                return self._text(value)
            case Mapping():
                return {str(self.fill(name)): self.fill(each) for name, each in value.items()}
            case list() | tuple():
                return [self.fill(each) for each in value]
        return value

    def plainly(self, value: Any) -> Any:
        """The value filled in for somebody who reads it; as it is written where something is lacking."""
        try:
            return self.fill(value)
        except Lacking:
            return value

    def _text(self, text: str) -> Any:
        whole = _REFERENCE.fullmatch(text)
        if whole:
            return self.value(whole[1])
        return _REFERENCE.sub(lambda found: str(self.value(found[1])), text)

    def value(self, reference: str) -> Any:
        """The value of one reference, without its braces. Raises: Lacking."""
        time = _TIME.fullmatch(reference)
        if time:
            return int(self.now()) + int(f"{time[1] or '+'}{time[2] or 0}")
        kind, _, argument = reference.partition(":")
        if kind == "uuid":
            return self._uuids.setdefault(argument, str(uuid4())) if argument else str(uuid4())
        if kind == "long":
            return "a" * int(argument)
        return self._path(reference)

    def _path(self, reference: str) -> Any:
        found: Any = self.names
        for step in reference.split("."):
            if not isinstance(found, Mapping) or found.get(step) is None:
                raise Lacking(reference)
            found = found[step]
        return found


def references(value: Any) -> Iterator[str]:
    """Every reference in a value, without its braces."""
    match value:
        case str():
            yield from _REFERENCE.findall(value)
        case Mapping():
            for name, each in value.items():
                yield from references(name)
                yield from references(each)
        case list() | tuple():
            for each in value:
                yield from references(each)
