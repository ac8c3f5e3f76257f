"""An entry as JSON: as administrators read and write it, and how two states of it differ."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dcrgw.core.scripts.cases import CaseRefused, read_case
from dcrgw.core.scripts.entry import ScriptEntry, ScriptProperty, inum_of
from dcrgw.core.scripts.entry_checks import EntryFault, entry_faults
from dcrgw.core.scripts.types import TYPES, ScriptType
from dcrgw.core.strict_json import JsonValue

Members = Mapping[str, JsonValue]

_TEXTS = ("inum", "name", "type", "text", "description", "mode")
_PROPERTIES = ("module_properties", "configuration_properties")
_OWN = frozenset({*_TEXTS, *_PROPERTIES, "level", "enabled", "markets", "cases"})
#: What answers tell beside the entry; taken back and not looked at, so that a shown entry can be edited and sent.
_TOLD = frozenset({"revision", "home", "file", "state", "held"})
_OF_PROPERTY = frozenset({"value1", "value2", "hide", "description"})


class EntryRefused(ValueError):
    """An entry that is not of the form. `faults` are all of it."""

    def __init__(self, faults: Sequence[EntryFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(map(str, faults)))


def read_entry(
    given: Members, *, before: ScriptEntry | None = None, types: Mapping[str, ScriptType] = TYPES
) -> ScriptEntry:
    """The entry that JSON members say. Without an inum it gets one made of type and name.

    A property whose `value2` is absent or null keeps the value that it has in `before`: hidden values are never
    shown, and need not be sent again; one that is kept stays hidden. Raises: EntryRefused with every fault.
    """
    faults = list(_form_faults(given))
    if faults:
        raise EntryRefused(faults)
    properties = {}
    for member in _PROPERTIES:
        kept = {each.value1: each for each in getattr(before, member)} if before else {}
        found = given.get(member)
        properties[member] = tuple(
            _property(member, i, each, kept, faults) for i, each in enumerate(found if isinstance(found, list) else [])
        )
    entry = _built(given, properties, before)
    faults += entry_faults(entry, types)
    faults += _changed_identity(entry, before)
    faults += _case_faults(entry)
    if faults:
        raise EntryRefused(faults)
    return entry


def shown(entry: ScriptEntry) -> dict[str, Any]:
    """The entry without any hidden value: those are null. `read_entry` takes it again."""
    return {
        "inum": entry.inum,
        "name": entry.name,
        "type": entry.type,
        "description": entry.description,
        "level": entry.level,
        "revision": entry.revision,
        "enabled": entry.enabled,
        "mode": entry.mode,
        "markets": list(entry.markets),
        "home": "file" if entry.file else "registry",
        "file": entry.file,
        "module_properties": [shown_property(each) for each in entry.module_properties],
        "configuration_properties": [shown_property(each) for each in entry.configuration_properties],
        "cases": [dict(each) for each in entry.cases],
        "text": entry.text,
    }


def shown_property(each: ScriptProperty) -> dict[str, Any]:
    """One property; a hidden value is null."""
    value = None if each.is_hidden else each.value2
    return {"value1": each.value1, "value2": value, "hide": each.hide, "description": each.description}


def patched(target: JsonValue, patch: JsonValue) -> JsonValue:
    """A merge patch applied (RFC 7396 §2): null removes a member, an array takes the place of the whole array."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = patched(result.get(name), value)
    return result


@dataclass(frozen=True, slots=True)
class Difference:
    """How two states of an entry differ. `text` is a unified diff; of hidden values only that they differ."""

    members: tuple[tuple[str, JsonValue, JsonValue], ...]
    text: str


def difference(old: ScriptEntry, new: ScriptEntry) -> Difference:
    """What leads from `old` to `new`."""
    secret = _hidden(old) | _hidden(new)
    was, is_ = _flat(old, secret), _flat(new, secret)
    names = [name for name in {**was, **is_} if was.get(name, _ABSENT) != is_.get(name, _ABSENT)]
    members: list[tuple[str, JsonValue, JsonValue]] = [(name, was.get(name), is_.get(name)) for name in names]
    members += _hidden_changes(old, new)
    lines = difflib.unified_diff(
        old.text.splitlines(),
        new.text.splitlines(),
        f"revision {old.revision}",
        f"revision {new.revision}",
        "",
        "",
        3,
        "",
    )
    return Difference(tuple(members), "\n".join(lines))


_ABSENT = object()


def _hidden(entry: ScriptEntry) -> set[tuple[str, str]]:
    """Which properties are hidden: what is so in one state is told of no other."""
    return {(member, each.value1) for member in _PROPERTIES for each in getattr(entry, member) if each.is_hidden}


def _flat(entry: ScriptEntry, secret: set[tuple[str, str]]) -> dict[str, JsonValue]:
    whole = shown(entry)
    flat: dict[str, JsonValue] = {
        name: value for name, value in whole.items() if name not in ("text", "revision", "home", *_PROPERTIES)
    }
    for member in _PROPERTIES:
        for each in getattr(entry, member):
            flat[f"{member}.{each.value1}"] = "(hidden)" if (member, each.value1) in secret else each.value2
    return flat


def _hidden_changes(old: ScriptEntry, new: ScriptEntry) -> Iterator[tuple[str, JsonValue, JsonValue]]:
    for member in _PROPERTIES:
        before = {each.value1: each for each in getattr(old, member)}
        for each in getattr(new, member):
            was = before.get(each.value1)
            if was and (was.is_hidden or each.is_hidden) and was.value2 != each.value2:
                yield f"{member}.{each.value1}", "(hidden)", "(hidden, another)"
            if was and was.hide != each.hide:
                yield f"{member}.{each.value1}.hide", was.hide, each.hide


def _form_faults(given: Members) -> Iterator[EntryFault]:
    for name in given.keys() - _OWN - _TOLD:
        yield EntryFault(name, "is no member of an entry")
    for name in _TEXTS:
        if given.get(name) is not None and not isinstance(given[name], str):
            yield EntryFault(name, "is not text")
    for name in ("name", "type", "text"):
        if given.get(name) is None:
            yield EntryFault(name, "is missing")
    level = given.get("level", 1)
    if not isinstance(level, int) or isinstance(level, bool):
        yield EntryFault("level", "is not a whole number")
    if not isinstance(given.get("enabled", True), bool):
        yield EntryFault("enabled", "is neither true nor false")
    markets = given.get("markets", [])
    if not isinstance(markets, list) or not all(isinstance(each, str) for each in markets):
        yield EntryFault("markets", "is not a list of names")
    cases = given.get("cases", [])
    if not isinstance(cases, list) or not all(isinstance(each, dict) for each in cases):
        yield EntryFault("cases", "is not a list of tables")
    for member in _PROPERTIES:
        yield from _properties_form(member, given.get(member))


def _properties_form(member: str, found: JsonValue) -> Iterator[EntryFault]:
    if not isinstance(found, list | None):
        yield EntryFault(member, "is not a list")
        return
    for i, each in enumerate(found or []):
        if not isinstance(each, dict):
            yield EntryFault(f"{member}[{i}]", "is not an object with value1 and value2")
            continue
        for name in each.keys() - _OF_PROPERTY:
            yield EntryFault(f"{member}[{i}].{name}", "is no member of a property")
        if not isinstance(each.get("value1"), str):
            yield EntryFault(f"{member}[{i}].value1", "is not text")
        for name in ("value2", "description"):
            if not isinstance(each.get(name), str | None):
                yield EntryFault(f"{member}[{i}].{name}", "is not text")
        if not isinstance(each.get("hide"), bool | None):
            yield EntryFault(f"{member}[{i}].hide", "is neither true nor false")


def _property(
    member: str, index: int, each: JsonValue, kept: Mapping[str, ScriptProperty], faults: list[EntryFault]
) -> ScriptProperty:
    assert isinstance(each, dict)
    name, value, hide = str(each["value1"]), each.get("value2"), each.get("hide")
    if value is None:
        before = kept.get(name)
        if before is None:
            faults.append(EntryFault(f"{member}[{index}].value2", f"is missing, and {name} has no value to keep"))
        elif before.hide and hide is False:
            # Else whoever may change scripts would read what was hidden from them.
            faults.append(EntryFault(f"{member}[{index}].hide", "is false for a hidden value: give the value anew"))
        else:
            value, hide = before.value2, before.hide if hide is None else hide
    return ScriptProperty(name, str(value or ""), hide is True, str(each.get("description") or ""))


def _built(given: Members, properties: Mapping[str, Any], before: ScriptEntry | None) -> ScriptEntry:
    name, type_ = str(given["name"]), str(given["type"])
    markets, cases, level = given.get("markets") or [], given.get("cases") or [], given.get("level", 1)
    assert isinstance(level, int)
    assert isinstance(markets, list)
    assert isinstance(cases, list)
    return ScriptEntry(
        inum=str(given.get("inum") or (before.inum if before else inum_of(type_, name))),
        name=name,
        type=type_,
        text=str(given["text"]),
        description=str(given.get("description") or ""),
        level=level,
        revision=before.revision + 1 if before else 1,
        enabled=given.get("enabled", True) is not False,
        mode=str(given.get("mode") or "worker"),
        markets=tuple(map(str, markets)),
        cases=tuple(each for each in cases if isinstance(each, dict)),
        **properties,
    )


def _changed_identity(entry: ScriptEntry, before: ScriptEntry | None) -> Iterator[EntryFault]:
    if before is not None and entry.inum != before.inum:
        yield EntryFault("inum", "cannot be changed")
    if before is not None and entry.type != before.type:
        yield EntryFault("type", f"cannot be changed from {before.type}: add another entry")


def _case_faults(entry: ScriptEntry) -> Iterator[EntryFault]:
    for i, each in enumerate(entry.cases):
        try:
            read_case(each, f"case {i + 1}")
        except CaseRefused as refused:
            yield from (replace(fault, member=f"cases[{i}].{fault.member}") for fault in refused.faults)
