"""What commands that name rules read beside files: properties, and scripts of a running gateway."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dcrgw.cli.administration import connected
from dcrgw.cli.scripts.common import ask, found, path_of, read_properties
from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.core.scripts.entry_json import read_entry

_PROPERTIES = ("module_properties", "configuration_properties")


def read_values(given: Sequence[str]) -> dict[str, str]:
    """Values by name, of NAME=VALUE texts. Raises: UsageError."""
    return {name: each["value2"] for name, each in read_properties(given, ()).items()}


def registered_script(place: Mapping[str, Any], script: str, revision: int | None) -> ScriptEntry:
    """A script of the gateway at `place`, at a revision or as it stands; its hidden values are empty.

    Raises: Refused, NoAnswer.
    """
    line = found(connected(place), script)
    query = {"revision": revision} if revision is not None else None
    told = ask(connected(place), "GET", path_of(line), query)
    for member in _PROPERTIES:
        hidden = [each for each in told[member] if each["value2"] is None]
        for each in hidden:
            each.update(value2="", hide=True)
    return read_entry(told)
