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

    @property
    def hidden(self) -> frozenset[str]:
        """The values that nobody is to see."""
        return hidden_values(self.entry, self.properties)


def hidden_values(entry: ScriptEntry, properties: Mapping[str, str]) -> frozenset[str]:
    """Of a script's `properties`, those that nobody is to see: hidden ones, and references resolved."""
    each = (*entry.module_properties, *entry.configuration_properties)
    return frozenset(filter(None, (properties.get(one.value1) for one in each if one.is_hidden)))
