"""Rules as a tester names them: parts with commas between, each a profile, a configuration, scripts or trust."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cryptography.x509 import Certificate

from dcrgw.adapters.keystores import open_trust_store
from dcrgw.compliance.scripted import ScriptSet
from dcrgw.compliance.settings import Rules
from dcrgw.config.loading import load, load_manifest
from dcrgw.config.model import Settings
from dcrgw.config.profiles import load_profile, profile_names
from dcrgw.config.secrets import SecretReference
from dcrgw.core.registration.profile import Profile
from dcrgw.core.scripts.detail_types import AUTHZ_DETAIL
from dcrgw.core.scripts.entry import ScriptEntry, ScriptProperty
from dcrgw.core.scripts.types import TYPES
from dcrgw.errors import Misconfigured
from dcrgw.materials import open_markets
from dcrgw.materials.scripts import open_declared, open_scripts, worker_settings
from dcrgw.scripting.prepared import Prepared
from dcrgw.scripting.testing import entry_of

#: How testers name a part of a market's trust -> the part.
_TRUST = {"trust": "roots", "intermediates": "intermediates", "qualified": "qualified_roots"}
KINDS = ("profile", "configuration", "script", *_TRUST)
_TRUST_SUFFIXES = (".pem", ".crt", ".cer", ".der", ".p12", ".pfx", ".jks")

#: An entry of a gateway's registry, by name and revision (None: as it stands). Its hidden values are empty.
FromRegistry = Callable[[str, int | None], ScriptEntry]


class Unnamed(ValueError):
    """A text that names no rules. The message is a sentence."""


@dataclass(slots=True)
class Naming:
    """Reads what a tester writes. `now` is the time by which files are judged, epoch seconds.

    `properties` are what scripts named by file or from the registry read, by name: values, or references to secrets.
    """

    now: float
    at: float | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    registry: FromRegistry | None = None

    def rules(self, named: Sequence[str]) -> Rules:
        """The rules of all parts together. Raises: Unnamed; Misconfigured for a file with faults."""
        parts = [part for text in named for part in text.split(",")]
        drafted = _Draft(Rules(",".join(parts), at=self.at))
        for part in parts:
            kind, value = self._kind_of(part.strip())
            drafted.add(kind, value, self)
        return drafted.rules

    def _kind_of(self, part: str) -> tuple[str, str]:
        kind, equals, value = part.partition("=")
        if equals and kind in KINDS and value:
            return kind, value
        if part == "recorded":
            return "recorded", ""
        if part in profile_names():
            return "profile", part
        path = Path(part)
        if path.suffix == ".py":
            return "script", part
        if path.suffix == ".toml" or path.is_file():
            if path.suffix in _TRUST_SUFFIXES:
                return "trust", part
            return ("script" if path.is_file() and load_manifest(path) is not None else "configuration"), part
        raise Unnamed(
            f"{part} names no rules: write `recorded`, a configuration's or a script's file, one of"
            f" {', '.join(profile_names())}, or KIND=VALUE with {', '.join(KINDS)}"
        )

    def scripts_of(self, value: str) -> tuple[ScriptSet, bool]:
        """The scripts of a value, and whether each stands in for the one of its name."""
        path = Path(value)
        if value == "none":
            return ScriptSet(types=frozenset(TYPES)), False
        if path.suffix == ".py":
            return _set_of([self._of_file(path)]), True
        if path.suffix == ".toml" or path.is_file():
            manifest = load_manifest(path)
            if manifest is None:
                return scripts_of_settings(load(path), self.now), False
            return _set_of(open_scripts(manifest, path, self.now)), False
        return _set_of([self._of_registry(value)]), True

    def _of_file(self, path: Path) -> Prepared:
        return Prepared(entry_of(path, properties=self.properties), self._resolved(self.properties))

    def _of_registry(self, value: str) -> Prepared:
        name, at, revision = value.partition("@")
        if self.registry is None:
            raise Unnamed(f"script={value} is no file: a script of the registry needs a gateway to ask")
        if at and not revision.isdecimal():
            raise Unnamed(f"script={value}: write NAME@REVISION, such as registration@3")
        entry = self.registry(name, int(revision) if at else None)
        both = (*entry.module_properties, *entry.configuration_properties)
        hidden = [each.value1 for each in both if not each.value2 and each.is_hidden]
        if lacking := [each for each in hidden if each not in self.properties]:
            raise Unnamed(f"script {name}: {', '.join(lacking)} is hidden: give it with --property NAME=VALUE")
        return Prepared(entry, {each.value1: each.value2 for each in both} | self._resolved(self.properties))

    def _resolved(self, properties: Mapping[str, str]) -> dict[str, str]:
        try:
            return {
                name: SecretReference.parse(value).resolve().get_secret_value() for name, value in properties.items()
            }
        except ValueError as error:
            raise Unnamed(f"--property: {error}") from None


@dataclass(slots=True)
class _Draft:
    """Rules that grow part by part. What is named later counts over what was named before."""

    rules: Rules

    def add(self, kind: str, value: str, naming: Naming) -> None:
        match kind:
            case "profile":
                self._change(profile=_profile(value))
            case "configuration":
                settings = load(Path(value))
                self._change(markets=open_markets(settings, naming.now))
                found = scripts_of_settings(settings, naming.now)
                self._change(scripts=found if found.types else self.rules.scripts)
            case "script" if value == "recorded":
                self._change(scripts=None)
            case "script":
                found, stands_in = naming.scripts_of(value)
                self._change(scripts=_standing_in(self.rules.scripts, found, naming) if stands_in else found)
            case "trust" if Path(value).suffix == ".toml":
                markets = open_markets(load(Path(value)), naming.now)
                self._change(anchors={name: market.anchors for name, market in markets.items()})
            case part if part in _TRUST:
                self._change(trust={**self.rules.trust, _TRUST[part]: _certificates(Path(value))})

    def _change(self, **parts: Any) -> None:
        self.rules = replace(self.rules, **parts)


def scripts_of_settings(settings: Settings, now: float) -> ScriptSet:
    """What a configuration has of scripts and detail types. Calls of a type of which it has none stay as recorded.

    Raises: Misconfigured.
    """
    scripts, declared = open_scripts(settings.scripts, settings.source, now), open_declared(settings, now)
    types = {each.entry.type for each in scripts} | ({AUTHZ_DETAIL} if declared else set())
    section = settings.scripting
    return ScriptSet(scripts, frozenset(types), declared, worker_settings(section), section.deadline_s)


def _set_of(scripts: Sequence[Prepared]) -> ScriptSet:
    return ScriptSet(tuple(scripts), frozenset(each.entry.type for each in scripts))


def _standing_in(before: ScriptSet | None, found: ScriptSet, naming: Naming) -> ScriptSet:
    """One script in the place of that of its type and name, with its order and properties; or beside the others."""
    if before is None:
        return found
    new = found.scripts[0]
    same = [each for each in before.scripts if (each.entry.type, each.entry.name) == (new.entry.type, new.entry.name)]
    for old in same:
        kept = old.entry if new.entry.file else new.entry
        given = (ScriptProperty(name, value) for name, value in naming.properties.items())
        entry = replace(
            kept,
            text=new.entry.text,
            file=new.entry.file,
            cases=new.entry.cases,
            schema=new.entry.schema,
            configuration_properties=(
                *(each for each in kept.configuration_properties if each.value1 not in naming.properties),
                *given,
            ),
        )
        new = Prepared(entry, {**old.properties, **new.properties})
    others = [each for each in before.scripts if each not in same]
    return replace(before, scripts=(*others, new), types=before.types | found.types)


def _profile(name: str) -> Profile:
    try:
        return load_profile(name if name in profile_names() else Path(name))
    except ValueError as error:
        raise Unnamed(str(error)) from None


def _certificates(path: Path) -> tuple[Certificate, ...]:
    """Those of a trust store, or of all that lie in a folder. Raises: Misconfigured."""
    files = sorted(each for each in path.iterdir() if each.suffix in _TRUST_SUFFIXES) if path.is_dir() else [path]
    if not files:
        raise Misconfigured(f"{path} holds no trust store: put *.pem into it")
    return tuple(dict.fromkeys(each for file in files for each in open_trust_store(file)))
