"""docs/profiles.md: the shipped profiles side by side, rule by rule."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass

from dcrgw.config.profiles import load_profile, profile_names
from dcrgw.core.registration.profile import Profile

#: Said elsewhere, or of the model and not of a market.
_LEFT_OUT = frozenset({"name", "title", "roles_by_scope", "members"})
_UNSAID = _LEFT_OUT | {"statement", "request", "metadata"}


def render(made: str) -> str:
    """The page; `made` says that it is made."""
    profiles = [load_profile(name) for name in profile_names()]
    lines = [
        "# Profiles",
        "",
        made,
        "What each market's rules say, from `dcrgw/profiles`. `-` is nothing, or none. The rules are the keys of a",
        "profile's file; those of the first table stand at its top, with `title` and `extends`. Not shown is",
        "`members` of `[metadata]`: the metadata members that are offered at all.",
        "[markets.md](markets.md#a-market-of-your-own) tells how to write a profile.",
        "",
    ]
    lines += [f"- `{profile.name}`: {profile.title}" for profile in profiles]
    for title, section in (("The market", None), *((s.capitalize(), s) for s in ("statement", "request", "metadata"))):
        lines += ["", f"## {title}", *_table(section, profiles)]
    return "\n".join(lines) + "\n"


def _table(section: str | None, profiles: list[Profile]) -> Iterator[str]:
    yield "| rule | what it says | " + " | ".join(f"`{profile.name}`" for profile in profiles) + " |"
    yield "| --- | --- |" + " --- |" * len(profiles)
    parts = [profile if section is None else getattr(profile, section) for profile in profiles]
    meanings = _meanings(type(parts[0]))
    for name in (field.name for field in fields(parts[0])):
        values = [getattr(part, name) for part in parts]
        if name not in _LEFT_OUT and not is_dataclass(values[0]):
            yield f"| `{name}` | {meanings[name]} | " + " | ".join(map(_cell, values)) + " |"


def _meanings(model: type) -> dict[str, str]:
    """Field -> the `#:` lines above it, which every rule must have."""
    found: dict[str, str] = {}
    said: list[str] = []
    for line in inspect.getsource(model).splitlines():
        if comment := re.fullmatch(r" {4}#: (.*)", line):
            said.append(comment[1])
        elif (field := re.match(r" {4}(\w+): ", line)) is not None:
            found[field[1]], said = " ".join(said).replace("|", "\\|"), []
    missing = [each.name for each in fields(model) if not found[each.name] and each.name not in _UNSAID]
    if missing:
        raise ValueError(f"{model.__name__}: no `#:` line says what {', '.join(missing)} means")
    return found


def _cell(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_cell(each)}" for key, each in sorted(value.items())) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return f"`{value}`".replace("|", "\\|") if value else "-"
    if isinstance(value, Iterable):
        return ", ".join(sorted(map(str, value))) or "-"
    return str(value)
