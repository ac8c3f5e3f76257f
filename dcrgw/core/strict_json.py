"""JSON as we take it from strangers: UTF-8, no duplicate member, no NaN, bounded depth and numbers."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from typing_extensions import TypeAliasType

# A named alias and no plain one, so that pydantic can follow it into itself.
JsonValue = TypeAliasType("JsonValue", "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None")

MAX_DEPTH = 16
#: The longest number literal taken; 1e400 and 5 000-digit integers are neither dates nor amounts.
MAX_NUMBER_LENGTH = 40


class JsonRefused(ValueError):
    """The text is not JSON as we take it. The message is a predicate ("is not UTF-8") and never echoes the input."""


def loads(data: bytes, *, max_depth: int = MAX_DEPTH) -> JsonValue:
    """The value of a JSON text.

    Raises: JsonRefused for anything but strict, bounded, duplicate-free UTF-8 JSON. Spec: RFC 8259, RFC 7493.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise JsonRefused("is not UTF-8") from None
    if text.startswith("\ufeff"):
        raise JsonRefused("starts with a byte order mark")
    # Brackets are counted before parsing, since json recurses; strings may hold brackets, so
    # only a text with many of them pays for the exact count.
    if data.count(b"[") + data.count(b"{") > max_depth and _depth(text) > max_depth:
        raise JsonRefused(f"is nested deeper than {max_depth} levels")
    try:
        value: JsonValue = _DECODER.decode(text)
    except JsonRefused:
        raise
    except (ValueError, RecursionError):
        raise JsonRefused("is not JSON") from None
    # The bytes were UTF-8, so a surrogate enters only through its \u escape; a whole pair is one character.
    if _BACKSLASH in data and _SURROGATE_ESCAPE.search(text) and _holds_surrogate(value):
        raise JsonRefused("holds half of a surrogate pair")
    return value


def loads_object(data: bytes, *, max_depth: int = MAX_DEPTH) -> dict[str, JsonValue]:
    """The same for a text that must be an object."""
    value = loads(data, max_depth=max_depth)
    if not isinstance(value, dict):
        raise JsonRefused("is not a JSON object")
    return value


def _holds_surrogate(value: JsonValue) -> bool:
    return _SURROGATE.search(json.dumps(value, ensure_ascii=False)) is not None


def _depth(text: str) -> int:
    """How deep a text nests, up to the first place where it stops to be JSON (the parser finds that itself)."""
    depth = deepest = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub("", text)):
        if bracket in "[{":
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest


# A string without its end reaches to the end of the text, so no byte is looked at twice.
_STRINGS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_BRACKETS = re.compile(r"[\[\]{}]")
_BACKSLASH = ord("\\")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise JsonRefused("holds a member twice")
    return found


def _integer(literal: str) -> int:
    if len(literal) > MAX_NUMBER_LENGTH:
        raise JsonRefused("holds a number that is too long")
    if literal == "-0":
        raise JsonRefused("holds a negative zero")
    return int(literal)


def _float(literal: str) -> float:
    if len(literal) > MAX_NUMBER_LENGTH:
        raise JsonRefused("holds a number that is too long")
    value = float(literal)
    if value in (float("inf"), float("-inf")):
        raise JsonRefused("holds a number that is too large")
    if value == 0 and literal.startswith("-"):
        raise JsonRefused("holds a negative zero")
    return value


def _constant(_name: str) -> NoReturn:
    raise JsonRefused("holds NaN or Infinity")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant, strict=True
)
