"""The effective settings for people: every key with its value and where that comes from; never a secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dcrgw.config.model import Settings
from dcrgw.config.secrets import SecretReference
from dcrgw.config.sections.scripts import secret_properties
from dcrgw.config.walking import walk


@dataclass(frozen=True, slots=True)
class Effective:
    """One line of `check-config --print`. `origin` is file or default."""

    key: str
    value: str
    origin: str


def effective(settings: Settings) -> Iterator[Effective]:
    """Every setting in force. A secret shows as its reference, one that stands in the file as stars."""
    for setting in walk(settings):
        is_trust = setting.key.rpartition(".")[2] in ("trust_keystore", "software_jwks_trust")
        text = "system" if is_trust and setting.value is None else _text(setting.value)
        yield Effective(setting.key, text, "file" if setting.is_set else "default")


def _text(value: Any) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return str(value).lower()
        case tuple():
            return "[" + ", ".join(_text(each) for each in value) + "]"
        case Mapping():
            return "{" + ", ".join(_pairs(value)) + "}"
        case SecretReference() | Path() | str():
            return str(value)
        case float():
            return f"{value:g}"
        case _:
            return str(value)


def _pairs(table: Mapping[str, Any]) -> Iterator[str]:
    references = {name: value for name, value in table.items() if isinstance(value, SecretReference)}
    hidden = secret_properties(references)
    for name, value in table.items():
        # A script's property is plain text unless it is a reference or its name says otherwise.
        is_plain = isinstance(value, SecretReference) and value.is_literal and name not in hidden
        yield f"{name} = {value.place if is_plain else _text(value)}"
