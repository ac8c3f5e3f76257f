"""Opening the database file: its settings are set and read back, its soundness is checked, its identity is kept."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiosqlite

from dcrgw.errors import GatewayError, Misconfigured, Unavailable

#: What every connection runs under, and what it must answer when asked again.
#: FULL: an answer leaves only after its fsync. trusted_schema OFF: a planted view or trigger calls no functions.
SETTINGS: tuple[tuple[str, str | int, str | int], ...] = (
    ("journal_mode", "WAL", "wal"),
    ("synchronous", "FULL", 2),
    ("foreign_keys", "ON", 1),
    ("trusted_schema", "OFF", 0),
    ("journal_size_limit", 64 * 1024 * 1024, 64 * 1024 * 1024),
)

_RESTORE = "stop the gateway, keep the damaged file aside and restore the last backup"


def uri(path: Path) -> str:
    """The file as SQLite URI that never creates one: a file that went missing must not come back empty."""
    return f"file:{quote(str(path))}?mode=rw"


def make_file(path: Path) -> None:
    """See to it that the database file exists; a new one is readable by its owner alone.

    SQLite gives the -wal and -shm files the same permissions. Raises: Misconfigured.
    """
    if not path.parent.is_dir():
        raise Misconfigured(f"the database's directory {path.parent} does not exist: create it, owned by the gateway")
    if path.is_dir():
        raise Misconfigured(f"the database path {path} is a directory: name a file in it")
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        # SQLite would open it for reading alone and say so at the first registration. Asked without opening it: to
        # close a descriptor here would take away the locks that this process may hold on the file.
        if not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
            fix = "let the gateway's user read and write it"
            raise Misconfigured(f"the database {path} cannot be read and written: {fix}") from None
        return
    except OSError as error:
        raise Misconfigured(f"the database {path} cannot be created: {error.strerror}") from error
    # The new name must survive a power cut as well as what will be written under it.
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def connect(path: Path, **options: Any) -> aiosqlite.Connection:
    """A connection for everything but writing, to be entered; `options` go to sqlite3."""
    return aiosqlite.connect(uri(path), uri=True, isolation_level=None, **options)


async def settle(db: aiosqlite.Connection) -> None:
    """Set and read back the settings. Raises: Misconfigured when one does not hold."""
    for name, value, expected in SETTINGS:
        await db.execute(f"PRAGMA {name} = {value}")
        rows = list(await db.execute_fetchall(f"PRAGMA {name}"))
        _compare(name, rows[0][0], expected)


async def check(db: aiosqlite.Connection) -> None:
    """Read the whole file for damage. Raises: Misconfigured with how to restore."""
    rows = list(await db.execute_fetchall("PRAGMA quick_check(1)"))
    _judge_check(rows[0][0])


def writing_connection(path: Path, busy_timeout_s: float, suspicious: bool) -> sqlite3.Connection:
    """A connection for the writer, any thread's and in autocommit mode: the writer says BEGIN and COMMIT itself.

    `suspicious`: a failure went before, so what was written earlier is not believed but checked.
    """
    connection = sqlite3.connect(
        uri(path), uri=True, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False
    )
    try:
        for name, value, expected in SETTINGS:
            connection.execute(f"PRAGMA {name} = {value}")
            _compare(name, connection.execute(f"PRAGMA {name}").fetchone()[0], expected)
        if suspicious:
            _judge_check(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except BaseException:
        connection.close()
        raise
    return connection


def same_file(path: Path) -> Callable[[], None]:
    """A guard that raises Misconfigured once `path` is no longer the file that it is now.

    Without it a removed file would go on taking, and acknowledging, rows that nobody can ever read again.
    """
    opened = _identity(path)

    def guard() -> None:
        if _identity(path) != opened:
            raise Misconfigured(f"the database {path} was removed or replaced while in use: restart the gateway")

    return guard


def fault(path: Path, error: sqlite3.Error) -> GatewayError:
    """What a failure to open the database means to the operator."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Unavailable("registry", f"the database {path} is locked by another process")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return Misconfigured(
            f"the database {path} cannot be written: the file and its directory must belong to the gateway's user"
        )
    if code == sqlite3.SQLITE_FULL:
        return Misconfigured(f"the disk of the database {path} is full: make room")
    return Misconfigured(f"the database {path} cannot be used ({error}): {_RESTORE}")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _compare(name: str, found: object, expected: object) -> None:
    if found != expected:
        raise Misconfigured(
            f"SQLite did not take {name} = {expected} (it says {found}): is the file on a network disk?"
        )


def _judge_check(answer: str) -> None:
    if answer != "ok":
        raise Misconfigured(f"the database is damaged ({answer.splitlines()[0]}): {_RESTORE}")
