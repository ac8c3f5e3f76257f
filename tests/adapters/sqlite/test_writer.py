"""Group commit, cancellation, and what a failing store does to waiting callers."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from dcrgw.adapters.sqlite.writer import Writer
from dcrgw.errors import Unavailable


class FlakyConnection(sqlite3.Connection):
    """A connection whose next statement that starts with `fail_at` meets `error`; `slow` delays its COMMITs."""

    fail_at: str | None = None
    error: sqlite3.Error
    slow: Callable[[], None] = staticmethod(lambda: None)

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        if sql == "COMMIT":
            self.slow()
        if self.fail_at is not None and sql.startswith(self.fail_at):
            self.fail_at = None
            raise self.error
        return super().execute(sql, *arguments)


class Store:
    """A file with one table of names, its writer, and what happened to them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.statements: list[str] = []
        self.connections: list[FlakyConnection] = []
        self.suspicions: list[bool] = []
        self.health: list[bool] = []
        self.writer: Writer

    def connect(self, suspicious: bool) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=0.05, isolation_level=None, check_same_thread=False, factory=FlakyConnection
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE IF NOT EXISTS names (name TEXT UNIQUE NOT NULL)")
        connection.set_trace_callback(self.statements.append)
        self.connections.append(connection)
        self.suspicions.append(suspicious)
        return connection

    async def add(self, name: str | None) -> None:
        await self.writer.run(insert(name))

    def names(self) -> set[str]:
        connection = sqlite3.connect(self.path)
        try:
            return {row[0] for row in connection.execute("SELECT name FROM names")}
        finally:
            connection.close()

    def commits(self) -> int:
        return self.statements.count("COMMIT")


def insert(name: str | None) -> Callable[[sqlite3.Connection], None]:
    return lambda connection: connection.execute("INSERT INTO names VALUES (?)", (name,)) and None


@asynccontextmanager
async def opened(path: Path, **options: Any) -> AsyncIterator[Store]:
    store = Store(path)
    store.writer = Writer(store.connect, on_health=lambda healthy, _: store.health.append(healthy), **options)
    await store.writer.start()
    try:
        yield store
    finally:
        await store.writer.close()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path / "names.db") as it:
        yield it


@asynccontextmanager
async def busy(store: Store) -> AsyncIterator[None]:
    """Keep a batch of its own inside its COMMIT, so that what is handed in meanwhile has to queue."""
    inside, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def hold() -> None:
        loop.call_soon_threadsafe(inside.set)
        go_on.wait()

    store.connections[-1].slow = hold
    async with asyncio.TaskGroup() as group:
        group.create_task(store.writer.run(lambda _connection: None))
        await inside.wait()
        del store.connections[-1].slow
        try:
            yield
        finally:
            go_on.set()


async def test_thirty_two_waiting_changes_share_one_transaction(store: Store) -> None:
    async with asyncio.TaskGroup() as group, busy(store):
        for n in range(32):
            group.create_task(store.add(f"n{n}"))
        await asyncio.sleep(0)
        before = store.commits()
    assert len(store.names()) == 32
    assert store.commits() == before + 2  # the batch that was held, and one for all 32


async def test_concurrent_changes_share_few_transactions(store: Store) -> None:
    before = store.commits()
    await asyncio.gather(*(store.add(f"n{n}") for n in range(32)))
    assert len(store.names()) == 32
    assert store.commits() - before <= 8


async def test_a_batch_is_no_larger_than_allowed(tmp_path: Path) -> None:
    async with opened(tmp_path / "names.db", largest_batch=10) as store, asyncio.TaskGroup() as group:
        async with busy(store):
            for n in range(32):
                group.create_task(store.add(f"n{n}"))
            await asyncio.sleep(0)
            before = store.commits()
        await store.add("last")
        assert store.commits() - before >= 5


async def test_failed_change_does_not_touch_its_neighbours(store: Store) -> None:
    def half(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO names VALUES ('half')")
        raise LookupError("later")

    async with busy(store):
        results = asyncio.gather(
            store.add("a"),
            store.writer.run(half),
            store.add("a"),
            store.add(None),
            store.add("b"),
            return_exceptions=True,
        )
        await asyncio.sleep(0)
    kinds = [type(result) for result in await results]
    assert kinds == [type(None), LookupError, sqlite3.IntegrityError, sqlite3.IntegrityError, type(None)]
    assert store.names() == {"a", "b"}
    assert store.health == []


@pytest.mark.parametrize("steps", range(6))
async def test_cancelled_change_is_whole_or_absent_and_leaks_into_no_other(store: Store, steps: int) -> None:
    """Cancelled at each turn of the loop: before it starts, while queued, while committed, while answered."""

    def two(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO names VALUES ('one')")
        connection.execute("INSERT INTO names VALUES ('two')")

    async with asyncio.TaskGroup() as group:
        task = group.create_task(store.writer.run(two))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    await store.add("next")
    assert store.names() in ({"next"}, {"one", "two", "next"})


async def test_change_cancelled_while_queued_ends_whole(store: Store) -> None:
    async with asyncio.TaskGroup() as group:
        async with busy(store):
            task = group.create_task(store.add("cancelled"))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert store.names() == set()
        await store.add("next")
    assert store.names() == {"cancelled", "next"}


async def test_failure_of_a_cancelled_change_disturbs_nobody(store: Store) -> None:
    async with asyncio.TaskGroup() as group:
        async with busy(store):
            task = group.create_task(store.add(None))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await store.add("next")
    assert store.names() == {"next"}


async def test_full_queue_is_unavailable_at_once(tmp_path: Path) -> None:
    async with opened(tmp_path / "names.db", capacity=3) as store:
        async with asyncio.TaskGroup() as group, busy(store):
            for n in range(3):
                group.create_task(store.add(f"n{n}"))
            await asyncio.sleep(0)
            with pytest.raises(Unavailable):
                await store.add("too many")
        await store.add("later")
        assert store.names() == {"n0", "n1", "n2", "later"}


async def test_close_commits_what_is_queued_and_takes_no_more(tmp_path: Path) -> None:
    async with opened(tmp_path / "names.db") as store, asyncio.TaskGroup() as group:
        async with busy(store):
            for n in range(5):
                group.create_task(store.add(f"n{n}"))
            await asyncio.sleep(0)
            closing = group.create_task(store.writer.close())
            await asyncio.sleep(0)
            with pytest.raises(Unavailable):
                await store.add("late")
        await closing
        assert store.names() == {f"n{n}" for n in range(5)}


async def test_locked_database_is_unavailable_and_recovers(store: Store) -> None:
    other = sqlite3.connect(store.path, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            await store.add("refused")
        other.execute("ROLLBACK")
    finally:
        other.close()
    await store.add("taken")
    assert store.names() == {"taken"}
    assert store.health == [False, True]
    assert len(store.connections) == 1


async def test_loop_goes_on_while_another_process_holds_the_lock(tmp_path: Path) -> None:
    async with opened(tmp_path / "names.db") as store:
        store.writer._patience_ms = 20_000
        other = sqlite3.connect(store.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(store.add("patient"))
            for _ in range(100):
                await asyncio.sleep(0)
            assert not waiting.done()
            other.execute("ROLLBACK")
            other.close()
        assert store.names() == {"patient"}
        assert store.health == []


async def test_full_disk_is_unavailable_for_the_whole_batch_and_recovers(store: Store) -> None:
    connection = store.connections[0]
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    async with busy(store):
        results = asyncio.gather(store.add("small"), store.add("x" * 100_000), return_exceptions=True)
        await asyncio.sleep(0)
    assert [type(result) for result in await results] == [Unavailable, Unavailable]
    assert store.names() == set()
    connection.execute("PRAGMA max_page_count = 100000")
    await store.add("x" * 100_000)
    assert store.health == [False, True]


def break_at(store: Store, statement: str) -> None:
    """Let the next statement of this kind meet a failing disk."""
    broken = store.connections[0]
    broken.error = sqlite3.OperationalError("disk I/O error")
    broken.error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    broken.fail_at = statement


async def assert_reopened(store: Store) -> None:
    await store.add("taken")
    assert store.names() == {"taken"}
    assert store.suspicions == [False, True]  # what was written earlier is not believed but checked
    assert store.health == [False, True]


@pytest.mark.parametrize("fail_at", ["BEGIN", "INSERT", "COMMIT"])
async def test_io_error_anywhere_undoes_the_batch_and_reopens_the_connection(store: Store, fail_at: str) -> None:
    break_at(store, fail_at)
    with pytest.raises(Unavailable):
        await store.add("refused")
    await assert_reopened(store)


@pytest.mark.parametrize("fail_at", ["ROLLBACK", "SAVEPOINT", "RELEASE"])
async def test_io_error_beside_a_change_that_fails_undoes_the_batch_too(store: Store, fail_at: str) -> None:
    break_at(store, fail_at)
    # A change that fails of itself has its batch undone and run again, each change in a savepoint.
    async with busy(store):
        results = asyncio.gather(
            store.add("refused"), store.writer.run(lambda _connection: 1 / 0), return_exceptions=True
        )
        await asyncio.sleep(0)
    assert [type(result) for result in await results] == [Unavailable, Unavailable]
    await assert_reopened(store)


async def test_store_that_cannot_be_reopened_stays_unavailable_until_it_can(tmp_path: Path) -> None:
    async with opened(tmp_path / "names.db") as store:
        working = store.connect
        broken = store.connections[0]
        broken.error = sqlite3.OperationalError("disk I/O error")
        broken.error.sqlite_errorcode = sqlite3.SQLITE_IOERR
        broken.fail_at = "COMMIT"
        store.writer._connect = refuse_to_connect
        for _ in range(3):
            with pytest.raises(Unavailable):
                await store.add("refused")
        store.writer._connect = working
        await store.add("taken")
        assert store.names() == {"taken"}
        assert store.health == [False, True]


async def test_guard_vetoes_a_batch(tmp_path: Path) -> None:
    vetoes: list[Exception] = []

    def guard() -> None:
        if vetoes:
            raise vetoes.pop()

    async with opened(tmp_path / "names.db", guard=guard) as store:
        vetoes.append(OSError("the file is gone"))
        with pytest.raises(Unavailable):
            await store.add("refused")
        await store.add("taken")
        assert store.names() == {"taken"}


def refuse_to_connect(suspicious: bool) -> sqlite3.Connection:
    raise sqlite3.OperationalError("unable to open database file")
