"""Reads by a whole key, on the event loop's own thread.

Such a read looks at a few pages that SQLite nearly always has in its cache: some ten microseconds, and in WAL mode
no writer makes it wait. Handing it to a thread cost ten times as much, at every registration, for the thread's
waking and for the interpreter that both want. Whatever looks at more than one key belongs to the reading thread.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dcrgw.adapters.sqlite import connections
from dcrgw.adapters.sqlite.rows import Row
from dcrgw.errors import Unavailable


class PointReads:
    """One connection that only reads, for one thread. Made by `open`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    @contextmanager
    def open(cls, path: Path, busy_timeout_s: float) -> Iterator[PointReads]:
        """Reads of the database at `path`, which is ready. Raises: sqlite3.Error, Misconfigured."""
        connection = connections.writing_connection(path, busy_timeout_s, suspicious=False)
        try:
            connection.execute("PRAGMA query_only = ON")
            yield cls(connection)
        finally:
            connection.close()

    def read(self, sql: str, parameters: Row) -> list[Row]:
        """The rows, each time as last committed. Raises: Unavailable."""
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:  # ProgrammingError too: sqlite3's word for a closed connection
            raise Unavailable("registry", f"{type(error).__name__}: {error}") from error
