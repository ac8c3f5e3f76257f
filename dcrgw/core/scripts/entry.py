"""One script's entry: everything that a bank configures of a script, and one revision of it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from dcrgw.core.strict_json import JsonValue

#: Values that say where a secret is; `config.secrets` reads them.
_REFERENCE = re.compile(r"(env|file|credential):.+", re.DOTALL)
_SECRET_NAME = re.compile(r"passw|passphrase|secret", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ScriptProperty:
    """One property: `value1` its name, `value2` its value or a secret reference (`env:…`, `file:…`, `credential:…`).

    A `hide`den value never leaves the gateway: not in an answer, a diff, a log or an error.
    """

    value1: str
    value2: str = field(repr=False)
    hide: bool = False
    description: str = ""

    @property
    def is_reference(self) -> bool:
        """Whether the value says where a secret is, and is none itself."""
        return _REFERENCE.fullmatch(self.value2) is not None

    @property
    def is_hidden(self) -> bool:
        """Whether nobody is to see the value: it is marked so, a reference, or named like a password."""
        return self.hide or self.is_reference or _SECRET_NAME.search(self.value1) is not None


@dataclass(frozen=True, slots=True)
class ScriptEntry:
    """A script as configured. Its `text` is kept in the registry, or read from `file` each time it changes.

    `inum` identifies it for good; `name` is unique within its type. `markets` empty means every market.
    `mode` is "worker" (its own process, the default) or "inline" (this process, for trusted fast scripts).
    `cases` are its examples (`core.scripts.cases`), on which every new generation is tried.
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
    cases: tuple[Mapping[str, JsonValue], ...] = field(default=(), repr=False)
    #: Of authz_detail: the text of the JSON Schema beside the file.
    schema: str = field(default="", repr=False)

    def property_of(self, name: str) -> ScriptProperty | None:
        """The property of this name, the configuration's own before the module's."""
        both = (*self.configuration_properties, *self.module_properties)
        return next((each for each in both if each.value1 == name), None)

    @property
    def digest(self) -> str:
        """What tells two states apart that run differently: text, schema, properties, type, mode; SHA-256, hex."""
        properties = [
            [(one.value1, one.value2) for one in each]
            for each in (self.module_properties, self.configuration_properties)
        ]
        named = [self.inum, self.name, self.type, self.level, self.mode, self.markets]
        material = [*named, self.text, properties, self.schema]
        return hashlib.sha256(json.dumps(material).encode()).hexdigest()

    @property
    def source_name(self) -> str:
        """How tracebacks and faults name the text: its file, or its name in the registry."""
        return self.file or f"<script {self.name}>"

    def sentence(self, what: str) -> str:
        """What happened to it, with its name and place."""
        return f"script {self.name} ({self.source_name}): {what}"


def inum_of(type_: str, name: str) -> str:
    """The inum of an entry that was given none: the same for the same type and name, in the form of the seeds."""
    digits = hashlib.sha256(f"{type_}/{name}".encode()).hexdigest()[:8].upper()
    return f"{digits[:4]}-{digits[4:]}"
