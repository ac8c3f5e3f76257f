"""G8: what committing in groups gains, on the very changes that the flow makes."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

from bench.goals import GOALS, Measured
from bench.rehearsal import rehearsal
from bench.town import Town, records
from dcrgw.adapters.clock import SystemClock
from dcrgw.adapters.sealer import Sealer
from dcrgw.adapters.sqlite import commit, connections
from dcrgw.adapters.sqlite.registry import SqliteRegistry
from dcrgw.adapters.sqlite.rows import prepare
from dcrgw.ports.registry import Change, CommitVerdict

_CHANGES = 3000
_AT_ONCE = 32

T = TypeVar("T")
_Statements = list[tuple[str, Any]]


async def measure(town: Town, folder: Path, rounds: int) -> Measured:
    """Group commit in the product's registry; the same statements in a transaction each through aiosqlite."""
    measured = Measured(GOALS["G8"], notes=["commit each: the same statements through one aiosqlite connection, FULL"])
    async with rehearsal(town, folder) as stage:
        for body in records(town.signed_bodies(_CHANGES)):
            await stage.register(body)
        changes = stage.registry.changes
    statements = _as_statements(changes, await _empty(folder))
    contenders: list[tuple[str, Callable[[], Awaitable[float]]]] = [
        ("group", lambda: _grouped(changes, folder)),
        ("each", lambda: _each(statements, folder)),
    ]
    for number in range(rounds):
        order = contenders if number % 2 == 0 else contenders[::-1]
        found = {f"{name}_per_s": await run() for name, run in order}
        measured.rounds.append(found)
        measured.ratios.append(found["group_per_s"] / found["each_per_s"])
    return measured


async def _grouped(changes: Sequence[Change], folder: Path) -> float:
    """Changes a second through the registry."""
    path = _fresh(folder)
    async with SqliteRegistry.open(path, sealer=Sealer([]), clock=SystemClock()) as registry:

        async def store(change: Change) -> None:
            committed = await registry.commit(change)
            assert committed.verdict is CommitVerdict.STORED

        rate = await _rate(changes, store)
    _demand_rows(path, len(changes))
    return rate


async def _each(changes: Sequence[_Statements], folder: Path) -> float:
    """Changes a second with a COMMIT each: aiosqlite as its documentation shows it, behind a lock."""
    path = await _empty(folder)
    async with AsyncExitStack() as opened:
        db = await opened.enter_async_context(connections.connect(path))
        await connections.settle(db)
        lock = asyncio.Lock()

        async def store(statements: _Statements) -> None:
            async with lock:
                await db.execute("BEGIN IMMEDIATE")
                for sql, parameters in statements:
                    await db.execute(sql, parameters)
                await db.commit()

        rate = await _rate(changes, store)
    _demand_rows(path, len(changes))
    return rate


async def _rate(work: Sequence[T], store: Callable[[T], Awaitable[None]]) -> float:
    waiting: Iterator[T] = iter(work)

    async def worker() -> None:
        for one in waiting:
            await store(one)

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(_AT_ONCE):
            group.create_task(worker())
    return len(work) / (time.perf_counter() - begun)


def _as_statements(changes: Sequence[Change], path: Path) -> list[_Statements]:
    """What the registry executes for each change, listened to on a database of its own."""
    connection = connections.writing_connection(path, 2.0, False)
    sealer, now = Sealer([]), time.time()
    found = []
    for change in changes:
        listening = _Listening(connection)
        commit.apply(listening, prepare(change, sealer), now)  # type: ignore[arg-type]
        found.append(listening.statements)
    connection.close()
    return found


class _Listening:
    """Stands before a connection and notes what it is asked."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.statements: _Statements = []

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        self.statements.append((sql, parameters))
        return self._connection.execute(sql, parameters)


async def _empty(folder: Path) -> Path:
    """A database with the schema and no row."""
    path = _fresh(folder)
    async with SqliteRegistry.open(path, sealer=Sealer([]), clock=SystemClock()):
        pass
    return path


def _fresh(folder: Path) -> Path:
    place = folder / "store"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    return place / "registry.sqlite"


def _demand_rows(path: Path, count: int) -> None:
    with sqlite3.connect(path) as db:
        (found,) = db.execute("SELECT count(*) FROM clients").fetchone()
    db.close()
    if found != count:
        raise AssertionError(f"{found} of {count} changes were stored")
