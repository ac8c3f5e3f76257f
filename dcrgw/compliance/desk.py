"""Decisions that are over, for whoever may ask: the last ones in memory, and the record where it is on."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from dcrgw.compliance import bundle as bundles
from dcrgw.compliance.keeping import Closed, bundled, line_of, line_of_bundle, told_of_bundle
from dcrgw.compliance.recorder import Recorder, Store
from dcrgw.compliance.redaction import Withheld
from dcrgw.compliance.values import Unreadable
from dcrgw.core.checks import Report, gate
from dcrgw.core.decision import Decision
from dcrgw.core.evidence import Evidence
from dcrgw.core.market import Market
from dcrgw.errors import ErrorCode, Unavailable
from dcrgw.ports.decisions import DecisionLine, DecisionQuery, RecordState

T = TypeVar("T")

READABLE = gate(
    "admin.evidence.bundle",
    "What is imported is a bundle that this dcrgw reads",
    spec="docs/replay.md",
    code=ErrorCode.INVALID_REQUEST,
)
KEEPABLE = gate(
    "admin.evidence.secret",
    "What is exported holds no private key",
    spec="docs/replay.md",
    code=ErrorCode.INVALID_REQUEST,
    status=409,
)
RECORDING = gate(
    "admin.evidence.recording",
    "Recording is on, where the record is to be changed",
    spec="docs/configuration.md, recording",
    code=ErrorCode.INVALID_REQUEST,
    status=409,
)

PLACE = gate(
    "admin.evidence.place",
    "What is imported takes no other decision's place, and is not older than what the record keeps",
    spec="docs/replay.md",
    code=ErrorCode.INVALID_REQUEST,
    status=409,
)

#: The generations that decided, by name; of a report and the monotonic seconds at which its first question was put.
Names = Callable[[Report, float], Mapping[str, str]]

#: What the bank hides from everybody at this moment.
Hidden = Callable[[], frozenset[str]]

#: No operator waits longer for the record; a disk that hangs keeps its thread.
_PATIENCE_S = 20.0


class Library(Store, Protocol):
    """A store that can also be read. Synchronous. Raises: GatewayError."""

    def search(self, query: DecisionQuery) -> tuple[DecisionLine, ...]:
        """What matches, newest first."""
        ...

    def find(self, report_id: str) -> tuple[bytes, bool] | None:
        """One bundle's document, and whether it was imported."""
        ...

    def take(self, line: DecisionLine, document: bytes, now: float) -> bool:
        """Keep one from elsewhere; False where one has its id, or it is too old to be kept."""
        ...

    def purge(self, query: DecisionQuery) -> int:
        """Remove what matches."""
        ...

    def sealed_with(self) -> frozenset[str]:
        """The ids of the keys that something in it is sealed with."""
        ...


class Memory(Protocol):
    """The decisions that are remembered, the newest last; those under way among them."""

    def find(self, report_id: str | None = None) -> tuple[Report, Evidence] | None:
        """One by its report id, or the newest."""
        ...


class Desk:
    """Implements `ports.decisions.Decisions`. Without a library and a recorder there is only the memory."""

    def __init__(
        self,
        memory: Memory,
        library: Library | None = None,
        recorder: Recorder | None = None,
        names: Names | None = None,
        hidden: Hidden = frozenset,
    ) -> None:
        self._memory, self._library, self._recorder = memory, library, recorder
        self._names, self._hidden = names, hidden
        self._closed: dict[str, Closed] = {}
        # Not the loop's own threads: a disk that hangs must not take those.
        self._reading = ThreadPoolExecutor(2, thread_name_prefix="record-reading")

    def close(self, report: Report, market: Market) -> None:
        """Take note that a decision is over. What was no judged request has no evidence, and is not kept."""
        found = self._memory.find(report.report_id)
        if found is None or found[0] is not report:
            return
        ended, moments = time.monotonic(), found[1].journal.moments
        generations = self._names(report, moments[0][1] if moments else ended) if self._names else {}
        closed = Closed(*found, market, ended, generations, self._hidden())
        self._remember(closed)
        if self._recorder is not None:
            self._recorder.put(closed)

    async def find(self, report_id: str | None = None) -> Decision | None:
        """One decision, or the newest in memory."""
        closed = self._remembered(report_id)
        if closed is not None:
            return closed.told
        if report_id is None or self._library is None:
            return None
        found = await self._ask(self._library.find, report_id)
        if found is None:
            return None
        document, imported = found
        told = await self._ask(lambda: told_of_bundle(bundles.read(document)))
        return replace(told, imported=imported)

    async def document(self, report_id: str) -> bytes | None:
        """One decision as a bundle. Raises: Rejected where it cannot be kept, Unavailable."""
        found = await self._held(report_id)
        return None if found is None else found[0]

    async def search(self, query: DecisionQuery) -> tuple[DecisionLine, ...]:
        """The recorded decisions that match; without a record those in memory."""
        if self._library is not None:
            return await self._ask(self._library.search, query)
        lines = sorted((line_of(each) for each in self._closed.values()), key=_place, reverse=True)
        return tuple(line for line in lines if _matches(line, query))[: query.limit]

    async def take(self, document: bytes) -> DecisionLine:
        """Put a bundle from elsewhere into the record, if it is not there. Raises: Rejected, Unavailable."""
        library = self._demanded()
        try:
            # Read, redacted already, and written again: nothing is kept that was not understood.
            bundle = await self._ask(bundles.read, document)
        except Unreadable as unreadable:
            raise READABLE.rejection(f"the bundle cannot be read: {unreadable}") from unreadable
        line, written = line_of_bundle(bundle), bundles.write(bundle)
        # One that was purged may come back while it is in memory, as it was, and is this gateway's own.
        held = await self._held(line.report_id)
        if held is None or await self._ask(_again, held[0]) == written:
            line = replace(line, imported=held is None or held[1])
            taken = await self._ask(library.take, line, written, time.time())
            held = (written, line.imported) if taken else await self._ask(library.find, line.report_id)
            if held is None:
                raise PLACE.rejection("the decision is older than the record keeps (recording.max_age_s), or too long")
        if held[0] is not written and await self._ask(_again, held[0]) != written:
            raise PLACE.rejection(f"another decision has the report_id {line.report_id}")
        return replace(line, imported=held[1])

    async def purge(self, query: DecisionQuery) -> int:
        """Remove the decisions that match from the record."""
        return await self._ask(self._demanded().purge, query)

    async def sealed_with(self) -> frozenset[str]:
        """The ids of all keys that something in the record is sealed with."""
        return frozenset() if self._library is None else await self._ask(self._library.sealed_with)

    def state(self) -> RecordState:
        """What is held and what was lost."""
        return self._recorder.state() if self._recorder is not None else RecordState()

    async def stop(self) -> None:
        """Keep what is queued, as far as a few seconds go."""
        if self._recorder is not None:
            await asyncio.to_thread(self._recorder.stop)
        self._reading.shutdown(wait=False, cancel_futures=True)

    async def _held(self, report_id: str) -> tuple[bytes, bool] | None:
        """One decision as a bundle, and whether it was imported: what is in memory was judged here."""
        closed = self._remembered(report_id)
        if closed is None:
            return None if self._library is None else await self._ask(self._library.find, report_id)
        try:
            return await self._ask(bundled, closed), False
        except Withheld as withheld:
            raise KEEPABLE.rejection(str(withheld)) from withheld

    def _demanded(self) -> Library:
        if self._library is None:
            raise RECORDING.rejection("recording is off: set [recording] enabled = true")
        return self._library

    def _remember(self, closed: Closed) -> None:
        self._closed[closed.report.report_id] = closed
        if len(self._closed) > _REMEMBERED:
            del self._closed[next(iter(self._closed))]

    def _remembered(self, report_id: str | None) -> Closed | None:
        if report_id is None:
            return next(reversed(self._closed.values()), None)
        return self._closed.get(report_id)

    async def _ask(self, work: Callable[..., T], *arguments: Any) -> T:
        asked = asyncio.get_running_loop().run_in_executor(self._reading, functools.partial(work, *arguments))
        try:
            return await asyncio.wait_for(asked, _PATIENCE_S)
        except TimeoutError as error:
            raise Unavailable("record", f"it did not answer within {_PATIENCE_S:.0f} s") from error


def _again(document: bytes) -> bytes:
    """A document as this dcrgw writes it."""
    return bundles.write(bundles.read(document))


#: As many as are in memory besides.
_REMEMBERED = 256


def _place(line: DecisionLine) -> tuple[float, str]:
    return line.at, line.report_id


def _matches(line: DecisionLine, query: DecisionQuery) -> bool:
    names = ("market", "operation", "decision", "client_id", "org_id", "software_id", "interaction_id", "imported")
    return (
        all(getattr(query, name) in (None, getattr(line, name)) for name in names)
        and (query.since is None or line.at >= query.since)
        and (query.until is None or line.at < query.until)
        and (query.check is None or any(f"{check}.".startswith(f"{query.check}.") for check in line.checks))
        and (query.after is None or _place(line) < query.after)
    )
