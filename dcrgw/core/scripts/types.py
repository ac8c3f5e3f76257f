"""The kinds of script there are, as data: what their author writes, and where the gateway calls it.

Docs, the loader, `dcrgw scripts` and the admin listener all read this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Method:
    """One method of a script type.

    `forms` are the lists of arguments that it may be written with, the preferred one first. `returns` says in a
    few words what the answer means. `since` is the API version from which the gateway calls it. `called` is
    where the gateway calls it; empty: no caller in this version.
    """

    name: str
    forms: tuple[tuple[str, ...], ...]
    returns: str
    mandatory: bool = True
    since: int = 1
    called: str = ""


@dataclass(frozen=True, slots=True)
class ScriptType:
    """One type of script: its id in configuration, the class that the author writes, and its base class.

    `every` is true where all enabled scripts of the type run (by descending level, then name, up to the first no);
    otherwise the one with the highest level does.
    """

    id: str
    class_name: str
    base_name: str
    purpose: str
    methods: tuple[Method, ...]

    @property
    def has_caller(self) -> bool:
        """Whether this version of the gateway calls any method of the type."""
        return any(method.called for method in self.methods)


#: Methods that every type has.
LIFE: tuple[Method, ...] = (
    Method(
        "init", (("customScript", "configurationAttributes"), ("configurationAttributes",)), "True keeps the script"
    ),
    Method("destroy", (("configurationAttributes",),), "True when it is cleanly put away"),
    Method("getApiVersion", ((), ("configurationAttributes",)), "a whole number, 11 by default", mandatory=False),
)

#: Every type, by id.
TYPES: Mapping[str, ScriptType] = {}
