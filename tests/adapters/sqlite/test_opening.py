"""Opening the database: what is refused at the start, what is migrated, what is copied away."""

# ruff: noqa: ASYNC221, ASYNC240 - a test may wait for a file or a process

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import warnings
from pathlib import Path

import aiosqlite
import pytest
from registry_builders import NOW, change, client, registry

from dcrgw.adapters.sqlite import connections
from dcrgw.adapters.sqlite.migrations import MIGRATIONS, Migration, migrate
from dcrgw.errors import Misconfigured, Unavailable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "registry.db"


async def test_new_database_belongs_to_its_owner_alone(path: Path) -> None:
    async with registry(path) as store:
        await store.commit(change())
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert set(modes) >= {"registry.db", "registry.db-wal"}
    assert set(modes.values()) == {0o600}


async def test_settings_hold_on_every_connection(path: Path) -> None:
    async with registry(path):
        connection = connections.writing_connection(path, 1.0, False)
        try:
            for name, _, expected in connections.SETTINGS:
                assert connection.execute(f"PRAGMA {name}").fetchone()[0] == expected
        finally:
            connection.close()


async def test_reading_connection_cannot_write(path: Path) -> None:
    async with registry(path) as store:
        with pytest.raises(sqlite3.OperationalError):
            await store._reader.execute("DELETE FROM clients")


async def test_missing_directory_is_misconfigured(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        async with registry(tmp_path / "missing" / "registry.db"):
            pass
    assert list(tmp_path.iterdir()) == []


async def test_directory_in_place_of_the_file_is_misconfigured(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        async with registry(tmp_path):
            pass


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 4096])
async def test_file_that_is_no_database_is_misconfigured_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(Misconfigured):
        async with registry(path):
            pass
    assert path.read_bytes() == content


async def test_damaged_page_is_found_at_start(path: Path) -> None:
    async with registry(path) as store:
        for n in range(200):
            await store.commit(change(f"client-{n}"))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = b"\xa5" * 4096
    path.write_bytes(content)
    with pytest.raises(Misconfigured, match="restore"):
        async with registry(path):
            pass


async def test_truncated_file_is_found_at_start(path: Path) -> None:
    async with registry(path) as store:
        for n in range(200):
            await store.commit(change(f"client-{n}"))
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(Misconfigured, match="restore"):
        async with registry(path):
            pass


async def test_database_of_another_program_is_misconfigured(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE notes (text)")
    connection.close()
    with pytest.raises(Misconfigured):
        async with registry(path):
            pass


async def test_database_locked_by_another_process_is_unavailable_at_start(path: Path) -> None:
    async with registry(path):
        pass
    other = sqlite3.connect(path, isolation_level=None)
    try:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Unavailable):
            async with registry(path, busy_timeout_s=0.05):
                pass
    finally:
        other.close()
    async with registry(path) as store:
        await store.commit(change())


async def test_lock_at_run_time_is_unavailable_and_reads_go_on(path: Path) -> None:
    async with registry(path, busy_timeout_s=0.05) as store:
        await store.commit(change("first"))
        other = sqlite3.connect(path, isolation_level=None)
        try:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable):
                await store.commit(change("second"))
            assert await store.client("uk", "first") == client("first")
        finally:
            other.close()
        await store.commit(change("second"))
        assert await store.client("uk", "second") == client("second")


@pytest.mark.parametrize("happens", ["removed", "replaced"])
async def test_file_that_is_gone_takes_no_more_changes(path: Path, happens: str) -> None:
    health: list[bool] = []
    async with registry(path, on_health=lambda healthy, _: health.append(healthy)) as store:
        await store.commit(change("first"))
        path.rename(path.with_suffix(".moved"))
        if happens == "replaced":
            path.touch()
        for name in ("second", "third"):
            with pytest.raises(Unavailable):
                await store.commit(change(name))
    assert health == [False]


async def test_read_only_file_is_misconfigured(path: Path) -> None:
    async with registry(path) as store:
        await store.commit(change())
    path.chmod(0o444)
    assert what_an_ordinary_user_meets(path) == "Misconfigured"


def what_an_ordinary_user_meets(path: Path) -> str:
    """The failure of writing to the database in a process without root's right to write everything."""
    answer, tell = os.pipe()
    with warnings.catch_warnings():
        # Newer Pythons warn of other threads; this child does nothing that could wait for them.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                # Forked, not started anew: the interpreter may be out of this user's reach. The folder is not.
                os.chdir(path.parent)
                path.parent.chmod(0o755)
                os.setuid(65534)
            connections.writing_connection(Path(path.name), 1.0, False).execute("BEGIN IMMEDIATE")
            os.write(tell, b"nothing")
        except sqlite3.Error as error:
            os.write(tell, type(connections.fault(path, error)).__name__.encode())
        finally:
            os._exit(0)
    os.close(tell)
    os.waitpid(child, 0)
    with os.fdopen(answer, "rb") as pipe:
        return pipe.read().decode()


async def test_second_opening_finds_nothing_to_migrate(path: Path) -> None:
    for _ in range(2):
        async with registry(path):
            pass
    assert versions(path) == [(step.number, step.checksum) for step in MIGRATIONS]


async def test_schema_newer_than_the_code_is_refused(path: Path) -> None:
    newer = (
        *MIGRATIONS,
        Migration(MIGRATIONS[-1].number + 1, "later", "CREATE TABLE later (a);"),
    )
    await migrated(path, newer)
    with pytest.raises(Misconfigured):
        async with registry(path):
            pass


async def test_schema_made_by_another_text_is_refused(path: Path) -> None:
    await migrated(path, (Migration(1, "schema", "CREATE TABLE other (a);"),))
    with pytest.raises(Misconfigured):
        async with registry(path):
            pass


async def test_failed_migration_leaves_the_database_as_it_was(path: Path) -> None:
    await migrated(path, MIGRATIONS)
    bad = Migration(MIGRATIONS[-1].number + 1, "bad", "CREATE TABLE half (a);\nCREATE TABLE half (a);")
    with pytest.raises(sqlite3.OperationalError):
        await migrated(path, (*MIGRATIONS, bad))
    assert versions(path) == [(step.number, step.checksum) for step in MIGRATIONS]
    assert "half" not in tables(path)
    async with registry(path) as store:
        await store.commit(change())


async def test_migration_that_ends_in_the_middle_of_a_statement_is_a_bug(path: Path) -> None:
    with pytest.raises(ValueError, match="statement"):
        await migrated(path, (Migration(1, "cut", "CREATE TABLE a (b);\nCREATE TABLE half ("),))
    assert tables(path) == set()


async def test_killed_migration_is_undone_and_run_again(path: Path) -> None:
    program = (
        "import asyncio, os, pathlib, sys, aiosqlite\n"
        "from dcrgw.adapters.sqlite import connections\n"
        "from dcrgw.adapters.sqlite.migrations import MIGRATIONS, Migration, migrate\n"
        "async def main(path):\n"
        "    connections.make_file(path)\n"
        "    async with connections.connect(path) as db:\n"
        "        await connections.settle(db)\n"
        "        await db.create_function('die', 0, lambda: os._exit(9))\n"
        "        cut = Migration(1, 'schema', MIGRATIONS[0].sql + 'SELECT die();')\n"
        "        await migrate(db, 0.0, (cut,))\n"
        "asyncio.run(main(pathlib.Path(sys.argv[1])))\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert ended.returncode == 9
    assert tables(path) == set()
    async with registry(path) as store:
        await store.commit(change())


async def test_backup_holds_everything_and_opens_as_a_registry(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup.db"
    secret_client = client(secrets={"client_secret": "s"})
    async with registry(path) as store:
        await store.commit(change(client=secret_client))
        await store.backup(target)
        await store.commit(change("after the backup"))
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    async with registry(target) as copy:
        assert await copy.client("uk", "client-1") == secret_client
        assert await copy.client("uk", "after the backup") is None
    assert not list(tmp_path.glob("*.unfinished*"))


async def test_backup_overwrites_nothing(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup.db"
    target.write_bytes(b"precious")
    async with registry(path) as store:
        with pytest.raises(Misconfigured):
            await store.backup(target)
        with pytest.raises(Misconfigured):
            await store.backup(tmp_path / "missing" / "backup.db")
    assert target.read_bytes() == b"precious"


async def migrated(path: Path, steps: tuple[Migration, ...]) -> None:
    async with aiosqlite.connect(path, isolation_level=None) as db:
        await migrate(db, NOW, steps)


def versions(path: Path) -> list[tuple[int, str]]:
    return query(path, "SELECT number, checksum FROM schema_versions ORDER BY number")


def tables(path: Path) -> set[str]:
    return {row[0] for row in query(path, "SELECT name FROM sqlite_schema WHERE type = 'table'")}


def query(path: Path, sql: str) -> list[tuple]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


async def test_step_that_lands_after_a_later_one_is_applied(path: Path) -> None:
    steps = [Migration(number, f"step_{number}", f"CREATE TABLE step_{number} (a);") for number in (1, 2, 3)]
    connections.make_file(path)
    await migrated(path, (steps[0], steps[2]))
    await migrated(path, tuple(steps))
    assert versions(path) == [(step.number, step.checksum) for step in steps]
