"""Manifests of scripts: files with more `[[script]]` tables, so that scripts may be handed over as a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dcrgw.config.faults import ConfigFault, ConfigurationRefused


def with_manifests(
    document: Mapping[str, Any], base: Path, read: Callable[[Path], Mapping[str, Any]]
) -> Mapping[str, Any]:
    """The document with the scripts of the manifests that it names behind its own; `read` gives a file's document.

    Relative paths in a manifest start at the manifest's own folder. Raises: ConfigurationRefused.
    """
    scripting, own = document.get("scripting"), document.get("script", [])
    named = scripting.get("manifests", []) if isinstance(scripting, Mapping) else []
    if not isinstance(named, list) or not isinstance(own, list) or not named:
        return document
    scripts = list(own)
    for path in (base / name for name in named if isinstance(name, str)):
        scripts += scripts_of(path, read(path))
    return {**document, "script": scripts}


def scripts_of(path: Path, manifest: Mapping[str, Any]) -> list[Any]:
    """The script tables of a manifest's document. Raises: ConfigurationRefused."""
    scripts = manifest.get("script", [])
    if manifest.keys() - {"script"} or not isinstance(scripts, list):
        fault = ConfigFault(path.name, "holds other than [[script]] tables", "keep the rest in the configuration")
        raise ConfigurationRefused(path, [fault])
    return [_placed(script, path.absolute().parent) for script in scripts]


def _placed(script: Any, folder: Path) -> Any:
    """A script's table with its paths made absolute; what is no table is left to the model to refuse."""
    if not isinstance(script, Mapping):
        return script
    placed = dict(script)
    if isinstance(placed.get("file"), str) and placed["file"]:
        placed["file"] = str(folder / placed["file"])
    if isinstance(placed.get("properties"), Mapping):
        placed["properties"] = {name: _absolute(value, folder) for name, value in placed["properties"].items()}
    return placed


def _absolute(value: Any, folder: Path) -> Any:
    if isinstance(value, str) and value.startswith("file:") and value != "file:":
        return f"file:{folder / value.removeprefix('file:')}"
    return value
