"""What serves of the bank's scripts, as those see it who look after them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.core.scripts.trial import Trial


@dataclass(frozen=True, slots=True)
class ScriptState:
    """One script's state. `generation` counts what was swapped in since the start; None: nothing serves.

    `why` is what keeps the newest revision from serving, or says why nothing calls it; `since` epoch seconds.
    """

    generation: int | None = None
    revision: int | None = None
    why: str = ""
    since: float = 0.0
    #: True where `why` is a fault.
    failed: bool = False
    #: The mark of the change that the gate refused and that may be accepted; empty where there is none.
    held: str = ""

    @property
    def words(self) -> str:
        """For one line of a list."""
        if self.failed:
            kept = f"; generation {self.generation} serves on" if self.generation is not None else "; nothing serves"
            mark = f"; held as {self.held}" if self.held else ""
            return f"failed: {self.why}{kept}{mark}"
        if self.generation is None:
            return self.why or "not loaded"
        return f"serving generation {self.generation}" + (f"; {self.why}" if self.why else "")


@dataclass(frozen=True, slots=True)
class ScriptError:
    """One failure of a script: while it was loaded or tried (no interaction id), or during a request."""

    inum: str
    name: str
    at: float
    what: str
    trace: str = ""
    generation: int | None = None
    interaction_id: str = ""
    method: str = ""
    #: The report of the request, as `dcrgw explain` knows it.
    report_id: str = ""


class ScriptServing(Protocol):
    """The generations that serve, and the trial of one that might."""

    def files(self) -> tuple[ScriptEntry, ...]:
        """The entries that the configuration names, as last read from their files."""
        ...

    def states(self) -> Mapping[str, ScriptState]:
        """The state of every known script, by inum."""
        ...

    def errors(self, inum: str | None = None) -> tuple[ScriptError, ...]:
        """The last failures, newest first; of one script where it is named."""
        ...

    async def try_out(self, entry: ScriptEntry) -> Trial:
        """Compile, initialise and try an entry on its cases, and put it away: nothing that serves is touched."""
        ...

    async def weigh(self, inum: str, entry: ScriptEntry | None) -> tuple[str, ...]:
        """What the gate has against a state of a script, or against its end (None); empty where it may serve.

        Raises: Misconfigured where a secret of it cannot be had.
        """
        ...

    async def let_pass(self, entry: ScriptEntry) -> None:
        """Take a state of a script without weighing it when it is met. Raises: Misconfigured."""
        ...

    async def accept(self, inum: str, held: str) -> bool:
        """Take the change of a script that the gate holds under this mark; False where it holds no such change."""
        ...

    async def look(self) -> None:
        """Look for changes now, and swap in what is new and right."""
        ...
