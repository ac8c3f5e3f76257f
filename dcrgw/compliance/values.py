"""What ports are asked and answer, as JSON and back: the shapes are read off the protocols themselves.

A port or a method that is added later needs no line here; a type that has no plain shape (a key set, trust
anchors) has a kept form in `kept`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from functools import cache
from typing import Any, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from dcrgw.compliance import kept
from dcrgw.ports import Ports

_CONFIG = ConfigDict(val_json_bytes="base64")


class Unreadable(ValueError):
    """Something kept cannot be read. `place` is the way to it from where the reading began, dotted."""

    def __init__(self, place: str, what: str) -> None:
        self.place, self.what = place, what
        super().__init__(f"{place}: {what}" if place else what)


@dataclass(frozen=True, slots=True)
class Shape:
    """Writes values of one type as JSON values, and reads them back."""

    adapter: TypeAdapter[Any]

    def write(self, value: Any) -> Any:
        """The value as plain JSON: dicts, lists, texts, numbers."""
        return _plain(self.adapter.dump_python((kept.keep(value),))[0])

    def read(self, plain: Any) -> Any:
        """The value of plain JSON. Raises: Unreadable, with the place of the first fault."""
        try:
            form = self.adapter.validate_json(kept.text_of([plain]), strict=True)[0]
            return kept.restore(form)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(str(step) for step in first["loc"][1:])
            raise Unreadable(place, first["msg"]) from None
        except ValueError as error:
            raise Unreadable("", str(error)) from None


def _plain(value: Any) -> Any:
    """The same in JSON's types. A set has an order here, so that equal values make equal texts."""
    match value:
        case Enum():
            return value.value
        case bytes():
            return base64.urlsafe_b64encode(value).decode()
        case Mapping():
            return {str(name): _plain(each) for name, each in value.items()}
        case set() | frozenset():
            return sorted(map(_plain, value), key=kept.text_of)
        case list() | tuple():
            return [_plain(each) for each in value]
    return value


@cache
def shape(kind: Any) -> Shape:
    """The shape of a type."""
    # Within a tuple, since settings of an adapter do not reach a dataclass at its root.
    form: Any = tuple.__class_getitem__(kept.form_of(kind))
    return Shape(TypeAdapter(form, config=_CONFIG))


@dataclass(frozen=True, slots=True)
class Method:
    """One method of a port: the shapes of its arguments, in order, and of its answer."""

    arguments: tuple[Shape, ...]
    answer: Shape


@cache
def method(label: str) -> Method:
    """The method of a journal's label, `keysets.of_directory`. Raises: Unreadable where no port has it."""
    port, _, name = label.partition(".")
    protocol = get_type_hints(Ports).get(port)
    target = getattr(protocol, name, None) if protocol is not None and not name.startswith("_") else None
    if target is None:
        raise Unreadable("", f"there is no port method {label[:60]!r}")
    hints = get_type_hints(target)
    answer = hints.pop("return", type(None))
    # What a port may ask back by is no value: the recorder leaves it out too.
    told = [hint for hint in hints.values() if get_origin(hint) is not Callable]
    return Method(tuple(map(shape, told)), shape(answer))


def labels() -> tuple[str, ...]:
    """Every method that a journal may name."""
    protocols = get_type_hints(Ports)
    return tuple(
        f"{port.name}.{name}"
        for port in fields(Ports)
        for name in sorted(vars(protocols[port.name]))
        if not name.startswith("_")
    )
