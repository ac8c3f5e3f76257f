"""Decisions that are over, with their evidence: the last ones in memory, and all of them where recording is on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from dcrgw.core.checks import Report
from dcrgw.core.decision import Decision
from dcrgw.core.market import Market


class Worth(StrEnum):
    """Whose a decision is, and what came of it: each has room of its own in the record, which no other takes."""

    #: A client was registered, changed or ended, or a customer agreed.
    CHANGE = "change"
    #: Anything else that a caller asked whose certificate identified it.
    CALLER = "caller"
    #: Asked by nobody that was proven: whoever can reach a port can make any number of them.
    STRANGER = "stranger"


@dataclass(frozen=True, slots=True)
class DecisionLine:
    """One recorded decision, as a list shows it. `at` is epoch seconds, `size` what it takes on the disk in bytes."""

    report_id: str
    at: float
    market: str
    operation: str
    decision: str
    client_id: str | None = None
    org_id: str | None = None
    software_id: str | None = None
    interaction_id: str = ""
    #: Ids of the checks that failed or could not be found out.
    checks: tuple[str, ...] = ()
    size: int = 0
    worth: Worth = Worth.CALLER
    #: Judged elsewhere, and put into the record: no word of this gateway's.
    imported: bool = False


@dataclass(frozen=True, slots=True)
class DecisionQuery:
    """Which decisions; all that is given must hold. Newest first.

    `since` and `until` are epoch seconds, `check` an id that failed or its beginning up to a dot.
    """

    since: float | None = None
    until: float | None = None
    market: str | None = None
    operation: str | None = None
    decision: str | None = None
    check: str | None = None
    client_id: str | None = None
    org_id: str | None = None
    software_id: str | None = None
    interaction_id: str | None = None
    #: Only what was imported, or only what this gateway judged itself.
    imported: bool | None = None
    #: (at, report_id) after which the page begins.
    after: tuple[float, str] | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class RecordState:
    """What the record holds and what it could not keep since the start."""

    is_on: bool = False
    kept: int = 0
    #: Documents and bytes in the record now.
    documents: int = 0
    size: int = 0
    #: Why something was not kept -> how often: queue_full, private_key, too_big, failed.
    lost: tuple[tuple[str, int], ...] = ()


class Decisions(Protocol):
    """Keeps decisions and shows them. Raises: Unavailable where the record does not answer."""

    def close(self, report: Report, market: Market) -> None:
        """Take note that a decision is over. Never waits and never raises."""
        ...

    async def find(self, report_id: str | None = None) -> Decision | None:
        """One decision, or the newest in memory."""
        ...

    async def document(self, report_id: str) -> bytes | None:
        """One decision as a bundle. Raises: Rejected where it cannot be kept, since it holds what is secret."""
        ...

    async def search(self, query: DecisionQuery) -> tuple[DecisionLine, ...]:
        """The recorded decisions that match, newest first."""
        ...

    async def take(self, document: bytes) -> DecisionLine:
        """Put a bundle from elsewhere into the record. Raises: Rejected for what is no bundle."""
        ...

    async def sealed_with(self) -> frozenset[str]:
        """The ids of all keys that something in the record is sealed with."""
        ...

    async def purge(self, query: DecisionQuery) -> int:
        """Remove the decisions that match, whatever `limit` and `after` say; how many they were."""
        ...

    def state(self) -> RecordState:
        """What is held and what was lost."""
        ...
