"""The part of one change that is about errands: which ends, what it undoes, which begins. Within its transaction."""

from __future__ import annotations

import sqlite3

from dcrgw.adapters.sqlite.errand_rows import PreparedErrand
from dcrgw.adapters.sqlite.refusing import Refused
from dcrgw.adapters.sqlite.rows import Parameters
from dcrgw.core.upstream.errand import Act
from dcrgw.ports.registry import CommitVerdict

_ENDED = "SELECT market, client_id FROM errands WHERE key = ? AND attempts = ?"
_END = "DELETE FROM errands WHERE key = ?"

_ID_TAKEN = "SELECT 1 FROM clients WHERE market = ? AND client_id = ?"
_RENAME = tuple(
    f"UPDATE {table} SET client_id = ? WHERE market = ? AND client_id = ?"  # noqa: S608 - constants
    for table in ("clients", "client_texts")
)

_FREE_TOKEN = """
DELETE FROM used_tokens
WHERE market = :market AND kind = :kind AND issuer = :issuer AND jti = :jti
  AND request_digest = :request_digest AND subject_key = :subject_key
"""
_PENDING = "(SELECT id FROM clients WHERE market = :market AND client_id = :client_id AND status = 'pending')"
_FORGET = tuple(
    f"DELETE FROM {table} WHERE {column} = {_PENDING}"  # noqa: S608 - constants
    for table, column in (("requests", "client"), ("client_texts", "client"), ("clients", "id"))
)

_OPEN = "SELECT claimed_until, attempts, unsure, yields FROM errands WHERE market = :market AND client_id = :client_id"
_DROP = "DELETE FROM errands WHERE market = :market AND client_id = :client_id"
_KEY_TAKEN = "SELECT 1 FROM errands WHERE key = :key"
_ALIVE = """
SELECT 1 FROM clients
WHERE market = :market AND client_id = :client_id AND status IN ('pending', 'active', 'suspended')
"""
_BEGIN = """
INSERT INTO errands (key, act, market, client_id, begun_at, due_at, attempts, claimed_until, unsure, yields, trouble,
                     sealed)
VALUES (:key, :act, :market, :client_id, :begun_at, :due_at, :attempts, :claimed_until, :unsure, :yields, :trouble,
        :sealed)
"""


def end(connection: sqlite3.Connection, errand: PreparedErrand, client: Parameters | None) -> None:
    """End what ends; its client gets the id that it has from now on. Raises: Refused."""
    if errand.ends is None:
        return
    ended = connection.execute(_ENDED, errand.ends).fetchone()
    if ended is None:
        raise Refused(CommitVerdict.LOST)
    connection.execute(_END, errand.ends[:1])
    market, client_id = ended
    if client is None or client["client_id"] == client_id:
        return
    if connection.execute(_ID_TAKEN, (market, client["client_id"])).fetchone():
        raise Refused(CommitVerdict.CLIENT_ID_TAKEN)
    if connection.execute(_OPEN, {"market": market, "client_id": client["client_id"]}).fetchone():
        # It is about to be deleted there, as what an attempt made that came too late.
        raise Refused(CommitVerdict.BUSY)
    for statement in _RENAME:
        connection.execute(statement, (client["client_id"], market, client_id))


def undo(connection: sqlite3.Connection, errand: PreparedErrand) -> None:
    """A refused request leaves nothing behind."""
    for token in errand.freed:
        connection.execute(_FREE_TOKEN, token)
    if errand.undoes is not None:
        for statement in _FORGET:
            connection.execute(statement, errand.undoes)


def _in_place_of(before: tuple[float, int, int, int], begins: Parameters, now: float) -> Parameters:
    """What begins where something else is open. Raises: Refused."""
    claimed_until, attempts, unsure, yields = before
    if begins["act"] == Act.DELETE:
        # One more, so that the claim on what it takes the place of is void.
        due_at = max(begins["due_at"], claimed_until)
        return {**begins, "due_at": due_at, "attempts": attempts + 1, "unsure": begins["unsure"] or unsure}
    is_request = begins["act"] == Act.UPDATE and not begins["yields"]
    if yields and is_request and claimed_until <= now and begins["known_unsure"] >= unsure:
        return begins
    raise Refused(CommitVerdict.BUSY)


def demand_none(connection: sqlite3.Connection, client: Parameters) -> None:
    """A client does not end past what an authorization server is being told of it. Raises: Refused."""
    if connection.execute(_OPEN, client).fetchone():
        raise Refused(CommitVerdict.BUSY)


def begin(connection: sqlite3.Connection, errand: PreparedErrand, now: float) -> None:
    """Begin what begins. A deletion waits for the attempt that it overtakes. Raises: Refused."""
    begins = errand.begins
    if begins is None:
        return
    before = connection.execute(_OPEN, begins).fetchone()
    if before is not None:
        begins = _in_place_of(before, begins, now)
        connection.execute(_DROP, begins)
    if connection.execute(_KEY_TAKEN, begins).fetchone():
        raise Refused(CommitVerdict.BUSY)
    # What an authorization server is told of a client is never against what the registry says of it.
    is_alive = connection.execute(_ALIVE, begins).fetchone() is not None
    if is_alive is (begins["act"] == Act.DELETE):
        raise Refused(CommitVerdict.CONFLICT)
    connection.execute(_BEGIN, begins)
