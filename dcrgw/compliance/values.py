"""What ports are asked and answer, read from JSON: the shapes are read off the protocols themselves.

A port or a method that is added later needs no line here; a type that has no plain shape (a key set, trust
anchors) has a kept form in `kept`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cache, lru_cache
from inspect import Parameter, signature
from typing import Any, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import SchemaValidator, core_schema, to_json
from pydantic_core.core_schema import CoreConfig

from dcrgw.compliance import kept
from dcrgw.core.strict_json import JsonValue
from dcrgw.ports import Ports

_CONFIG = ConfigDict(val_json_bytes="base64")


class Unreadable(ValueError):
    """Something kept cannot be read. `place` is the way to it from where the reading began, dotted."""

    def __init__(self, place: str, what: str) -> None:
        self.place, self.what = place, what
        super().__init__(f"{place}: {what}" if place else what)


@dataclass(frozen=True, slots=True)
class Shape:
    """Reads values of one type from JSON, as `plain` writes them."""

    adapter: TypeAdapter[Any]
    #: Many bundles hold the same one (a market, a key set), it is frozen, and dear to make.
    is_shared: bool = False
    reader: SchemaValidator = field(init=False, repr=False, compare=False)
    recall: Callable[[bytes], Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "reader", _reader(self.adapter))
        object.__setattr__(self, "recall", lru_cache(maxsize=_REMEMBERED)(self._parse))

    def _parse(self, text: bytes) -> Any:
        return kept.restore(self.reader.validate_json(text, strict=True)[0])

    def read(self, plain: Any) -> Any:
        """The value of plain JSON. Raises: Unreadable, with the place of the first fault."""
        try:
            text = text_of([plain])
            return self.recall(text) if self.is_shared else self._parse(text)
        except RecursionError:
            raise Unreadable("", "is nested too deeply") from None
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


def text_of(plain: Any) -> bytes:
    """JSON in no canonical form. The usual encoder takes four times as long, and is for lone surrogates only."""
    try:
        return to_json(plain)
    except ValueError:
        return json.dumps(plain).encode()


@cache
def shape(kind: Any) -> Shape:
    """The shape of a type."""
    # Within a tuple, since settings of an adapter do not reach a dataclass at its root.
    form: Any = tuple.__class_getitem__(kept.form_of(kind))
    return Shape(TypeAdapter(form, config=_CONFIG), is_shared=kept.form_of(kind) is not kind)


@dataclass(frozen=True, slots=True)
class Method:
    """One method of a port: the shapes of its arguments, in order, how many it needs, and of its answer."""

    arguments: tuple[Shape, ...]
    needed: int
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
    told = {each: hint for each, hint in hints.items() if get_origin(hint) is not Callable}
    parameters = signature(target).parameters
    needed = sum(parameters[each].default is Parameter.empty for each in told)
    return Method(tuple(map(shape, told.values())), needed, shape(answer))


def labels() -> tuple[str, ...]:
    """Every method that a journal may name."""
    protocols = get_type_hints(Ports)
    return tuple(
        f"{port.name}.{name}"
        for port in fields(Ports)
        for name in sorted(vars(protocols[port.name]))
        if not name.startswith("_")
    )
