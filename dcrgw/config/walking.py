"""Every setting with its key, value and origin; every secret with its key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dcrgw.config.secrets import SecretReference
from dcrgw.config.sections.base import Section


@dataclass(frozen=True, slots=True)
class Setting:
    """One value. `is_set` is False for a default."""

    key: str
    value: Any
    is_set: bool


def walk(section: Section, prefix: str = "") -> Iterator[Setting]:
    """Every setting of a section and of those inside it, in the model's order."""
    for name, field in type(section).model_fields.items():
        key = f"{prefix}{field.alias or name}"
        value = getattr(section, name)
        if isinstance(value, Section):
            yield from walk(value, f"{key}.")
        elif isinstance(value, tuple) and value and isinstance(value[0], Section):
            for index, each in enumerate(value):
                yield from walk(each, f"{key}[{index}].")
        else:
            yield Setting(key, value, name in section.model_fields_set)


def secrets(section: Section) -> Iterator[tuple[str, SecretReference]]:
    """Every secret reference with its key, scripts' properties included."""
    for setting in walk(section):
        match setting.value:
            case SecretReference() as reference:
                yield setting.key, reference
            case Mapping() as table:
                yield from ((f"{setting.key}.{name}", v) for name, v in table.items() if isinstance(v, SecretReference))
            case tuple() as items:
                yield from ((f"{setting.key}[{i}]", v) for i, v in enumerate(items) if isinstance(v, SecretReference))
