"""Documents (what a TOML file says) turned into frozen records; every complaint names the key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, get_type_hints

Document = Mapping[str, object]
R = TypeVar("R")

_LONGEST_ANCESTRY = 8


def resolve(document: Document, load: Callable[[str], Document]) -> dict[str, object]:
    """`document` with all that it inherits by `extends = "name"`; `load` gives another profile's document.

    Tables are merged key by key, any other value replaces the inherited one; a key written `"+name"` adds its
    items to an inherited list, and one written `"=name"` replaces an inherited table whole.

    Raises: ValueError for an ancestry without end or a `+` without a list to add to.
    """
    lineage = [dict(document)]
    while (parent := lineage[-1].pop("extends", None)) is not None:
        if not isinstance(parent, str):
            raise ValueError("extends: must be a string")
        if len(lineage) >= _LONGEST_ANCESTRY:
            raise ValueError("extends: comes back to itself or goes too deep")
        lineage.append(dict(load(parent)))
    resolved: dict[str, object] = {}
    for generation in reversed(lineage):
        resolved = _merged(resolved, generation, "")
    return resolved


def _merged(inherited: Document, own: Document, path: str) -> dict[str, object]:
    result = dict(inherited)
    for key, value in own.items():
        before = result.get(key)
        if key.startswith("+"):
            name = key[1:]
            before = result.get(name)
            if not isinstance(before, list) or not isinstance(value, list):
                raise ValueError(f"{path}{key}: adds a list to an inherited list only")
            result[name] = [*before, *value]
        elif key.startswith("="):
            if not isinstance(result.get(key[1:]), Mapping) or not isinstance(value, Mapping):
                raise ValueError(f"{path}{key}: replaces an inherited table by a table only")
            result[key[1:]] = value
        elif isinstance(before, Mapping) and isinstance(value, Mapping):
            result[key] = _merged(before, value, f"{path}{key}.")
        else:
            result[key] = value
    return result


def record(kind: type[R], document: Document, path: str = "") -> R:
    """A dataclass of `kind` whose fields are exactly the document's keys.

    Raises: ValueError whose text begins with the key at fault (`metadata.dn_match: …`).
    """
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind) if field.init]  # type: ignore[arg-type]  # R is a dataclass
    for key in document:
        if key not in names:
            raise ValueError(f"{path}{key}: no such key in a profile")
    values = {}
    for name in names:
        if name not in document:
            raise ValueError(f"{path}{name}: missing")
        values[name] = _value(hints[name], document[name], f"{path}{name}")
    return kind(**values)


def _value(hint: Any, value: object, path: str) -> object:
    if isinstance(hint, type) and is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise ValueError(f"{path}: must be a table")
        return record(hint, value, f"{path}.")
    read, wanted = _READERS[hint]
    result = read(value)
    if result is None:
        raise ValueError(f"{path}: must be {wanted}")
    return result


def _words(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return None
    return tuple(value)


def _set(value: object) -> frozenset[str] | None:
    words = _words(value)
    return None if words is None else frozenset(words)


def _table_of(read: Callable[[object], object | None]) -> Callable[[object], dict[str, object] | None]:
    def table(value: object) -> dict[str, object] | None:
        if not isinstance(value, Mapping):
            return None
        result = {str(key): read(item) for key, item in value.items()}
        return None if None in result.values() else result

    return table


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


#: Type of a profile's field -> its reader (None: refused) and the words for what it wants.
_READERS: dict[Any, tuple[Callable[[object], object | None], str]] = {
    bool: (_flag, "true or false"),
    int: (_number, "a whole number, 0 or more"),
    str: (_text, "a string"),
    tuple[str, ...]: (_words, "a list of strings"),
    frozenset[str]: (_set, "a list of strings"),
    Mapping[str, str]: (_table_of(_text), "a table of strings"),
    Mapping[str, frozenset[str]]: (_table_of(_set), "a table of lists of strings"),
    Mapping[str, object]: (_table_of(lambda value: value), "a table"),
}
