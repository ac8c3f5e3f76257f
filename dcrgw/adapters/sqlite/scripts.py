"""The entries of scripts in the registry's file, each change one more row of their history."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import aiosqlite

from dcrgw.adapters.sealer import Sealer
from dcrgw.adapters.sqlite.writer import Writer
from dcrgw.core.scripts.entry import ScriptEntry, ScriptProperty
from dcrgw.errors import Unavailable
from dcrgw.ports.script_entries import ScriptChange, ScriptRevision, ScriptVerdict

_COLUMNS = "r.inum, r.revision, r.change, r.at, r.author, r.reason, r.document, r.sealed"
_CURRENT = f"SELECT {_COLUMNS} FROM scripts s JOIN script_revisions r ON r.inum = s.inum AND r.revision = s.revision"  # noqa: S608 - constants
_ALL = f"{_CURRENT} ORDER BY s.type, s.name"
_ONE = f"{_CURRENT} WHERE s.inum = ?"
_HISTORY = f"SELECT {_COLUMNS} FROM script_revisions r WHERE r.inum = ? ORDER BY r.revision DESC LIMIT ?"  # noqa: S608 - constants
_MARK = "SELECT coalesce(max(id), 0) FROM script_revisions"
_LAST = "SELECT coalesce(max(revision), 0) FROM script_revisions WHERE inum = ?"
_TAKEN = "SELECT 1 FROM scripts WHERE type = ? AND name = ? AND inum <> ?"
_INSERT = """
INSERT INTO script_revisions (inum, revision, change, at, author, reason, document, sealed)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_STANDS = """
INSERT INTO scripts (inum, type, name, revision) VALUES (?, ?, ?, ?)
ON CONFLICT (inum) DO UPDATE SET type = excluded.type, name = excluded.name, revision = excluded.revision
"""

_PROPERTIES = ("module_properties", "configuration_properties")


class SqliteScriptEntries:
    """Implements `dcrgw.ports.script_entries.ScriptEntries`. `reader` only reads."""

    def __init__(self, writer: Writer, reader: aiosqlite.Connection, sealer: Sealer) -> None:
        self._writer, self._reader, self._sealer = writer, reader, sealer

    async def mark(self) -> int:
        """A number that grows with every change."""
        return int((await self._read(_MARK))[0][0])

    async def all(self) -> tuple[ScriptEntry, ...]:
        """Every entry as it stands, by type and name."""
        return tuple(self._revision(row).entry for row in await self._read(_ALL))

    async def entry(self, inum: str) -> ScriptEntry | None:
        """One entry as it stands."""
        return next((self._revision(row).entry for row in await self._read(_ONE, inum)), None)

    async def history(self, inum: str, limit: int = 100) -> tuple[ScriptRevision, ...]:
        """The revisions of an entry, newest first. Those whose hidden values nobody can open any more are left out."""
        rows = await self._read(_HISTORY, inum, limit)
        return tuple(self._revision(row) for row in rows if row[-1] is None or self._sealer.has_key_of(row[-1]))

    async def next_revision(self, inum: str) -> int:
        """The number of an entry's next revision."""
        return int((await self._read(_LAST, inum))[0][0]) + 1

    async def store(self, revision: ScriptRevision, replaces: int | None) -> ScriptVerdict:
        """Store one revision whole or not at all."""
        return await self._writer.run(_work(revision, replaces, self._sealed(revision.entry)))

    def _sealed(self, entry: ScriptEntry) -> str | None:
        secrets = {key: each.value2 for key, each in _places(entry) if _is_secret(each)}
        return self._sealer.seal(json.dumps(secrets), _context(entry.inum, entry.revision)) if secrets else None

    def _revision(self, row: tuple[Any, ...]) -> ScriptRevision:
        inum, number, change, at, author, reason, document, sealed = row
        secrets = json.loads(self._sealer.open(sealed, _context(inum, number))) if sealed else {}
        return ScriptRevision(_entry(json.loads(document), secrets), ScriptChange(change), author, at, reason)

    async def _read(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        try:
            return [tuple(row) for row in await self._reader.execute_fetchall(sql, parameters)]
        except (sqlite3.Error, ValueError) as error:  # ValueError: aiosqlite's word for a closed connection
            raise Unavailable("registry", f"{type(error).__name__}: {error}") from error


def _work(
    revision: ScriptRevision, replaces: int | None, sealed: str | None
) -> Callable[[sqlite3.Connection], ScriptVerdict]:
    entry = revision.entry
    row = (
        *(entry.inum, entry.revision, revision.change.value, revision.at, revision.author, revision.reason),
        *(_document(entry), sealed),
    )

    def work(connection: sqlite3.Connection) -> ScriptVerdict:
        found = connection.execute("SELECT revision FROM scripts WHERE inum = ?", (entry.inum,)).fetchone()
        last = connection.execute(_LAST, (entry.inum,)).fetchone()[0]
        if (found[0] if found else None) != replaces or entry.revision != last + 1:
            return ScriptVerdict.CONFLICT
        if connection.execute(_TAKEN, (entry.type, entry.name, entry.inum)).fetchone():
            return ScriptVerdict.NAME_TAKEN
        connection.execute(_INSERT, row)
        if revision.change is ScriptChange.DELETED:
            connection.execute("DELETE FROM scripts WHERE inum = ?", (entry.inum,))
        else:
            connection.execute(_STANDS, (entry.inum, entry.type, entry.name, entry.revision))
        return ScriptVerdict.STORED

    return work


def _is_secret(each: ScriptProperty) -> bool:
    return each.is_hidden and not each.is_reference


def _places(entry: ScriptEntry) -> Iterator[tuple[str, ScriptProperty]]:
    for member in _PROPERTIES:
        for each in getattr(entry, member):
            yield f"{member}.{each.value1}", each


def _document(entry: ScriptEntry) -> str:
    plain = ("inum", "name", "type", "text", "description", "level", "revision", "enabled", "mode")
    document: dict[str, Any] = {name: getattr(entry, name) for name in plain}
    document |= {"markets": list(entry.markets), "cases": [dict(each) for each in entry.cases]}
    for member in _PROPERTIES:
        document[member] = [
            {
                "value1": each.value1,
                "value2": None if _is_secret(each) else each.value2,
                "hide": each.hide,
                "description": each.description,
            }
            for each in getattr(entry, member)
        ]
    return json.dumps(document, ensure_ascii=False)


def _entry(document: dict[str, Any], secrets: Mapping[str, str]) -> ScriptEntry:
    properties = {
        member: tuple(_property(f"{member}.{each['value1']}", each, secrets) for each in document.pop(member))
        for member in _PROPERTIES
    }
    entry = ScriptEntry(**{**document, **properties})
    return replace(entry, markets=tuple(entry.markets), cases=tuple(entry.cases))


def _property(place: str, each: dict[str, Any], secrets: Mapping[str, str]) -> ScriptProperty:
    return ScriptProperty(**{**each, "value2": secrets[place] if each["value2"] is None else each["value2"]})


def _context(inum: str, revision: int) -> str:
    """What sealed secrets are bound to."""
    return f"script:{inum}:{revision}"
