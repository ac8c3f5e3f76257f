"""The bank's scripts as the settings name them: entries, their texts, the values of their properties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import SecretStr

from dcrgw.config.faults import ConfigurationRefused
from dcrgw.config.model import Settings
from dcrgw.config.sections.scripts import ScriptingSettings, ScriptSettings
from dcrgw.core.authorization.detail_rules import DeclaredType
from dcrgw.core.scripts.entry import ScriptEntry, ScriptProperty, inum_of
from dcrgw.errors import Misconfigured
from dcrgw.materials.authorization import declared_types
from dcrgw.materials.opening import Opening
from dcrgw.scripting.files import read_script
from dcrgw.scripting.hiring import WorkerSettings
from dcrgw.scripting.prepared import Prepared

Values = Mapping[str, SecretStr]


def script_entry(script: ScriptSettings) -> ScriptEntry:
    """A script as the settings have it; its text is in its file."""
    return ScriptEntry(
        inum=script.inum or inum_of(script.type, script.name),
        name=script.name,
        type=script.type,
        text="",
        file=str(script.file),
        description=script.description or "",
        level=script.level,
        enabled=script.enabled,
        mode=script.mode,
        markets=tuple(script.markets),
        configuration_properties=tuple(
            ScriptProperty(name, value.place if value.is_literal else str(value))
            for name, value in script.properties.items()
        ),
    )


def script_values(opening: Opening, key: str, script: ScriptSettings) -> Values:
    """A script's properties with secrets resolved; faults are noted in `opening`."""
    opening.own_file(f"{key}.file", script.file)
    resolved = {name: opening.secret(f"{key}.properties.{name}", each) for name, each in script.properties.items()}
    return {name: value for name, value in resolved.items() if value is not None}


def prepared_scripts(scripts: Sequence[ScriptSettings], values: Mapping[str, Values]) -> tuple[Prepared, ...]:
    """The enabled ones with their texts, ready to be loaded. Raises: Misconfigured with every fault."""
    read = [(read_script(script_entry(each)), each.name) for each in scripts if each.enabled]
    if faults := [each.fault for each, _ in read if each.fault]:
        raise Misconfigured("\n".join(faults))
    return tuple(Prepared(each.entry, _plain(values[name])) for each, name in read)


def open_scripts(scripts: Sequence[ScriptSettings], source: Path, at: float) -> tuple[Prepared, ...]:
    """The enabled ones with their texts and secrets, and nothing else that is private.

    `source` is the file that names them. Raises: ConfigurationRefused, Misconfigured.
    """
    # Whoever only tries scripts is told of no file's mode.
    opening = Opening(at, is_sandbox=True)
    values = {each.name: script_values(opening, f"script[{i}]", each) for i, each in enumerate(scripts) if each.enabled}
    if opening.faults:
        raise ConfigurationRefused(source, opening.faults)
    return prepared_scripts(scripts, values)


def open_declared(settings: Settings, at: float) -> tuple[DeclaredType, ...]:
    """The detail types that the settings declare. Raises: ConfigurationRefused."""
    opening = Opening(at, is_sandbox=settings.is_sandbox)
    declared = declared_types(opening, settings)
    if opening.faults:
        raise ConfigurationRefused(settings.source, opening.faults)
    return declared


def worker_settings(section: ScriptingSettings) -> WorkerSettings:
    """How worker processes are kept, by the settings."""
    return WorkerSettings(
        memory_bytes=section.memory_bytes,
        cpu_s=section.cpu_s,
        load_s=section.load_s,
        count=section.workers,
        most=max(section.workers, section.most_workers),
        calls=section.calls_per_worker,
    )


def _plain(values: Values) -> dict[str, str]:
    return {name: value.get_secret_value() for name, value in values.items()}
