"""One thread that owns the one writing connection, and commits in groups.

Callers hand in a function of the connection. The thread takes whatever is queued at that moment as one
transaction and answers all of them after the one COMMIT. When one of them is refused, the group is run again
with a SAVEPOINT around each. So a refused change does not touch its neighbours, 32 waiting callers pay for one
fsync together, and nobody waits for a batch to fill.

Nothing here can half-apply: a function runs whole on this thread, and a caller who is cancelled merely
stops listening. (On a shared aiosqlite connection, a cancelled caller's INSERT would be committed by the
next request.)
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from dcrgw.errors import Unavailable

T = TypeVar("T")

#: Told when the store stops or starts to take changes: (healthy, reason). Called in the event loop.
OnHealth = Callable[[bool, str], None]

#: How many changes may wait; beyond it a caller hears Unavailable at once instead of waiting in vain.
CAPACITY = 1024
#: The largest group: bounds how long the first of it waits for the last.
LARGEST_BATCH = 128

#: Failures of the store: the whole batch is undone. Any other failure belongs to the one change that met it.
_OF_THE_STORE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOTADB,
    }
)
#: After these the connection is given up as well. A busy or full database needs only a rollback.
_KEEPS_CONNECTION = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL})


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[sqlite3.Connection], Any]
    future: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class _Outcome:
    value: Any = None
    error: Exception | None = None


class Writer:
    """The write side of the registry. `connect(suspicious)` opens a connection; `guard` may veto a batch."""

    def __init__(
        self,
        connect: Callable[[bool], sqlite3.Connection],
        *,
        guard: Callable[[], None] = lambda: None,
        on_health: OnHealth | None = None,
        capacity: int = CAPACITY,
        largest_batch: int = LARGEST_BATCH,
    ) -> None:
        self._connect = connect
        self._guard = guard
        self._on_health = on_health
        self._capacity = capacity
        self._largest_batch = largest_batch
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._connection: sqlite3.Connection | None = None
        self._has_opened = False
        self._healthy = True
        self._open = False
        self._ending = False
        self._loop: asyncio.AbstractEventLoop
        # A daemon: a process that forgets to close still ends, and a commit cut short is undone by SQLite.
        self._thread = threading.Thread(target=self._main, name="registry-writer", daemon=True)

    async def start(self) -> None:
        """Start the thread and open its connection. Raises: what `connect` raises."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        self._open = True
        try:
            # Opened by the thread itself: a connection belongs to the thread that made it.
            await self.run(lambda _connection: None)
        except Unavailable as error:
            await self.close()
            raise error.__cause__ or error from None

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` inside the next transaction; returns after its COMMIT.

        An exception of `work` undoes this change alone and is raised here. A cancelled caller's change
        still ends whole or not at all. Raises: Unavailable when the store cannot take it.
        """
        if not self._open:
            raise Unavailable("registry", "the registry is closed")
        if self._queue.qsize() >= self._capacity:
            raise Unavailable("registry", "too many changes are waiting", retry_after_s=1)
        future: asyncio.Future[T] = self._loop.create_future()
        self._queue.put(_Job(work, future))
        # A cancelled caller cancels only its own future: the thread never looks at it before the change is applied.
        return await future

    async def close(self) -> None:
        """Commit what is queued, close the connection, end the thread."""
        if not self._open:
            return
        self._open = False
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _main(self) -> None:
        while jobs := self._take():
            self._answer(jobs, self._batch(jobs))
        self._drop_connection()

    def _take(self) -> list[_Job]:
        """Wait for a change, then take what else is queued; empty at the end."""
        jobs: list[_Job] = []
        while not self._ending and len(jobs) < self._largest_batch:
            try:
                job = self._queue.get(block=not jobs)
            except Empty:
                break
            if job is None:
                self._ending = True
            else:
                jobs.append(job)
        return jobs

    def _batch(self, jobs: Sequence[_Job]) -> list[_Outcome]:
        """One transaction. Whatever goes wrong, every job gets an outcome."""
        try:
            self._guard()
            if self._connection is None:
                self._connection = self._connect(self._has_opened)
                self._has_opened = True
            outcomes = _all_at_once(self._connection, jobs)
            if outcomes is None:
                outcomes = _one_by_one(self._connection, jobs)
            self._connection.execute("COMMIT")
        except Exception as error:
            self._abandon(error)
            return [_Outcome(error=_unavailable(error)) for _ in jobs]
        self._tell(True, "")
        return outcomes

    def _abandon(self, error: Exception) -> None:
        """Undo the batch. After `database is locked` a connection is still inside its transaction."""
        with suppress(sqlite3.Error):
            if self._connection is not None and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        undone = self._connection is not None and not self._connection.in_transaction
        if not (undone and _primary_code(error) in _KEEPS_CONNECTION):
            self._drop_connection()
        self._tell(False, str(error))

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def _answer(self, jobs: Sequence[_Job], outcomes: Sequence[_Outcome]) -> None:
        self._call_in_loop(_settle, jobs, outcomes)

    def _tell(self, healthy: bool, reason: str) -> None:
        if self._on_health is not None and healthy != self._healthy:
            self._call_in_loop(self._on_health, healthy, reason)
        self._healthy = healthy

    def _call_in_loop(self, callback: Callable[..., None], *arguments: Any) -> None:
        # The loop may be gone before the thread is: then nobody is waiting for the answer either.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback, *arguments)


def _all_at_once(connection: sqlite3.Connection, jobs: Sequence[_Job]) -> list[_Outcome] | None:
    """Run the changes in a new transaction that stays open, or leave nothing behind and give None.

    Hardly a change is refused here, so the savepoint that such a one needs is a third of the others' statements.
    Raises: a failure of the store itself.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        return [_Outcome(job.work(connection)) for job in jobs]
    except Exception as error:
        if _primary_code(error) in _OF_THE_STORE:
            raise
        connection.execute("ROLLBACK")
        return None


def _one_by_one(connection: sqlite3.Connection, jobs: Sequence[_Job]) -> list[_Outcome]:
    """The same when one of them fails. Raises: a failure of the store itself."""
    connection.execute("BEGIN IMMEDIATE")
    return [_attempt(connection, job) for job in jobs]


def _attempt(connection: sqlite3.Connection, job: _Job) -> _Outcome:
    """Run one change so that its failure leaves nothing behind. Raises: a failure of the store itself."""
    connection.execute("SAVEPOINT one_change")
    try:
        outcome = _Outcome(job.work(connection))
    except Exception as error:
        if _primary_code(error) in _OF_THE_STORE:
            raise
        connection.execute("ROLLBACK TO one_change")
        outcome = _Outcome(error=error)
    connection.execute("RELEASE one_change")
    return outcome


def _settle(jobs: Sequence[_Job], outcomes: Sequence[_Outcome]) -> None:
    for job, outcome in zip(jobs, outcomes, strict=True):
        if job.future.done():
            continue
        if outcome.error is None:
            job.future.set_result(outcome.value)
        else:
            job.future.set_exception(outcome.error)


def _unavailable(cause: Exception) -> Unavailable:
    failure = Unavailable("registry", f"{type(cause).__name__}: {cause}")
    failure.__cause__ = cause
    return failure


def _primary_code(error: Exception) -> int:
    """SQLite's result code without its extension; -1 for any other exception."""
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else -1
