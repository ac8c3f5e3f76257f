"""Bringing a database file to the schema that this code knows: numbered, forward only, in one transaction."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources

import aiosqlite

from dcrgw.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class Migration:
    """One step. A step that has been released is never edited: its checksum stands in every database."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the SQL text, hex."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def _shipped(number: int, name: str) -> Migration:
    file = resources.files(__package__) / f"{number:03}_{name}.sql"
    return Migration(number, name, file.read_text(encoding="utf-8"))


#: Every step there is, in order.
MIGRATIONS = (
    _shipped(1, "schema"),
    _shipped(2, "life"),
    _shipped(3, "signing_keys"),
    _shipped(4, "grants"),
    _shipped(5, "scripts"),
    _shipped(6, "errands"),
    _shipped(7, "asked"),
)

_VERSIONS = """
CREATE TABLE IF NOT EXISTS schema_versions (
  number      INTEGER PRIMARY KEY,
  name        TEXT NOT NULL,
  checksum    TEXT NOT NULL,
  applied_at  REAL NOT NULL
) STRICT
"""


async def migrate(db: aiosqlite.Connection, now: float, steps: Sequence[Migration] = MIGRATIONS) -> None:
    """Apply the steps that are missing, all or none: a killed migration leaves the database as it was.

    Raises: Misconfigured for a file that is not ours, newer than this code or migrated by other steps.
    """
    # IMMEDIATE: of two gateways that start at once, the second waits and finds nothing to do.
    await db.execute("BEGIN IMMEDIATE")
    try:
        applied = await _applied(db)
        _judge(applied, steps)
        seen = {number for number, _ in applied}
        for step in (step for step in steps if step.number not in seen):
            for statement in _statements(step.sql):
                await db.execute(statement)
            await db.execute(
                "INSERT INTO schema_versions (number, name, checksum, applied_at) VALUES (?, ?, ?, ?)",
                (step.number, step.name, step.checksum, now),
            )
        await db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            await db.execute("ROLLBACK")
        raise


async def _applied(db: aiosqlite.Connection) -> list[tuple[int, str]]:
    """(number, checksum) of the steps that this file has seen."""
    tables = {row[0] for row in await db.execute_fetchall("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if tables and "schema_versions" not in tables:
        raise Misconfigured("the database file was made by another program: point storage at a file of its own")
    await db.execute(_VERSIONS)
    rows = await db.execute_fetchall("SELECT number, checksum FROM schema_versions ORDER BY number")
    return [(row[0], row[1]) for row in rows]


def _judge(applied: Sequence[tuple[int, str]], steps: Sequence[Migration]) -> None:
    """Steps touch tables of their own, so one may be missing below another that has been applied."""
    known = {step.number: step for step in steps}
    for number, checksum in applied:
        step = known.get(number)
        if step is None:
            raise Misconfigured(
                f"the database has schema {number}, newer than the {steps[-1].number} that this dcrgw knows:"
                " run the newer dcrgw, or restore the backup made before the upgrade"
            )
        if checksum != step.checksum:
            raise Misconfigured(
                f"the database was migrated by another text of step {step.number} ({step.name}) than this dcrgw has:"
                " run the dcrgw that made it, or restore a backup"
            )


def _statements(sql: str) -> Iterator[str]:
    """The single statements of a script; a trigger's inner semicolons do not end it."""
    gathered = ""
    for line in sql.splitlines(keepends=True):
        gathered += line
        if sqlite3.complete_statement(gathered):
            yield gathered
            gathered = ""
    if any(line.strip() and not line.lstrip().startswith("--") for line in gathered.splitlines()):
        raise ValueError("a migration ends in the middle of a statement")
