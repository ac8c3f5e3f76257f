"""The record: one SQLite file of sealed decisions, apart from the registry, with bounds on age and size.

What is searched stands in columns, as it does in the audit trail; the documents themselves are compressed and sealed.
When it is full, those make way of whose worth there is more than its share, the oldest first: so that no flood of
strangers' requests, and no busy TPP's tokens, take the place of what was changed.
One thread writes; each read opens the file for itself. Losing the last moments in a power cut is taken (NORMAL): a
decision stands in the audit trail besides.
"""

from __future__ import annotations

import sqlite3
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dcrgw.adapters.sealer import Sealer, sealed_by
from dcrgw.adapters.sqlite import connections
from dcrgw.errors import Misconfigured, Unavailable
from dcrgw.ports.decisions import DecisionLine, DecisionQuery, Worth

BUSY_TIMEOUT_S = 5.0
#: A sealed document that grows beyond this when it is opened is not one of ours.
_LARGEST = 8 * 1024 * 1024
_VERSION = 3

_SCHEMA = """
CREATE TABLE decisions (
  report_id       TEXT PRIMARY KEY,
  at              REAL NOT NULL,
  market          TEXT NOT NULL,
  operation       TEXT NOT NULL,
  decision        TEXT NOT NULL,
  client_id       TEXT,
  org_id          TEXT,
  software_id     TEXT,
  interaction_id  TEXT NOT NULL,
  checks          TEXT NOT NULL,
  sealed          BLOB NOT NULL,
  worth           TEXT NOT NULL DEFAULT 'caller',
  key_id          TEXT NOT NULL DEFAULT '',
  imported        INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX decisions_at ON decisions (at, report_id);
CREATE INDEX decisions_worth ON decisions (worth, at);
CREATE INDEX decisions_key ON decisions (key_id);
"""
#: A sealed document begins with `v1.`, the key's id and a dot.
_FROM_1 = """
ALTER TABLE decisions ADD COLUMN worth TEXT NOT NULL DEFAULT 'caller';
ALTER TABLE decisions ADD COLUMN key_id TEXT NOT NULL DEFAULT '';
UPDATE decisions SET key_id = CAST(substr(sealed, 4, 8) AS TEXT);
UPDATE decisions SET worth = 'change' WHERE decision IN ('registered', 'updated', 'deleted', 'approved');
CREATE INDEX decisions_worth ON decisions (worth, at);
CREATE INDEX decisions_key ON decisions (key_id);
"""
_FROM_2 = "ALTER TABLE decisions ADD COLUMN imported INTEGER NOT NULL DEFAULT 0;"
_EQUAL = ("market", "operation", "decision", "client_id", "org_id", "software_id", "interaction_id", "imported")
_COLUMNS = f"report_id, at, {', '.join(_EQUAL)}, worth, checks"
_INSERT = f"INTO decisions ({_COLUMNS}, key_id, sealed) VALUES ({', '.join('?' * 14)})"
#: The part of the room that each has for itself; what one leaves free, the others may take.
_SHARES = {Worth.CHANGE: 0.6, Worth.CALLER: 0.3, Worth.STRANGER: 0.1}
_STEPS = {0: _SCHEMA, 1: _FROM_1 + _FROM_2, 2: _FROM_2}
#: Removed in one go, so that a purge of years does not hold up what is to be kept.
_BATCH = 200


@dataclass(frozen=True, slots=True)
class Bounds:
    """How old a decision may get, in seconds, and how much room all may take, in bytes of sealed documents."""

    max_age_s: float
    max_bytes: int


class DecisionFile:
    """One record. Synchronous: for a thread. Raises: Unavailable, Misconfigured."""

    def __init__(self, path: Path, sealer: Sealer, bounds: Bounds) -> None:
        self._path, self._sealer, self._bounds = path, sealer, bounds
        #: By worth: documents and bytes in the file, as last known.
        self._held: dict[Worth, tuple[int, int]] = {}
        #: From the sealing of documents until they are in the file: who asks for the keys in use waits for that.
        self._writing = threading.Lock()

    @property
    def documents(self) -> int:
        """How many documents there are, as last known."""
        return sum(documents for documents, _ in self._held.values())

    @property
    def size(self) -> int:
        """What they take, in bytes."""
        return sum(size for _, size in self._held.values())

    def prepare(self) -> None:
        """Make the file, or see that it is ours."""
        connections.make_file(self._path)
        with self._opened() as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                db.execute("PRAGMA auto_vacuum = INCREMENTAL")
            if version in _STEPS:
                db.executescript(f"BEGIN; {_STEPS[version]} PRAGMA user_version = {_VERSION}; COMMIT;")
            elif version != _VERSION:
                raise Misconfigured(f"the record {self._path} has another form than this dcrgw writes: name a new file")
            self._count(db)

    def add(self, entries: Sequence[tuple[DecisionLine, bytes]], now: float) -> None:
        """Keep documents, then let go of what is too old or beyond the room that there is."""
        with self._writing:
            self._add([(line, self._row(line, document)) for line, document in entries], now)

    def _add(self, entries: Sequence[tuple[DecisionLine, tuple[Any, ...]]], now: float) -> None:
        with self._opened() as db, _transaction(db):
            # A decision of our own has an id that nobody knew: what else has it was put in meanwhile.
            db.executemany(f"INSERT OR REPLACE {_INSERT}", [row for _, row in entries])
            for line, row in entries:
                self._count_in(line, row)
            self._trim(db, now)

    def take(self, line: DecisionLine, document: bytes, now: float) -> bool:
        """Keep one from elsewhere beside the others; False where one has its id, or it is too old to be kept."""
        with self._writing, self._opened() as db, _transaction(db):
            row = self._row(line, document)
            if not db.execute(f"INSERT OR IGNORE {_INSERT}", row).rowcount:
                return False
            self._count_in(line, row)
            self._trim(db, now)
            return db.execute("SELECT 1 FROM decisions WHERE report_id = ?", (line.report_id,)).fetchone() is not None

    def search(self, query: DecisionQuery) -> tuple[DecisionLine, ...]:
        """What matches, newest first."""
        where, values = _conditions(query)
        if query.after is not None:
            where, values = f"{where} AND (at, report_id) < (?, ?)", [*values, *query.after]
        sql = f"SELECT {_COLUMNS}, length(sealed) FROM decisions WHERE {where} ORDER BY at DESC, report_id DESC LIMIT ?"  # noqa: S608
        with self._opened() as db:
            return tuple(_line(row) for row in db.execute(sql, [*values, query.limit]))

    def find(self, report_id: str) -> tuple[bytes, bool] | None:
        """One document as it was kept, and whether it was imported."""
        with self._opened() as db:
            row = db.execute("SELECT sealed, imported FROM decisions WHERE report_id = ?", (report_id,)).fetchone()
        if row is None:
            return None
        unpacked = zlib.decompressobj()
        document = unpacked.decompress(self._sealer.open_octets(row[0], _context(report_id)), _LARGEST)
        if not unpacked.eof:
            raise Misconfigured("a recorded decision is longer than any that is kept")
        return document, bool(row[1])

    def purge(self, query: DecisionQuery) -> int:
        """Remove what matches; how many there were."""
        where, values = _conditions(query)
        removed = 0
        with self._opened() as db:
            while True:
                with _transaction(db):
                    chosen = f"SELECT report_id FROM decisions WHERE {where} LIMIT {_BATCH}"  # noqa: S608
                    gone = db.execute(f"DELETE FROM decisions WHERE report_id IN ({chosen})", values).rowcount  # noqa: S608
                removed += gone
                if gone < _BATCH:
                    break
            self._give_back(db)
            self._count(db)
        return removed

    def sealed_with(self) -> frozenset[str]:
        """The ids of all keys (`adapters.sealer.key_id`) that a document is sealed with, those being written too."""
        with self._writing, self._opened() as db:
            return frozenset(row[0] for row in db.execute("SELECT DISTINCT key_id FROM decisions"))

    def _trim(self, db: sqlite3.Connection, now: float) -> None:
        oldest = now - self._bounds.max_age_s
        gone = db.execute("DELETE FROM decisions WHERE at < ?", (oldest,)).rowcount
        if gone:
            self._count(db)
        if self.size > self._bounds.max_bytes:
            self._count(db)  # a replaced document was counted twice
        while self.size > self._bounds.max_bytes and self.documents:
            # A tenth more than needed, so that a full record does not trim at every decision.
            worth = max(self._held, key=self._beyond_its_share)
            share = max(1, self._held[worth][0] // 10)
            first = "SELECT report_id FROM decisions WHERE worth = ? ORDER BY at LIMIT ?"
            db.execute(f"DELETE FROM decisions WHERE report_id IN ({first})", (worth, share))  # noqa: S608
            gone += share
            self._count(db)
        if gone:
            self._give_back(db)

    def _beyond_its_share(self, worth: Worth) -> float:
        """In bytes. While there is too much in all, there is at least one that is beyond its share."""
        return self._held[worth][1] - _SHARES[worth] * self._bounds.max_bytes

    def _count_in(self, line: DecisionLine, row: tuple[Any, ...]) -> None:
        documents, size = self._held.get(line.worth, (0, 0))
        self._held[line.worth] = documents + 1, size + len(row[-1])

    def _give_back(self, db: sqlite3.Connection) -> None:
        db.execute("PRAGMA incremental_vacuum(1000)").fetchall()

    def _count(self, db: sqlite3.Connection) -> None:
        rows = db.execute("SELECT worth, count(*), sum(length(sealed)) FROM decisions GROUP BY worth")
        self._held = {Worth(worth): (documents, size) for worth, documents, size in rows}

    def _row(self, line: DecisionLine, document: bytes) -> tuple[Any, ...]:
        sealed = self._sealer.seal_octets(zlib.compress(document, 6), _context(line.report_id))
        checks = "".join(f"|{check}" for check in line.checks)
        columns = (line.report_id, line.at, line.market, line.operation, line.decision)
        told = (line.client_id, line.org_id, line.software_id, line.interaction_id, line.imported, line.worth, checks)
        return (*columns, *told, sealed_by(sealed), sealed)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(connections.writing_connection(self._path, BUSY_TIMEOUT_S, False)) as db:
                db.execute("PRAGMA synchronous = NORMAL")
                yield db
        except sqlite3.Error as error:
            raise Unavailable("record", f"{type(error).__name__}: {error}") from error


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _conditions(query: DecisionQuery) -> tuple[str, list[Any]]:
    found: list[tuple[str, Any]] = [("at >= ?", query.since), ("at < ?", query.until)]
    found += [(f"{name} = ?", getattr(query, name)) for name in _EQUAL]
    if query.check is not None:
        # The whole id, or the beginning of it up to a dot: each stands behind a bar and ends at a bar or the end.
        found.append(("instr(replace(checks, '|', '.|') || '.', ?) > 0", f"|{query.check}."))
    given = [(condition, value) for condition, value in found if value is not None]
    return " AND ".join(["1", *(condition for condition, _ in given)]), [value for _, value in given]


def _line(row: tuple[Any, ...]) -> DecisionLine:
    *columns, imported, worth, checks, size = row
    line: DecisionLine = DecisionLine(*columns)
    checked = tuple(checks.split("|")[1:])
    return replace(line, checks=checked, size=size, worth=Worth(worth), imported=bool(imported))


def _context(report_id: str) -> str:
    """What a sealed document is bound to."""
    return f"decision:{report_id}"
