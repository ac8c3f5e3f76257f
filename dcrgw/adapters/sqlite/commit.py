"""One change against the database: what stands against it, and if nothing does, its rows.

Runs inside a transaction, so what it reads cannot change before it writes.
"""

from __future__ import annotations

import sqlite3

from dcrgw.adapters.sqlite import errand_changes
from dcrgw.adapters.sqlite.refusing import Refused
from dcrgw.adapters.sqlite.rows import AUDIT_COLUMNS, CLIENT_COLUMNS, CLIENT_SOURCE, Parameters, PreparedChange
from dcrgw.ports.registry import CommitVerdict

__all__ = ["GRACE_S", "PURGE_LIMIT", "Refused", "apply", "purge"]

#: How long a used jti is kept beyond its end, since a request may be judged just before and stored just after it.
GRACE_S = 300
#: Expired jtis and tokens are deleted a few at a time, so that no change waits for a big clean-up.
PURGE_LIMIT = 200


# Against: the same bytes from the same subject; the client_id; the software, unless it may register twice.
# A suspended client still is its software's registration: registering anew must not lift a suspension.
_AGAINST = """
SELECT
  (SELECT r.client FROM requests r JOIN clients c ON c.id = r.client
    WHERE r.market = :market AND r.request_digest = :request_digest AND r.subject_key = :subject_key
      AND c.status <> 'deleted'),
  EXISTS (SELECT 1 FROM clients WHERE market = :market AND client_id = :client_id),
  :software_id IS NOT NULL AND EXISTS (SELECT 1 FROM clients
    WHERE software_id = :software_id AND market = :market AND directory IS :directory
      AND status IN ('pending', 'active', 'suspended'))
"""

_STANDING = """
SELECT id, status, version, request_digest = :request_digest AND subject_key = :subject_key
FROM clients WHERE market = :market AND client_id = :client_id
"""

_EARLIER_CLIENT = f"SELECT {CLIENT_COLUMNS} FROM {CLIENT_SOURCE} WHERE c.id = ?"  # noqa: S608 - constants of this package

# Changes no row when the jti is taken: by other bytes or another subject, and by the same ones too unless
# they made a registration that has ended (one that has not was found before).
_USE_TOKEN = """
INSERT INTO used_tokens (market, kind, issuer, jti, request_digest, subject_key, expires_at)
VALUES (:market, :kind, :issuer, :jti, :request_digest, :subject_key, :expires_at)
ON CONFLICT (market, kind, issuer, jti) DO UPDATE
  SET request_digest = excluded.request_digest, subject_key = excluded.subject_key, expires_at = excluded.expires_at
  WHERE expires_at < :forgotten
     OR (:repeatable AND request_digest = excluded.request_digest AND subject_key = excluded.subject_key
         AND EXISTS (SELECT 1 FROM requests r
                     WHERE r.market = :market AND r.request_digest = :request_digest AND r.subject_key = :subject_key))
"""

_KNOWN_STATEMENT = "SELECT id FROM statements WHERE digest = ?"
_KEEP_STATEMENT = "INSERT INTO statements (digest, jws, claims) VALUES (?, ?, ?)"

_STORE_CLIENT = """
INSERT INTO clients (market, client_id, status, version, issued_at, directory, org_id, software_id, statement, ssa_jti,
                     x5t_s256, subject_key, request_digest, registration_access_token_hash, document)
VALUES (:market, :client_id, :status, :version, :issued_at, :directory, :org_id, :software_id,
        :statement, :ssa_jti,
        :x5t_s256, :subject_key, :request_digest, :registration_access_token_hash, :document)
"""

_REPLACE_CLIENT = """
UPDATE clients SET status = :status, version = :version, issued_at = :issued_at, directory = :directory,
  org_id = :org_id, software_id = :software_id, statement = :statement,
  ssa_jti = :ssa_jti, x5t_s256 = :x5t_s256, subject_key = :subject_key, request_digest = :request_digest,
  registration_access_token_hash = :registration_access_token_hash, document = :document
WHERE market = :market AND client_id = :client_id
"""

_KEEP_TEXT = """
INSERT INTO client_texts (client, market, client_id, sought)
SELECT id, market, client_id, :sought FROM clients WHERE market = :market AND client_id = :client_id
ON CONFLICT (client) DO UPDATE SET sought = excluded.sought WHERE sought <> excluded.sought
"""

# The conflict is with a deleted client's request: one that is not deleted was found before.
_REMEMBER_REQUEST = """
INSERT INTO requests (market, request_digest, subject_key, client)
VALUES (:market, :request_digest, :subject_key, last_insert_rowid())
ON CONFLICT (market, request_digest, subject_key) DO UPDATE SET client = excluded.client
"""

# Inserts no row unless the client is active at this moment, and the grant, where there is one, has not ended.
_ISSUE_TOKEN = """
INSERT INTO access_tokens (hash, client, scope, issued_at, expires_at, x5t_s256, granted, sub, details)
SELECT :hash, id, :scope, :issued_at, :expires_at, :x5t_s256,
       (SELECT g.id FROM grants g WHERE g.grant_id = :grant), :sub, :details
FROM clients WHERE market = :market AND client_id = :client_id AND status = 'active'
  AND (:grant IS NULL OR EXISTS (SELECT 1 FROM grants g WHERE g.grant_id = :grant))
"""

_END_TOKEN = "DELETE FROM access_tokens WHERE hash = ?"
_END_TOKENS = """
DELETE FROM access_tokens WHERE client = (SELECT id FROM clients WHERE market = ? AND client_id = ?)
"""

# What hangs on a client besides its own tokens. Codes and tokens of a grant go with it.
_END_GRANTS = tuple(
    f"DELETE FROM {table} WHERE client = (SELECT id FROM clients WHERE market = ? AND client_id = ?)"  # noqa: S608
    for table in ("grants", "pushed_requests", "interactions", "asked_requests")
)

_AUDIT = f"""
INSERT INTO audit ({AUDIT_COLUMNS}, client)
VALUES ({", ".join(f"?{number}" for number in range(1, 13))},
        (SELECT id FROM clients WHERE market = ?5 AND client_id = ?8))
"""  # noqa: S608 - as above


def apply(connection: sqlite3.Connection, change: PreparedChange, now: float) -> None:
    """Store a change. Raises: Refused, in the order lost, repeated, token, conflict, client_id, software, busy."""
    errand = change.errand
    if errand is not None:
        errand_changes.end(connection, errand, change.client)
    if change.client is not None and change.replaces is not None:
        _replace(connection, change, change.client, change.replaces, now)
    elif change.client is not None:
        _register(connection, change, change.client, now)
    elif errand is not None and errand.over is not None:
        _stand(connection, change, errand.over, errand.over["version"], now)
    else:
        _use_tokens(connection, change.used, now)
    if errand is not None:
        errand_changes.undo(connection, errand)
        errand_changes.begin(connection, errand, now)
    elif change.client is not None and change.client["status"] == "deleted":
        errand_changes.demand_none(connection, change.client)
    _settle_tokens(connection, change)
    connection.execute(_AUDIT, change.audit)


def purge(connection: sqlite3.Connection, now: float) -> bool:
    """Forget some jtis, tokens and authorizations whose time is over; True when there may be more of them."""
    over = (_expired("used_tokens"), now - GRACE_S), *((_expired(table), now - kept) for table, kept in _PASSING)
    return PURGE_LIMIT in [connection.execute(sql, (until, PURGE_LIMIT)).rowcount for sql, until in over]


#: Tables whose rows pass, and how long each is kept beyond its end. A pushed request is consumed at the end of its
#: interaction, which may be long after nobody can begin one with it.
_PASSING = (
    ("access_tokens", 0),
    ("grants", 0),
    ("interactions", 0),
    ("asked_requests", 0),
    ("pushed_requests", 3600),
)


def _expired(table: str) -> str:
    return f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE expires_at < ? ORDER BY expires_at LIMIT ?)"  # noqa: S608


def _register(connection: sqlite3.Connection, change: PreparedChange, client: Parameters, now: float) -> None:
    earlier, id_taken, has_software = connection.execute(_AGAINST, client).fetchone()
    if earlier is not None:
        raise _repeated(connection, earlier)
    _use_tokens(connection, change.used, now)
    if id_taken:
        raise Refused(CommitVerdict.CLIENT_ID_TAKEN)
    if has_software and not change.duplicates_allowed:
        raise Refused(CommitVerdict.DUPLICATE_SOFTWARE)
    connection.execute(_STORE_CLIENT, {**client, "statement": _kept_statement(connection, change)})
    connection.execute(_REMEMBER_REQUEST, client)
    connection.execute(_KEEP_TEXT, client)


def _replace(
    connection: sqlite3.Connection, change: PreparedChange, client: Parameters, replaces: int, now: float
) -> None:
    """The row of a client anew: only over the version that was judged, and never over a deleted one."""
    _stand(connection, change, client, replaces, now)
    connection.execute(_REPLACE_CLIENT, {**client, "statement": _kept_statement(connection, change)})
    connection.execute(_KEEP_TEXT, client)
    if client["status"] != "active":
        _end_all(connection, client["market"], client["client_id"])


def _stand(
    connection: sqlite3.Connection, change: PreparedChange, client: Parameters, replaces: int, now: float
) -> None:
    """The client may be replaced, and the request for it is a new one. Uses up the change's jtis."""
    standing = connection.execute(_STANDING, client).fetchone()
    row, status, version, same_request = standing or (0, "deleted", 0, False)
    # A change that uses up no jti (a suspension, a deletion) carries the client's last request along.
    if same_request and change.used and status == "active":
        raise _repeated(connection, row)
    _use_tokens(connection, change.used, now)
    if status == "deleted" or version != replaces:
        raise Refused(CommitVerdict.CONFLICT)


def _settle_tokens(connection: sqlite3.Connection, change: PreparedChange) -> None:
    """End what ends, then issue: a change may do both for one client."""
    if change.ends_tokens_of is not None:
        _end_all(connection, *change.ends_tokens_of)
    if change.ends_token is not None:
        connection.execute(_END_TOKEN, (change.ends_token,))
    if change.issues is not None and connection.execute(_ISSUE_TOKEN, change.issues).rowcount == 0:
        raise Refused(CommitVerdict.CONFLICT)


def _end_all(connection: sqlite3.Connection, market: str, client_id: str) -> None:
    for statement in (_END_TOKENS, *_END_GRANTS):
        connection.execute(statement, (market, client_id))


def _use_tokens(connection: sqlite3.Connection, used: tuple[Parameters, ...], now: float) -> None:
    for token in used:
        if connection.execute(_USE_TOKEN, {**token, "forgotten": now - GRACE_S}).rowcount == 0:
            raise Refused(CommitVerdict.TOKEN_USED, kind=token["kind"])


def _kept_statement(connection: sqlite3.Connection, change: PreparedChange) -> int | None:
    """The row of the change's statement, made where it is the first that brings it."""
    statement = change.statement
    if statement is None:
        return None
    known = connection.execute(_KNOWN_STATEMENT, (statement.digest,)).fetchone()
    if known is not None:
        return int(known[0])
    return connection.execute(_KEEP_STATEMENT, statement.row()).lastrowid


def _repeated(connection: sqlite3.Connection, row: int) -> Refused:
    return Refused(CommitVerdict.REPEATED, connection.execute(_EARLIER_CLIENT, (row,)).fetchone())
