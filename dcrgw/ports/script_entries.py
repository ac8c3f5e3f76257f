"""Where scripts are kept that are managed over the administration: each change is one more revision."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from dcrgw.core.scripts.entry import ScriptEntry


class ScriptChange(StrEnum):
    """What a revision did. The values stand in the history."""

    ADDED = "added"
    CHANGED = "changed"
    ENABLED = "enabled"
    DISABLED = "disabled"
    ROLLED_BACK = "rolled back"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class ScriptRevision:
    """One change with its author. `entry` is the whole entry as it stood from then on; of a deletion, up to then."""

    entry: ScriptEntry
    change: ScriptChange
    author: str
    at: float
    reason: str = ""


class ScriptVerdict(StrEnum):
    """How storing a revision ended. Only STORED changed anything."""

    STORED = "stored"
    #: The entry is no longer at the revision that the change replaces, or there is none.
    CONFLICT = "conflict"
    #: Another entry of the type has the name.
    NAME_TAKEN = "name_taken"


class ScriptEntries(Protocol):
    """The entries of the registry, with every revision there ever was. Secrets among the properties are kept sealed.

    Raises: Unavailable when the store cannot take or give an answer; Misconfigured when secrets do not open.
    """

    async def mark(self) -> int:
        """A number that grows with every change: what a watcher asks instead of reading everything."""
        ...

    async def all(self) -> tuple[ScriptEntry, ...]:
        """Every entry as it stands, by type and name."""
        ...

    async def entry(self, inum: str) -> ScriptEntry | None:
        """One entry as it stands; None for one that never was or was deleted."""
        ...

    async def history(self, inum: str, limit: int = 100) -> tuple[ScriptRevision, ...]:
        """The revisions of an entry, newest first, also of a deleted one; empty where there never was one."""
        ...

    async def store(self, revision: ScriptRevision, replaces: int | None) -> ScriptVerdict:
        """Store one revision whole or not at all. `replaces` is the revision that it follows, None for a new entry.

        The revision's own number must be one more than the last that the inum ever had: see `next_revision`.
        Raises besides: Misconfigured for a hidden value where no sealing key is configured.
        """
        ...

    async def next_revision(self, inum: str) -> int:
        """The number of an entry's next revision: numbers are never used again, not even after a deletion."""
        ...
