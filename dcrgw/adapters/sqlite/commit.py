"""One change against the database: what stands against it, and if nothing does, its rows.

Runs on the write thread inside a transaction and a savepoint, so what it reads cannot change before it writes.
"""

from __future__ import annotations

import sqlite3

from dcrgw.adapters.sqlite.rows import AUDIT_COLUMNS, CLIENT_COLUMNS, CLIENT_SOURCE, Parameters, PreparedChange, Row
from dcrgw.ports.registry import CommitVerdict

#: How long a used jti is kept beyond its end, since a request may be judged just before and stored just after it.
GRACE_S = 300
#: Expired jtis are deleted a few at a time, so that no change waits for a big clean-up.
PURGE_LIMIT = 200


class Refused(Exception):
    """The change was not stored, and why; `client` is the row of the earlier registration when it repeats one."""

    def __init__(self, verdict: CommitVerdict, client: Row | None = None) -> None:
        self.verdict = verdict
        self.client = client
        super().__init__(verdict.value)


# Against: the same bytes from the same subject; the client_id; the software, unless it may register twice.
# A suspended client still is its software's registration: registering anew must not lift a suspension.
_AGAINST = """
SELECT
  (SELECT r.client FROM requests r JOIN clients c ON c.id = r.client
    WHERE r.market = :market AND r.request_digest = :request_digest AND r.subject_key = :subject_key
      AND c.status <> 'deleted'),
  EXISTS (SELECT 1 FROM clients WHERE market = :market AND client_id = :client_id),
  :software_id IS NOT NULL AND EXISTS (SELECT 1 FROM clients
    WHERE market = :market AND directory IS :directory AND software_id = :software_id
      AND status IN ('pending', 'active', 'suspended'))
"""

_EARLIER_CLIENT = f"SELECT {CLIENT_COLUMNS} FROM {CLIENT_SOURCE} WHERE c.id = ?"  # noqa: S608 - constants of this package

# Changes no row when other bytes, or another subject, hold the jti.
_USE_TOKEN = """
INSERT INTO used_tokens (market, kind, issuer, jti, request_digest, subject_key, expires_at)
VALUES (:market, :kind, :issuer, :jti, :request_digest, :subject_key, :expires_at)
ON CONFLICT (market, kind, issuer, jti) DO UPDATE
  SET request_digest = excluded.request_digest, subject_key = excluded.subject_key, expires_at = excluded.expires_at
  WHERE expires_at < :forgotten
     OR (request_digest = excluded.request_digest AND subject_key = excluded.subject_key)
"""

_KEEP_STATEMENT = """
INSERT INTO statements (digest, jws, claims) VALUES (:digest, :jws, :claims) ON CONFLICT (digest) DO NOTHING
"""

_STORE_CLIENT = """
INSERT INTO clients (market, client_id, status, version, issued_at, directory, org_id, software_id, statement, ssa_jti,
                     x5t_s256, subject_key, request_digest, document)
VALUES (:market, :client_id, :status, :version, :issued_at, :directory, :org_id, :software_id,
        (SELECT id FROM statements WHERE digest = :digest), :ssa_jti,
        :x5t_s256, :subject_key, :request_digest, :document)
"""

# The conflict is with a deleted client's request: one that is not deleted was found before.
_REMEMBER_REQUEST = """
INSERT INTO requests (market, request_digest, subject_key, client)
VALUES (:market, :request_digest, :subject_key, last_insert_rowid())
ON CONFLICT (market, request_digest, subject_key) DO UPDATE SET client = excluded.client
"""

_AUDIT = f"INSERT INTO audit ({AUDIT_COLUMNS}) VALUES ({', '.join('?' * 12)})"  # noqa: S608 - as above

_PURGE = """
DELETE FROM used_tokens WHERE id IN (SELECT id FROM used_tokens WHERE expires_at < ? ORDER BY expires_at LIMIT ?)
"""


def apply(connection: sqlite3.Connection, change: PreparedChange, now: float) -> None:
    """Store a change. Raises: Refused, in the order repeated, token, client_id, software."""
    client = change.client
    if client is not None:
        earlier, id_taken, has_software = connection.execute(_AGAINST, client).fetchone()
        if earlier is not None:
            raise Refused(CommitVerdict.REPEATED, connection.execute(_EARLIER_CLIENT, (earlier,)).fetchone())
        _use_tokens(connection, change.used, now)
        if id_taken:
            raise Refused(CommitVerdict.CLIENT_ID_TAKEN)
        if has_software and not change.duplicates_allowed:
            raise Refused(CommitVerdict.DUPLICATE_SOFTWARE)
        _store(connection, client)
    connection.execute(_AUDIT, change.audit)


def purge(connection: sqlite3.Connection, now: float) -> int:
    """Forget some jtis whose time is over; how many were forgotten."""
    return connection.execute(_PURGE, (now - GRACE_S, PURGE_LIMIT)).rowcount


def _use_tokens(connection: sqlite3.Connection, used: tuple[Parameters, ...], now: float) -> None:
    for token in used:
        if connection.execute(_USE_TOKEN, {**token, "forgotten": now - GRACE_S}).rowcount == 0:
            raise Refused(CommitVerdict.TOKEN_USED)


def _store(connection: sqlite3.Connection, client: Parameters) -> None:
    if client["digest"] is not None:
        connection.execute(_KEEP_STATEMENT, client)
    connection.execute(_STORE_CLIENT, client)
    connection.execute(_REMEMBER_REQUEST, client)
