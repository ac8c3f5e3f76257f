"""What an entry must be, whoever wrote it: every fault at once, each with the member and what to do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dcrgw.core.scripts import detail_types
from dcrgw.core.scripts.entry import ScriptEntry, ScriptProperty
from dcrgw.core.scripts.types import TYPES, ScriptType

#: Janssen's `DAA9-B788` and UUIDs, Gluu's `@!1111!031C.4A65`: at least two parts, so that no word of ours is one.
INUM = re.compile(r"(?=.{4,64}\Z)[A-Za-z0-9@!]+(?:[-.!][A-Za-z0-9@!]+)+")
NAME = re.compile(r"[a-zA-Z0-9_\-:/.]+")
SHORTEST_NAME, LONGEST_NAME = 2, 60
LONGEST_TEXT = 256 * 1024
LONGEST_DESCRIPTION = 1000
LONGEST_VALUE = 64 * 1024
MOST_PROPERTIES = 200
MOST_CASES = 200
#: The level orders scripts; beyond this nobody counts.
LEVELS = range(-1_000_000, 1_000_001)
MODES = ("worker", "inline")
#: A property that the gateway makes for each call.
CERT_PROPERTY = "certProperty"


@dataclass(frozen=True, slots=True)
class EntryFault:
    """What is wrong with one member, as a predicate ("is …"). It never holds a property's value."""

    member: str
    reason: str

    def __str__(self) -> str:
        return f"{self.member} {self.reason}" if self.member else self.reason


def entry_faults(entry: ScriptEntry, types: Mapping[str, ScriptType] = TYPES) -> tuple[EntryFault, ...]:
    """Every fault of an entry whose members have their types; empty for a right one."""
    return (
        *_identity_faults(entry, types),
        *_text_faults(entry),
        *property_faults("module_properties", entry.module_properties),
        *property_faults("configuration_properties", entry.configuration_properties),
        *(EntryFault(member, reason) for member, reason in detail_types.faults(entry)),
    )


def _identity_faults(entry: ScriptEntry, types: Mapping[str, ScriptType]) -> Iterator[EntryFault]:
    if not INUM.fullmatch(entry.inum):
        yield EntryFault("inum", "is not of the form DAA9-B788, of a UUID or of Gluu's @!1111!031C.4A65")
    if not SHORTEST_NAME <= len(entry.name) <= LONGEST_NAME:
        yield EntryFault("name", f"is not {SHORTEST_NAME} to {LONGEST_NAME} characters long")
    if not NAME.fullmatch(entry.name):
        yield EntryFault("name", "has other characters than letters, digits and _ - : / .")
    if entry.type not in types:
        yield EntryFault("type", f"is none of {', '.join(types)}")
    if entry.level not in LEVELS:
        yield EntryFault("level", f"is not from {LEVELS[0]} to {LEVELS[-1]}")
    if entry.mode not in MODES:
        yield EntryFault("mode", f"is none of {', '.join(MODES)}")
    if len(entry.description) > LONGEST_DESCRIPTION:
        yield EntryFault("description", f"is longer than {LONGEST_DESCRIPTION} characters")
    if repeated := _repeated(entry.markets):
        yield EntryFault("markets", f"names {', '.join(repeated)} twice")


def _text_faults(entry: ScriptEntry) -> Iterator[EntryFault]:
    if not entry.text.strip():
        yield EntryFault("text", f"is empty: {entry.file} has no script in it" if entry.file else "is empty")
    if len(entry.text.encode("utf-8", "replace")) > LONGEST_TEXT:
        yield EntryFault("text", f"is longer than {LONGEST_TEXT} bytes")
    if "\0" in entry.text:
        yield EntryFault("text", "holds a NUL character")
    if len(entry.cases) > MOST_CASES:
        yield EntryFault("cases", f"are more than {MOST_CASES}")


def property_faults(member: str, properties: Sequence[ScriptProperty]) -> Iterator[EntryFault]:
    """The faults of one list of properties."""
    if len(properties) > MOST_PROPERTIES:
        yield EntryFault(member, f"are more than {MOST_PROPERTIES}")
    if repeated := _repeated(each.value1 for each in properties):
        yield EntryFault(member, f"have {', '.join(repeated)} twice")
    for i, each in enumerate(properties):
        if not each.value1.strip() or len(each.value1) > LONGEST_NAME * 2:
            yield EntryFault(f"{member}[{i}].value1", "is no name")
        if each.value1 == CERT_PROPERTY:
            yield EntryFault(f"{member}[{i}].value1", f"is {CERT_PROPERTY}, which the gateway makes for each call")
        if len(each.value2) > LONGEST_VALUE:
            yield EntryFault(f"{member}[{i}].value2", f"is longer than {LONGEST_VALUE} characters")


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, times in Counter(names).items() if times > 1]
