"""One script's entry: everything that a bank configures of a script, and one revision of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ScriptProperty:
    """One property: `value1` its name, `value2` its value or a secret reference (`${env:…}`, `${file:…}`).

    A `hide`den value never leaves the gateway: not in an answer, a diff, a log or an error.
    """

    value1: str
    value2: str = field(repr=False)
    hide: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class ScriptEntry:
    """A script as configured. Its `text` is kept in the registry, or read from `file` each time it changes.

    `inum` identifies it for good; `name` is unique within its type. `markets` empty means every market.
    `mode` is "worker" (its own process, the default) or "inline" (this process, for trusted fast scripts).
    """

    inum: str
    name: str
    type: str
    text: str = field(repr=False)
    file: str | None = None
    description: str = ""
    level: int = 1
    revision: int = 1
    enabled: bool = True
    mode: str = "worker"
    markets: tuple[str, ...] = ()
    module_properties: tuple[ScriptProperty, ...] = ()
    configuration_properties: tuple[ScriptProperty, ...] = ()

    @property
    def digest(self) -> str:
        """What tells two states apart that run differently: text, properties, type, mode; SHA-256, hex."""
        properties = [
            [(one.value1, one.value2) for one in each]
            for each in (self.module_properties, self.configuration_properties)
        ]
        material = [self.inum, self.name, self.type, self.level, self.mode, self.markets, self.text, properties]
        return hashlib.sha256(json.dumps(material).encode()).hexdigest()

    @property
    def source_name(self) -> str:
        """How tracebacks and faults name the text: its file, or its name in the registry."""
        return self.file or f"<script {self.name}>"
