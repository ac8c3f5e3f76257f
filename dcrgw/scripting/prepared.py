"""A script as it would be loaded: its entry, with the values that its properties have once secrets are resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dcrgw.core.scripts.entry import ScriptEntry


@dataclass(frozen=True, slots=True)
class Prepared:
    """One enabled script. `is_missing`: it should serve, and nothing of it could be loaded."""

    entry: ScriptEntry
    properties: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_missing: bool = False
