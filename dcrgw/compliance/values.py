"""What ports are asked and answer, as JSON and back: the shapes are read off the protocols themselves.

A port or a method that is added later needs no line here; a type that has no plain shape (a key set, trust
anchors) has a kept form in `kept`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Hashable, Mapping, Set
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from functools import cache, lru_cache
from typing import Any, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import SchemaValidator, core_schema, from_json, to_json
from pydantic_core.core_schema import CoreConfig

from dcrgw.compliance import kept
from dcrgw.core.strict_json import JsonValue
from dcrgw.ports import Ports

_CONFIG = ConfigDict(val_json_bytes="base64", ser_json_bytes="base64")


class Unreadable(ValueError):
    """Something kept cannot be read. `place` is the way to it from where the reading began, dotted."""

    def __init__(self, place: str, what: str) -> None:
        self.place, self.what = place, what
        super().__init__(f"{place}: {what}" if place else what)


@dataclass(frozen=True, slots=True)
class Shape:
    """Writes values of one type as JSON values, and reads them back."""

    adapter: TypeAdapter[Any]
    #: Many bundles hold the same one (a market, a key set), it is frozen, and dear to make.
    is_shared: bool = False
    reader: SchemaValidator = field(init=False, repr=False, compare=False)
    recall: Callable[[bytes | str], Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "reader", _reader(self.adapter))
        object.__setattr__(self, "recall", lru_cache(maxsize=_REMEMBERED)(self._parse))

    def _parse(self, text: bytes | str) -> Any:
        return kept.restore(self.reader.validate_json(text, strict=True)[0])

    def write(self, value: Any) -> Any:
        """The value as plain JSON: dicts, lists, texts, numbers."""
        return plain_of(self.adapter.dump_python((kept.keep(value),))[0])

    def is_written_as(self, value: Any, plain: Any) -> bool:
        """Whether `plain` says of the value what `write` would, as far as both versions know its members.

        Takes a fiftieth of writing it where they are the same, and a fifth where they are not.
        """
        form = kept.keep(value)
        return _says(form, plain) or _alike(form, from_json(self.adapter.dump_json((form,)))[0], plain)

    def read(self, plain: Any) -> Any:
        """The value of plain JSON. Raises: Unreadable, with the place of the first fault."""
        try:
            return self.recall(_text_of([plain])) if self.is_shared else self._parse(_text_of([plain]))
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(str(step) for step in first["loc"][1:])
            raise Unreadable(place, first["msg"]) from None
        except ValueError as error:
            raise Unreadable("", str(error)) from None


_REMEMBERED = 64


def _reader(adapter: TypeAdapter[Any]) -> SchemaValidator:
    """A validator of JSON. For a JsonValue it takes any JSON: to ask each of its types takes four times as long."""
    schema: Any = adapter.core_schema
    if schema["type"] == "definitions":
        known = [_ANY | {"ref": each["ref"]} if _JSON_VALUE in each["ref"] else each for each in schema["definitions"]]
        schema = {**schema, "definitions": known}
    return SchemaValidator(schema, CoreConfig(val_json_bytes="base64"))


_ANY: Any = core_schema.any_schema()
_JSON_VALUE = f"{JsonValue.__module__}.{JsonValue.__name__}"


def _text_of(plain: list[Any]) -> bytes | str:
    """JSON to be read by an adapter. The usual encoder takes four times as long, and is for lone surrogates only."""
    try:
        return to_json(plain)
    except ValueError:
        return json.dumps(plain)


def plain_of(value: Any) -> Any:
    """The same in JSON's types. A set has an order here, so that equal values make equal texts."""
    match value:
        case Enum():
            return value.value
        case bytes():
            return base64.urlsafe_b64encode(value).decode()
        case Mapping():
            return {str(name): plain_of(each) for name, each in value.items()}
        case set() | frozenset():
            return sorted(map(plain_of, value), key=kept.text_of)
        case list() | tuple():
            return [plain_of(each) for each in value]
    return value


def _says(value: Any, plain: Any) -> bool:
    """Whether `plain` is plainly the value, member for member. What it does not know by sight is no, and to be written.

    The texts and objects of JSON, which are most of a question, are compared as they are.
    """
    if value is plain or value == plain:
        return True
    if type(plain) is dict:
        if type(value) is dict:
            return value.keys() == plain.keys() and all(map(_says, value.values(), map(plain.get, value)))
        known = [name for name in _members(value.__class__) if name in plain]
        unlike = [name for name in known if getattr(value, name) != plain[name]]
        return bool(known) and all(_says(getattr(value, name), plain[name]) for name in unlike)
    if type(plain) is list:
        if isinstance(value, frozenset):
            return len(value) == len(plain) and all(type(each) is str for each in plain) and value == set(plain)
        return isinstance(value, list | tuple) and len(value) == len(plain) and all(map(_says, value, plain))
    return type(value) is bytes and base64.urlsafe_b64encode(value).decode() == plain


@cache
def _members(kind: Hashable) -> tuple[str, ...]:
    """The names of a dataclass's fields; of another type none."""
    return tuple(each.name for each in fields(kind)) if isinstance(kind, type) and is_dataclass(kind) else ()


def _alike(value: Any, made: Any, plain: Any) -> bool:
    """Whether `made`, which was just made of the value, and `plain` are the same but for the order of sets."""
    if made == plain:
        return True
    if isinstance(made, dict) and isinstance(plain, dict):
        if not is_dataclass(value):
            pairs = [(value[name], name) for name in made] if made.keys() == plain.keys() else None
        else:
            # A member that only one version knows is no difference.
            pairs = [(getattr(value, name), name) for name in made.keys() & plain.keys()] or None
        return pairs is not None and all(_alike(each, made[name], plain[name]) for each, name in pairs)
    if isinstance(made, list) and isinstance(plain, list) and len(made) == len(plain):
        if isinstance(value, Set):
            return sorted(made, key=kept.text_of) == sorted(plain, key=kept.text_of)
        return all(map(_alike, value, made, plain))
    return False


@cache
def shape(kind: Any) -> Shape:
    """The shape of a type."""
    # Within a tuple, since settings of an adapter do not reach a dataclass at its root.
    form: Any = tuple.__class_getitem__(kept.form_of(kind))
    return Shape(TypeAdapter(form, config=_CONFIG), is_shared=kept.form_of(kind) is not kind)


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
