"""The one writing connection, and commits in groups.

Callers hand in a function of the connection. Whatever waits at one turn of the loop is run as one transaction, and
all of it is answered after the one COMMIT. When one of them is refused, the group is run again with a SAVEPOINT
around each. So a refused change does not touch its neighbours, 32 waiting callers pay for one fsync together, and
nobody waits for a batch to fill.

The statements run on the event loop: they change pages in memory, some ten microseconds each. Run by a thread they
cost several times that, since the thread gave the interpreter away and fetched it back at each of them, and the loop
stood still meanwhile. What may wait for a disk or for another process (to open, to COMMIT, to BEGIN where another
one writes) is a thread's, and while it is at it the loop leaves the connection alone.

Nothing here can half-apply: a function runs whole, and a caller who is cancelled merely stops listening. (On a
shared aiosqlite connection, a cancelled caller's INSERT would be committed by the next request.)
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar

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


class _Job(NamedTuple):
    work: Callable[[sqlite3.Connection], Any]
    future: asyncio.Future[Any]


class _Outcome(NamedTuple):
    value: Any = None
    error: Exception | None = None


class Writer:
    """The write side of the registry. `guard` may veto a batch.

    `connect(suspicious)` opens a connection that any thread may use; how long it waits for another process's lock
    is how long a batch waits for it.
    """

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
        self._waiting: deque[_Job] = deque()
        self._arrived = asyncio.Event()
        self._connection: sqlite3.Connection | None = None
        self._patience_ms = 0
        self._has_opened = False
        self._healthy = True
        self._open = False
        self._disk: _Disk
        self._writing: asyncio.Task[None]

    async def start(self) -> None:
        """Open the connection and take changes. Raises: what `connect` raises."""
        self._disk = _Disk()
        try:
            await self._reopen()
        except BaseException:
            await self._disk.close()
            raise
        self._open = True
        # Kept here, and ended by `close`.
        self._writing = asyncio.get_running_loop().create_task(self._write(), name="registry-writer")

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` inside the next transaction; returns after its COMMIT.

        An exception of `work` undoes this change alone and is raised here. A cancelled caller's change
        still ends whole or not at all. Raises: Unavailable when the store cannot take it.
        """
        if not self._open:
            raise Unavailable("registry", "the registry is closed")
        if len(self._waiting) >= self._capacity:
            raise Unavailable("registry", "too many changes are waiting", retry_after_s=1)
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Job(work, future))
        self._arrived.set()
        # A cancelled caller cancels only its own future: nobody looks at it before the change is committed.
        return await future

    async def close(self) -> None:
        """Commit what is queued, close the connection, end the thread."""
        if not self._open:
            return
        self._open = False
        self._arrived.set()
        await self._writing
        await self._drop_connection()
        await self._disk.close()

    async def _write(self) -> None:
        try:
            while self._open or self._waiting:
                self._arrived.clear()
                if not self._waiting:
                    await self._arrived.wait()
                    continue
                jobs = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._largest_batch))]
                _settle(jobs, await self._batch(jobs))
        finally:
            # Should it ever end otherwise, callers hear so and do not wait for ever.
            self._open = False

    async def _batch(self, jobs: Sequence[_Job]) -> list[_Outcome]:
        """One transaction. Whatever goes wrong, every job gets an outcome."""
        try:
            self._guard()
            connection = self._connection or await self._reopen()
            await self._begin(connection)
            outcomes = _all_at_once(connection, jobs)
            if outcomes is None:
                await self._begin(connection)
                outcomes = [_attempt(connection, job) for job in jobs]
            await self._disk.do(partial(connection.execute, "COMMIT"))
        except Exception as error:
            await self._abandon(error)
            return [_Outcome(error=_unavailable(error)) for _ in jobs]
        self._tell(True, "")
        return outcomes

    async def _reopen(self) -> sqlite3.Connection:
        connection = await self._disk.do(partial(self._connect, self._has_opened))
        self._has_opened = True
        self._patience_ms = connection.execute("PRAGMA busy_timeout").fetchone()[0]
        connection.execute("PRAGMA busy_timeout = 0")
        self._connection = connection
        return connection

    async def _begin(self, connection: sqlite3.Connection) -> None:
        """Take the write lock: at once where it is free, as it nearly always is."""
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if _primary_code(error) != sqlite3.SQLITE_BUSY:
                raise
            await self._disk.do(partial(_begin_patiently, connection, self._patience_ms))

    async def _abandon(self, error: Exception) -> None:
        """Undo the batch. After `database is locked` a connection is still inside its transaction."""
        with suppress(sqlite3.Error):
            if self._connection is not None and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        undone = self._connection is not None and not self._connection.in_transaction
        if not (undone and _primary_code(error) in _KEEPS_CONNECTION):
            await self._drop_connection()
        self._tell(False, str(error))

    async def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                await self._disk.do(connection.close)

    def _tell(self, healthy: bool, reason: str) -> None:
        if self._on_health is not None and healthy != self._healthy:
            self._on_health(healthy, reason)
        self._healthy = healthy


class _Disk:
    """One thread for what waits, one thing at a time; quicker than an executor, which makes two futures for each."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]] | None] = SimpleQueue()
        # A daemon: a process that forgets to close still ends, and a commit cut short is undone by SQLite.
        self._thread = threading.Thread(target=self._main, name="registry-disk", daemon=True)
        self._thread.start()

    async def do(self, work: Callable[[], T]) -> T:
        """The result of `work`, done by the thread."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._queue.put((work, future))
        return await future

    async def close(self) -> None:
        """End the thread."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _main(self) -> None:
        while (item := self._queue.get()) is not None:
            work, future = item
            try:
                outcome = _Outcome(work())
            except Exception as error:
                outcome = _Outcome(error=error)
            # The loop may be gone before the thread is: then nobody is waiting for the answer either.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_tell, future, outcome)


def _begin_patiently(connection: sqlite3.Connection, patience_ms: int) -> None:
    connection.execute(f"PRAGMA busy_timeout = {patience_ms}")
    try:
        connection.execute("BEGIN IMMEDIATE")
    finally:
        connection.execute("PRAGMA busy_timeout = 0")


def _tell(future: asyncio.Future[Any], outcome: _Outcome) -> None:
    if future.done():
        return
    if outcome.error is None:
        future.set_result(outcome.value)
    else:
        future.set_exception(outcome.error)


def _settle(jobs: Sequence[_Job], outcomes: Sequence[_Outcome]) -> None:
    for job, outcome in zip(jobs, outcomes, strict=True):
        _tell(job.future, outcome)


def _all_at_once(connection: sqlite3.Connection, jobs: Sequence[_Job]) -> list[_Outcome] | None:
    """Run the changes in the open transaction, which stays open, or undo it and give None.

    Hardly a change is refused here, so the savepoint that such a one needs is a third of the others' statements.
    Raises: a failure of the store itself.
    """
    try:
        return [_Outcome(job.work(connection)) for job in jobs]
    except Exception as error:
        if _primary_code(error) in _OF_THE_STORE:
            raise
        connection.execute("ROLLBACK")
        return None


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


def _unavailable(cause: Exception) -> Unavailable:
    failure = Unavailable("registry", f"{type(cause).__name__}: {cause}")
    failure.__cause__ = cause
    return failure


def _primary_code(error: Exception) -> int:
    """SQLite's result code without its extension; -1 for any other exception."""
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else -1
