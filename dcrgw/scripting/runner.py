"""Where scripts run: in this process (`inline`) or in worker processes (`pool`). Same promises, same values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.ports.scripts import Capability
from dcrgw.scripting.calls import MethodAnswer, MethodCall

__all__ = ["Capability", "Loaded", "Runner"]


class Loaded(Protocol):
    """One generation of one script, ready to be called. `methods` are those that its author wrote."""

    @property
    def entry(self) -> ScriptEntry:
        """The entry, with the values of its secret references resolved."""
        ...

    @property
    def methods(self) -> frozenset[str]:
        """Which of its type's methods the script has."""
        ...

    async def call(self, call: MethodCall, ask: Capability, deadline_s: float) -> MethodAnswer:
        """One call, within its deadline.

        Raises: ScriptFailed, which holds what `ask` raised where the script did not catch it; Unavailable when no
        worker can be had within the deadline.
        """
        ...

    async def close(self) -> bool:
        """destroy, once no call is under way; False when the script did not say True."""
        ...


class Runner(Protocol):
    """Loads scripts. One for each mode."""

    async def load(self, entry: ScriptEntry, properties: Mapping[str, str]) -> Loaded:
        """Compile, construct, check and initialise. `properties` are values with secrets resolved.

        Raises: Misconfigured, naming script, file and line, with what to do.
        """
        ...

    async def close(self) -> None:
        """End what the runner holds."""
        ...
