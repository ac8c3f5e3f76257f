"""Keeps decisions aside from the way on which they are made: a bounded queue, and one thread that empties it.

Nobody ever waits for the record. What finds the queue full is dropped and counted; so is what cannot be kept.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, Full, Queue
from typing import Protocol

from dcrgw.compliance.bundle import MAX_BYTES
from dcrgw.compliance.keeping import Closed, bundled, line_of, worth_of
from dcrgw.compliance.redaction import Withheld
from dcrgw.errors import GatewayError
from dcrgw.ports.decisions import DecisionLine, RecordState, Worth

#: Written in one go at most.
_GROUP = 32
#: How long a stop waits for what is queued.
STOP_S = 3.0


class Store(Protocol):
    """Where documents go. Synchronous. Raises: GatewayError."""

    @property
    def documents(self) -> int:
        """How many there are."""
        ...

    @property
    def size(self) -> int:
        """What they take, in bytes."""
        ...

    def add(self, entries: list[tuple[DecisionLine, bytes]], now: float) -> None:
        """Keep them."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """What the recorder says of itself: to /readyz and the log."""

    lost: dict[str, int]
    #: Why the store took nothing at the last try; empty when it did.
    trouble: str


class Recorder:
    """One thread between `started` and `stop`. `on_change` is called from it, or from whoever finds the queue full."""

    def __init__(
        self,
        store: Store,
        *,
        room: int,
        on_change: Callable[[Told], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._on_change, self._now = store, on_change, now
        self._queue: Queue[Closed | None] = Queue(room)
        self._room = room
        self._lost: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._kept, self._trouble = 0, ""
        self._thread = threading.Thread(target=self._run, name="record", daemon=True)

    def start(self) -> None:
        """Begin to keep."""
        self._thread.start()

    def put(self, closed: Closed) -> None:
        """Keep one decision if there is room for it. Never waits."""
        worth = worth_of(closed.report.decision, closed.report.facts)
        if worth is Worth.STRANGER and self._queue.qsize() * 2 >= self._room:
            # The other half of the queue is for those that were proven.
            self.lose("queue_full")
            return
        try:
            self._queue.put_nowait(closed)
        except Full:
            self.lose("queue_full")

    def lose(self, why: str, count: int = 1) -> None:
        """Count what was not kept; told at the first of each kind and at every hundredth."""
        with self._counting:
            before = self._lost[why]
            after = self._lost[why] = before + count
        if not before or before // 100 != after // 100:
            self._tell()

    def stop(self) -> None:
        """Keep what is queued, as far as a few seconds go; then let the rest go. Blocks: for a thread."""
        ends = time.monotonic() + STOP_S
        while self._thread.is_alive() and time.monotonic() < ends:
            try:
                self._queue.put(None, timeout=0.1)
                break
            except Full:
                continue
        self._thread.join(max(0.0, ends - time.monotonic()))

    def state(self) -> RecordState:
        """What is held and what was lost."""
        store = self._store
        return RecordState(True, self._kept, store.documents, store.size, tuple(sorted(self._lost.items())))

    def _run(self) -> None:
        while True:
            group: list[Closed] = []
            first = self._queue.get()
            ends = first is None
            if first is not None:
                group = [first]
            while not ends and len(group) < _GROUP:
                try:
                    another = self._queue.get_nowait()
                except Empty:
                    break
                if another is None:
                    ends = True
                else:
                    group.append(another)
            if group:
                self._keep(group)
            if ends:
                return

    def _keep(self, group: list[Closed]) -> None:
        documents = [(line_of(each), document) for each in group if (document := self._document(each)) is not None]
        if not documents:
            return
        try:
            self._store.add(documents, self._now())
        except Exception as error:
            reason = str(error) if isinstance(error, GatewayError) else type(error).__name__
            changed, self._trouble = self._trouble != reason, reason
            self.lose("failed", len(documents))
            if changed:
                self._tell()
            return
        self._kept += len(documents)
        if self._trouble:
            self._trouble = ""
            self._tell()

    def _document(self, closed: Closed) -> bytes | None:
        try:
            document = bundled(closed)
        except Withheld:
            self.lose("private_key")
        except Exception:
            # Our bug: it costs one bundle, not the record. What it was about stands in the audit trail.
            traceback.print_exc()
            self.lose("failed")
        else:
            if len(document) <= MAX_BYTES:
                return document
            self.lose("too_big")
        return None

    def _tell(self) -> None:
        self._on_change(Told(dict(self._lost), self._trouble))
