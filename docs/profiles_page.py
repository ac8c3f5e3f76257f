"""docs/profiles.md: the shipped profiles side by side, rule by rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass

from dcrgw.config.profiles import load_profile, profile_names
from dcrgw.core.registration.profile import Profile

#: Said elsewhere, or of the model and not of a market.
_LEFT_OUT = frozenset({"name", "title", "roles_by_scope", "members"})


def render(made: str) -> str:
    """The page; `made` says that it is made."""
    profiles = [load_profile(name) for name in profile_names()]
    lines = [
        "# Profiles",
        "",
        made,
        "What each market's rules say, from `dcrgw/profiles`. `-` is nothing, or none.",
        "",
    ]
    lines += [f"- `{profile.name}`: {profile.title}" for profile in profiles]
    for title, section in (("The market", None), *((s.capitalize(), s) for s in ("statement", "request", "metadata"))):
        lines += ["", f"## {title}", *_table(section, profiles)]
    return "\n".join(lines) + "\n"


def _table(section: str | None, profiles: list[Profile]) -> Iterator[str]:
    yield "| rule | " + " | ".join(f"`{profile.name}`" for profile in profiles) + " |"
    yield "| --- |" + " --- |" * len(profiles)
    parts = [profile if section is None else getattr(profile, section) for profile in profiles]
    for name in (field.name for field in fields(parts[0])):
        values = [getattr(part, name) for part in parts]
        if name not in _LEFT_OUT and not is_dataclass(values[0]):
            yield f"| `{name}` | " + " | ".join(map(_cell, values)) + " |"


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
