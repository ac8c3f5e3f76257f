"""From what the model refuses to what an operator can act upon: key, reason, fix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic_core import ErrorDetails

from dcrgw.config.faults import ConfigFault
from dcrgw.config.model import Settings
from dcrgw.config.sections.base import Section
from dcrgw.config.seeds import SEED_SETTINGS

Location = Sequence[str | int]


def explain(errors: Iterable[ErrorDetails]) -> list[ConfigFault]:
    """One fault an error. The errors must come without their input, which may be a secret."""
    return [ConfigFault(key_of(error["loc"]), *_reason_and_fix(error)) for error in errors]


def key_of(location: Location) -> str:
    """`("market", 0, "base_url")` as `market[0].base_url`."""
    key = ""
    for part in location:
        key += f"[{part}]" if isinstance(part, int) else f".{part}"
    return key.removeprefix(".")


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """A fix that names the known word closest to `word`."""
    close = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else otherwise


def _reason_and_fix(error: ErrorDetails) -> tuple[str, str]:
    location, context = error["loc"], error.get("ctx", {})
    match error["type"]:
        case "refused":
            return error["msg"], str(context["fix"])
        case "extra_forbidden":
            return "is not a setting", _fix_of_unknown(location)
        case "missing":
            return "is missing", f"add it: {description_at(location)}"
        case "literal_error":
            return "is not one of the choices", f"write {context['expected']}"
        case "tuple_type" if _is_list_of_tables(location):
            return "is not a list of tables", f"write [[{location[-1]}]] with two brackets"
        case _:
            return error["msg"][:1].lower() + error["msg"][1:], description_at(location)


def _fix_of_unknown(location: Location) -> str:
    word, section = str(location[-1]), _section_at(location[:-1])
    known = keys_of(section) if section else {}
    if word in SEED_SETTINGS and SEED_SETTINGS[word] in known:
        return f"it is written {SEED_SETTINGS[word]} here"
    if not get_close_matches(word, list(known), n=1, cutoff=0.6):
        homes = [home for home, each in sections() if word in keys_of(each) or SEED_SETTINGS.get(word) in keys_of(each)]
        if homes:
            return f"it belongs in {' or '.join(homes)}"
    return did_you_mean(word, known, f"remove it; there are {', '.join(known)}")


def keys_of(section: type[Section]) -> dict[str, Any]:
    """The keys that a section knows, with their fields."""
    return {field.alias or name: field for name, field in section.model_fields.items()}


def description_at(location: Location) -> str:
    """What the setting at a location means."""
    names = [part for part in location if isinstance(part, str)]
    holder = _section_at(names[:-1]) if names else None
    field = keys_of(holder).get(names[-1]) if holder else None
    return str(field.description) if field else ""


def sections(root: type[Section] = Settings, prefix: str = "") -> Iterator[tuple[str, type[Section]]]:
    """Every section below the root, as it is written: `[limits]`, `[[market]]`, `[listeners.mtls]`."""
    for key, field in keys_of(root).items():
        inner = section_in(field.annotation)
        if inner:
            brackets = "[[{}]]" if is_tuple(field.annotation) else "[{}]"
            yield brackets.format(prefix + key), inner
            yield from sections(inner, f"{prefix}{key}.")


def section_in(annotation: Any) -> type[Section] | None:
    """The section that an annotation holds, be it optional or a list."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((found for each in get_args(annotation) if (found := section_in(each))), None)


def is_tuple(annotation: Any) -> bool:
    """True for a list of anything."""
    return getattr(annotation, "__origin__", None) is tuple


def _section_at(location: Location) -> type[Section] | None:
    section: type[Section] | None = Settings
    for name in location:
        if isinstance(name, str):
            field = keys_of(section).get(name) if section else None
            section = section_in(field.annotation) if field else None
    return section


def _is_list_of_tables(location: Location) -> bool:
    return _section_at(location) is not None
