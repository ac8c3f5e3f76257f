"""Entries of Janssen's configuration API (`clientregistration.json` and its kin), read and written.

Nothing here opens a file: a `script` of `_file NAME` is told, and who imports reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dcrgw.core.scripts.entry import ScriptEntry, ScriptProperty
from dcrgw.core.scripts.entry_checks import EntryFault
from dcrgw.core.scripts.entry_json import EntryRefused
from dcrgw.core.scripts.types import TYPES, ScriptType
from dcrgw.core.strict_json import JsonValue

#: What Janssen keeps for itself; here it says nothing, and is dropped in silence.
_DROPPED = frozenset(
    {"dn", "baseDn", "aliases", "revision", "scriptError", "modified", "internal", "locationType", "locationPath"}
)
_TAKEN = {"inum": "inum", "name": "name", "description": "description", "level": "level", "enabled": "enabled"}
_KNOWN = frozenset({"script", "scriptType", "programmingLanguage", "moduleProperties", "configurationProperties"})
_OF_PROPERTY = frozenset({"value1", "value2", "hide", "description"})
#: Types that were renamed between Gluu and Janssen; we have the seeds' name.
_RENAMED = {"link_interception": "cache_refresh", "resource_owner_password": "resource_owner_password_credentials"}
_FILE = "_file "


@dataclass(frozen=True, slots=True)
class Imported:
    """One entry of Janssen's. `members` are for `read_entry`, without `text` where `file` says where it stands."""

    members: dict[str, JsonValue]
    file: str | None
    warnings: tuple[str, ...]


def from_janssen(given: Mapping[str, JsonValue], types: Mapping[str, ScriptType] = TYPES) -> Imported:
    """What the entry becomes here. Raises: EntryRefused for what cannot become anything: JAVA, an unknown type."""
    faults: list[EntryFault] = []
    members: dict[str, JsonValue] = {ours: given[name] for name, ours in _TAKEN.items() if given.get(name) is not None}
    members["type"] = _type_of(given, types, faults)
    _judge_language(given, str(members["type"]), types, faults)
    if faults:
        raise EntryRefused(faults)
    warnings = [f"{name} is unknown here and left out" for name in given if name not in {*_TAKEN, *_KNOWN, *_DROPPED}]
    modules, file = _location(given, warnings)
    if modules:
        members["module_properties"] = [*modules]
    if found := _properties(given.get("configurationProperties"), "configurationProperties", warnings):
        members["configuration_properties"] = [*found]
    script = given.get("script")
    if isinstance(script, str) and script.startswith(_FILE):
        file = script.removeprefix(_FILE).strip()
    elif isinstance(script, str) and file is None:
        members["text"] = script
    return Imported(members, file, tuple(warnings))


def to_janssen(entry: ScriptEntry) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The entry as Janssen has it, and what was left out: hidden values that are no references."""
    left_out = [each.value1 for each in (*entry.module_properties, *entry.configuration_properties) if _stays(each)]
    return {
        "inum": entry.inum,
        "name": entry.name,
        "description": entry.description,
        "script": entry.text,
        "scriptType": entry.type.upper(),
        "programmingLanguage": "PYTHON",
        "moduleProperties": [
            {"value1": "location_type", "value2": "db", "description": None},
            *(_exported(each) for each in entry.module_properties),
        ],
        "configurationProperties": [_exported(each) for each in entry.configuration_properties],
        "level": entry.level,
        "revision": entry.revision,
        "enabled": entry.enabled,
    }, tuple(left_out)


def _type_of(given: Mapping[str, JsonValue], types: Mapping[str, ScriptType], faults: list[EntryFault]) -> str:
    found = str(given.get("scriptType") or "")
    type_ = _RENAMED.get(found.lower(), found.lower())
    if not found:
        faults.append(EntryFault("scriptType", "is missing"))
    elif type_ not in types:
        known = ", ".join(each.upper() for each in types)
        faults.append(EntryFault("scriptType", f"is none of {known}"))
    return type_


def _judge_language(
    given: Mapping[str, JsonValue], type_: str, types: Mapping[str, ScriptType], faults: list[EntryFault]
) -> None:
    language = str(given.get("programmingLanguage") or "PYTHON").upper()
    if language == "JAVA":
        class_ = types[type_].class_name if type_ in types else "of the type's name"
        advice = f"write its class {class_} in Python 3 (docs/scripting.md), and set PYTHON"
        faults.append(EntryFault("programmingLanguage", f"is JAVA, and scripts run on Python 3: {advice}"))
    elif language != "PYTHON":
        faults.append(EntryFault("programmingLanguage", "is not PYTHON"))


def _location(given: Mapping[str, JsonValue], warnings: list[str]) -> tuple[list[dict[str, JsonValue]], str | None]:
    """The module properties that mean something here, and the file where the text stands."""
    found = _properties(given.get("moduleProperties"), "moduleProperties", warnings)
    values = {str(each["value1"]): each["value2"] for each in found}
    path = values.get("location_path") if values.get("location_type") == "file" else None
    kept = [each for each in found if each["value1"] not in ("location_type", "location_path", "location_option")]
    return kept, str(path) if path else None


def _properties(found: JsonValue, member: str, warnings: list[str]) -> list[dict[str, JsonValue]]:
    if not isinstance(found, list):
        return []
    properties: list[dict[str, JsonValue]] = []
    for i, each in enumerate(found):
        if not isinstance(each, dict):
            raise EntryRefused([EntryFault(f"{member}[{i}]", "is not an object with value1 and value2")])
        warnings += [f"{member}[{i}].{name} is unknown here and left out" for name in each if name not in _OF_PROPERTY]
        properties.append(_property(each, f"{member}[{i}]", warnings))
    return properties


def _property(each: Mapping[str, JsonValue], place: str, warnings: list[str]) -> dict[str, JsonValue]:
    name, value = each.get("value1"), each.get("value2")
    read = ScriptProperty(str(name), "" if value is None else str(value), each.get("hide") is True)
    if read.is_hidden and not read.is_reference and not read.hide:
        warnings.append(
            f"{place} {name} looks like a secret, and hide is false: every answer of Janssen's shows it; here it is"
            " hidden. Better give it as a reference: file:/run/secrets/… or env:NAME"
        )
    return {
        "value1": name,
        "value2": read.value2,
        "hide": read.is_hidden and not read.is_reference,
        "description": each.get("description") or "",
    }


def _stays(each: ScriptProperty) -> bool:
    return each.is_hidden and not each.is_reference


def _exported(each: ScriptProperty) -> dict[str, Any]:
    value = None if _stays(each) else each.value2
    return {"value1": each.value1, "value2": value, "hide": each.hide or _stays(each), "description": each.description}
