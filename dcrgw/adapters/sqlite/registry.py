"""The registry on one SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import aiosqlite

from dcrgw.adapters.sealer import Sealer
from dcrgw.adapters.sqlite import commit, connections, migrations, searching
from dcrgw.adapters.sqlite.backup import back_up
from dcrgw.adapters.sqlite.errands import SqliteErrands
from dcrgw.adapters.sqlite.grants import SqliteGrants
from dcrgw.adapters.sqlite.known_requests import KnownRequests
from dcrgw.adapters.sqlite.point_reads import PointReads
from dcrgw.adapters.sqlite.rows import (
    AUDIT_COLUMNS,
    CLIENT_COLUMNS,
    CLIENT_SOURCE,
    TOKEN_COLUMNS,
    TOKEN_SOURCE,
    Row,
    audit_of,
    client_of,
    prepare,
    token_of,
)
from dcrgw.adapters.sqlite.scripts import SqliteScriptEntries
from dcrgw.adapters.sqlite.writer import OnHealth, Writer
from dcrgw.core.authorization.tokens import AccessToken
from dcrgw.core.registration.client import ClientStatus, RegisteredClient
from dcrgw.core.registration.ending import remains
from dcrgw.errors import Unavailable
from dcrgw.ports.clock import Clock
from dcrgw.ports.registry import AuditRecord, Change, ClientQuery, Committed, CommitVerdict

#: How long a write waits for another process's lock before the caller hears Unavailable.
BUSY_TIMEOUT_S = 2.0
#: Expired jtis and tokens are looked for at most this often.
PURGE_INTERVAL_S = 60.0

_CLIENT = f"SELECT {CLIENT_COLUMNS} FROM {CLIENT_SOURCE} WHERE c.market = ? AND c.client_id = ?"  # noqa: S608 - constants
_REPEATED = f"""
SELECT {CLIENT_COLUMNS} FROM {CLIENT_SOURCE} JOIN requests r ON r.client = c.id
WHERE r.market = ? AND r.request_digest = ? AND r.subject_key = ? AND c.status IN ('active', 'pending')
"""  # noqa: S608 - constants
_TOKEN = f"""
SELECT {TOKEN_COLUMNS} FROM {TOKEN_SOURCE} WHERE t.hash = ? AND t.expires_at > ?
"""  # noqa: S608 - constants
#: A sealed text is `v1.<key id, 8 digits>.<box>`.
_SEALED_WITH = """
SELECT DISTINCT substr(secret.value, 4, 8) FROM clients, json_each(clients.document, '$.secrets') AS secret
UNION SELECT substr(sealed, 4, 8) FROM signing_keys WHERE sealed IS NOT NULL
UNION SELECT substr(sealed, 4, 8) FROM errands
UNION SELECT substr(sealed, 4, 8) FROM script_revisions JOIN scripts USING (inum, revision) WHERE sealed IS NOT NULL
"""
_DIGESTS = "SELECT request_digest FROM requests"
_AUDIT_TAIL = f"SELECT sequence, {AUDIT_COLUMNS} FROM audit ORDER BY sequence DESC LIMIT ?"  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One line of the audit trail with its place in it."""

    sequence: int
    record: AuditRecord


class SqliteRegistry:
    """Implements `Registry` and `Archive` of `dcrgw.ports.registry`. Made by `open`.

    `archive` is the connection of operators' reads: no long search holds up a registration.
    """

    def __init__(
        self,
        path: Path,
        writer: Writer,
        reader: aiosqlite.Connection,
        archive: aiosqlite.Connection,
        points: PointReads,
        known: KnownRequests,
        sealer: Sealer,
        clock: Clock,
    ) -> None:
        self._path = path
        self._writer = writer
        self._reader = reader
        self._archive = archive
        self._points = points
        self._known = known
        self._sealer = sealer
        self._clock = clock
        self._purge_due_at = clock.now() + PURGE_INTERVAL_S
        #: The bank's scripts in the same file.
        self.scripts = SqliteScriptEntries(writer, archive, sealer)
        #: Authorizations, in the same file and the same transactions.
        self.grants = SqliteGrants(self._run, points, sealer, clock)
        #: What authorization servers have yet to be told, likewise.
        self.errands = SqliteErrands(self._run, partial(self._read, connection=archive), points, sealer, clock)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        path: Path,
        *,
        sealer: Sealer,
        clock: Clock,
        on_health: OnHealth | None = None,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
    ) -> AsyncIterator[SqliteRegistry]:
        """The registry in the file at `path`, made and migrated where need be, checked for damage.

        Raises: Misconfigured with what the operator is to do; Unavailable when another process holds the file.
        """
        connections.make_file(path)
        async with AsyncExitStack() as opened:
            try:
                reader = await opened.enter_async_context(connections.connect(path, timeout=busy_timeout_s))
                await _make_ready(reader, clock.now())
                archive = await opened.enter_async_context(connections.connect(path, timeout=busy_timeout_s))
                await connections.settle(archive)
                await archive.execute("PRAGMA query_only = ON")
                connect = partial(connections.writing_connection, path, busy_timeout_s)
                writer = Writer(connect, guard=connections.same_file(path), on_health=on_health)
                opened.push_async_callback(writer.close)
                await writer.start()
                points = opened.enter_context(PointReads.open(path, busy_timeout_s))
                known = KnownRequests([digest async for (digest,) in await reader.execute(_DIGESTS)])
            except sqlite3.Error as error:
                raise connections.fault(path, error) from error
            yield cls(path, writer, reader, archive, points, known, sealer, clock)

    async def commit(self, change: Change) -> Committed:
        """Apply a change whole or not at all; returns after its fsync.

        Of a deleted client only what an audit needs is stored, and a client that is not active has no tokens.
        """
        if change.client is not None and change.client.status is ClientStatus.DELETED:
            change = replace(change, client=remains(change.client))
        prepared, now = prepare(change, self._sealer), self._clock.now()
        if change.client is not None:
            # Before it is stored, so that no cancelled caller leaves a stored request unknown.
            self._known.add(change.client.request_digest)
        try:
            await self._run(lambda connection: commit.apply(connection, prepared, now))
        except commit.Refused as refused:
            earlier = client_of(refused.client, self._sealer) if refused.client else None
            return Committed(refused.verdict, earlier)
        if prepared.errand is not None:
            self.errands.stir(*(errand.key for errand in (change.begins, change.undoes) if errand is not None))
            self.errands.stir(*(change.ends[:1] if change.ends else ()))
        return Committed(CommitVerdict.STORED, change.client)

    async def repeated(self, market: str, request_digest: str, subject_key: str) -> RegisteredClient | None:
        """The active or pending client that these same bytes from this same identity made before."""
        # What another process stored since the start is found by `commit` all the same, a few stages later.
        if not self._known.may_hold(request_digest):
            return None
        return self._client(self._points.read(_REPEATED, (market, request_digest, subject_key)))

    async def client(self, market: str, client_id: str) -> RegisteredClient | None:
        """One client by its id, whatever its status."""
        return self._client(await self._read(_CLIENT, (market, client_id)))

    async def access_token(self, hash: str) -> AccessToken | None:
        """An access token by its hash, until it ends or expires."""
        rows = await self._read(_TOKEN, (hash, self._clock.now()))
        return token_of(rows[0]) if rows else None

    async def search(self, query: ClientQuery) -> tuple[RegisteredClient, ...]:
        """The clients that match, without their secrets, in the order of (market, client_id)."""
        sql, parameters = searching.page(query)
        return tuple(client_of(row, None) for row in await self._read(sql, parameters, self._archive))

    async def history(self, market: str, client_id: str, limit: int = 100) -> tuple[AuditRecord, ...]:
        """The audit rows of one client, newest first."""
        rows = await self._read(searching.HISTORY, (market, client_id, limit), self._archive)
        return tuple(map(audit_of, rows))

    async def audit_tail(self, limit: int) -> tuple[AuditLine, ...]:
        """The last `limit` lines of the audit trail, newest first."""
        rows = await self._read(_AUDIT_TAIL, (limit,))
        return tuple(AuditLine(row[0], audit_of(row[1:])) for row in rows)

    async def sealed_with(self) -> frozenset[str]:
        """The ids of all keys (`adapters.sealer.key_id`) that something stored is sealed with. Reads every client.

        What is sealed and waits to be stored counts too.
        """
        # Changes are sealed as they are queued: behind this one stands none that was sealed before.
        await self._writer.run(lambda _: None)
        return frozenset(row[0] for row in await self._read(_SEALED_WITH, (), self._archive))

    async def backup(self, target: Path) -> None:
        """A whole, checked copy at `target`, taken while the gateway works on.

        Raises: Misconfigured when `target` exists or cannot be written; Unavailable when the copy failed.
        """
        await back_up(self._path, target)

    async def _run(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """Have the writer do it. Clearing up rides along: an idle gateway has nothing to clear."""
        now = self._clock.now()
        purging = now >= self._purge_due_at
        if purging:
            self._purge_due_at = now + PURGE_INTERVAL_S

        def work_and_purge(connection: sqlite3.Connection) -> None:
            work(connection)
            if purging and commit.purge(connection, now):
                self._purge_due_at = now  # there is more of it

        await self._writer.run(work_and_purge)

    async def _read(self, sql: str, parameters: Row, connection: aiosqlite.Connection | None = None) -> list[Row]:
        try:
            rows = await (connection or self._reader).execute_fetchall(sql, parameters)
            return [tuple(row) for row in rows]
        except (sqlite3.Error, ValueError) as error:  # ValueError: aiosqlite's word for a closed connection
            raise Unavailable("registry", f"{type(error).__name__}: {error}") from error

    def _client(self, rows: Iterable[Row]) -> RegisteredClient | None:
        return next((client_of(row, self._sealer) for row in rows), None)


async def _make_ready(reader: aiosqlite.Connection, now: float) -> None:
    """Settings, soundness, schema; from then on the connection only reads."""
    await connections.settle(reader)
    await connections.check(reader)
    await migrations.migrate(reader, now)
    await reader.execute("PRAGMA query_only = ON")
