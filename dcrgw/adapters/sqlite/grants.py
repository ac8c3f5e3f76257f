"""Authorizations on the registry's file: its writer, its reads by key, its transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from typing import TypeVar

from dcrgw.adapters.sealer import Sealer
from dcrgw.adapters.sqlite import commit
from dcrgw.adapters.sqlite.grant_rows import (
    GRANT_COLUMNS,
    asked_of,
    code_of,
    code_parameters,
    grant_of,
    grant_parameters,
    interaction_of,
    interaction_parameters,
    pushed_of,
    pushed_parameters,
    refresh_token_of,
    refresh_token_parameters,
    sign_in_parameters,
)
from dcrgw.adapters.sqlite.point_reads import PointReads
from dcrgw.adapters.sqlite.rows import Parameters, Row, prepare
from dcrgw.core.authorization.interaction import AskedRequest, Code, Grant, Interaction, PushedRequest, RefreshToken
from dcrgw.ports.clock import Clock
from dcrgw.ports.grants import GrantChange, GrantVerdict
from dcrgw.ports.registry import CommitVerdict

T = TypeVar("T")

#: Does a piece of work in the next transaction of the writer.
Write = Callable[[Callable[[sqlite3.Connection], None]], Awaitable[None]]

# Each takes a row only where its client is active at this moment.
_OF_CLIENT = "FROM clients WHERE market = :market AND client_id = :client_id AND status = 'active'"
_PUSH = f"""
INSERT INTO pushed_requests (hash, client, request, expires_at) SELECT :hash, id, :request, :expires_at {_OF_CLIENT}
"""
_ASK = f"""
INSERT INTO asked_requests (hash, client, challenge, request, expires_at)
SELECT :hash, id, :challenge, :request, :expires_at {_OF_CLIENT}
ON CONFLICT (client, hash) DO UPDATE SET expires_at = max(expires_at, excluded.expires_at)
WHERE request = excluded.request
"""
_OPEN = f"""
INSERT INTO interactions (interaction_id, key_hash, client, request, texts, pushed, begun_at, expires_at)
SELECT :id, :key_hash, id, :request, :texts, :pushed, :begun_at, :expires_at {_OF_CLIENT}
"""
_GRANT = f"""
INSERT INTO grants (grant_id, client, sub, scope, details, authenticated_at, granted_at, expires_at)
SELECT :id, id, :sub, :scope, :details, :authenticated_at, :granted_at, :expires_at {_OF_CLIENT}
"""
_ISSUE = """
INSERT INTO codes (hash, granted, redirect_uri, code_challenge, nonce, expires_at)
SELECT :hash, id, :redirect_uri, :code_challenge, :nonce, :expires_at FROM grants WHERE grant_id = :grant
"""
# Another server may give the token again that it gave before, for the same grant.
_KEEP = """
INSERT INTO refresh_tokens (hash, granted, expires_at) SELECT :hash, id, :expires_at FROM grants WHERE grant_id = :grant
ON CONFLICT (hash) DO UPDATE SET expires_at = excluded.expires_at WHERE granted = excluded.granted
"""

# Each changes one row, or the change is of something that is gone.
_SIGN_IN = """
UPDATE interactions SET key_hash = :new_key_hash, sub = :sub, customer = :name, authenticated_at = :at
WHERE interaction_id = :id AND key_hash = :key_hash AND expires_at > :now
"""
_SETTLE = "DELETE FROM interactions WHERE interaction_id = :id AND key_hash = :key_hash AND expires_at > :now"
_CONSUME = "DELETE FROM pushed_requests WHERE hash = :hash"
_REDEEM = "UPDATE codes SET used = 1 WHERE hash = :hash AND used = 0 AND expires_at > :now"
_ROTATE = "UPDATE refresh_tokens SET used = 1 WHERE hash = :hash AND used = 0 AND expires_at > :now"
_PROLONG = "UPDATE grants SET expires_at = max(expires_at, :until) WHERE grant_id = :id"

_END_REFRESH = "UPDATE refresh_tokens SET expires_at = ? WHERE hash = ?"
_DROP = "DELETE FROM interactions WHERE interaction_id = ? AND sub IS NULL"
_FORGET = "DELETE FROM asked_requests WHERE hash = ?"
_REVOKE = "DELETE FROM grants WHERE grant_id = ?"

_PUSHED = """
SELECT p.hash, p.request, p.expires_at FROM pushed_requests p JOIN clients c ON c.id = p.client
WHERE c.market = ? AND p.hash = ? AND p.expires_at > ?
"""
_ASKED = """
SELECT a.hash, a.request, a.expires_at FROM asked_requests a JOIN clients c ON c.id = a.client
WHERE c.market = ? AND a.hash = ? AND a.expires_at > ?
"""
_ASKED_WITH = """
SELECT a.hash, a.request, a.expires_at FROM asked_requests a JOIN clients c ON c.id = a.client
WHERE c.market = ? AND c.client_id = ? AND a.challenge = ? AND a.expires_at > ? ORDER BY a.id DESC LIMIT ?
"""
_INTERACTION = """
SELECT i.interaction_id, i.key_hash, i.request, i.texts, i.pushed, i.begun_at, i.expires_at, i.sub, i.customer,
       i.authenticated_at
FROM interactions i JOIN clients c ON c.id = i.client WHERE c.market = ? AND i.interaction_id = ? AND i.expires_at > ?
"""
_CODE = f"""
SELECT {GRANT_COLUMNS}, k.hash, k.redirect_uri, k.code_challenge, k.nonce, k.expires_at, k.used
FROM codes k JOIN grants g ON g.id = k.granted JOIN clients c ON c.id = g.client WHERE c.market = ? AND k.hash = ?
"""  # noqa: S608 - constants
_REFRESH_TOKEN = f"""
SELECT {GRANT_COLUMNS}, r.hash, r.expires_at, r.used
FROM refresh_tokens r JOIN grants g ON g.id = r.granted JOIN clients c ON c.id = g.client
WHERE c.market = ? AND r.hash = ?
"""  # noqa: S608 - constants
_GRANTED = f"""
SELECT {GRANT_COLUMNS} FROM grants g JOIN clients c ON c.id = g.client
WHERE c.market = ? AND g.grant_id = ? AND g.expires_at > ?
"""  # noqa: S608 - constants


class _Refused(Exception):
    """The change was not stored, and why."""

    def __init__(self, verdict: GrantVerdict) -> None:
        self.verdict = verdict
        super().__init__(verdict.value)


#: A client makes a challenge for each request; whoever uses one again has some of them told apart, not any number.
MOST_OF_A_CHALLENGE = 20

_VERDICTS = {CommitVerdict.TOKEN_USED: GrantVerdict.TOKEN_USED, CommitVerdict.CONFLICT: GrantVerdict.CONFLICT}


class SqliteGrants:
    """Implements `Grants` of `dcrgw.ports.grants`. Made by `SqliteRegistry`, whose file and thread it uses."""

    def __init__(self, write: Write, points: PointReads, sealer: Sealer, clock: Clock) -> None:
        self._write, self._points, self._sealer, self._clock = write, points, sealer, clock

    async def commit(self, change: GrantChange) -> GrantVerdict:
        """Apply a change whole or not at all; returns after its fsync."""
        registry = None if change.registry is None else prepare(change.registry, self._sealer, burns=True)
        now = self._clock.now()
        statements = _statements(change, now)

        def work(connection: sqlite3.Connection) -> None:
            for sql, parameters, verdict in statements:
                if connection.execute(sql, parameters).rowcount == 0:
                    raise _Refused(verdict)
            if registry is not None:
                commit.apply(connection, registry, now)
            if change.revokes is not None:
                connection.execute(_REVOKE, (change.revokes,))
            if change.ends_refresh is not None:
                connection.execute(_END_REFRESH, (change.ends_refresh[1], change.ends_refresh[0]))
            connection.executemany(_DROP, [(each,) for each in change.drops])
            connection.executemany(_FORGET, [(each,) for each in change.forgets])

        try:
            await self._write(work)
        except _Refused as refused:
            return refused.verdict
        except commit.Refused as refused:
            return GrantVerdict.OBJECT_USED if refused.kind == "request_object" else _VERDICTS[refused.verdict]
        return GrantVerdict.STORED

    async def pushed(self, market: str, hash: str) -> PushedRequest | None:
        """A pushed request by the hash of its request_uri, until its authorization completes."""
        return self._one(pushed_of, _PUSHED, (market, hash, self._clock.now()))

    async def asked(self, market: str, hash: str) -> AskedRequest | None:
        """What went on to the server behind the market, by its hash, while its code may come back."""
        return self._one(asked_of, _ASKED, (market, hash, self._clock.now()))

    async def asked_with(self, market: str, client_id: str, code_challenge: str) -> tuple[AskedRequest, ...]:
        """What a client asked with this challenge, newest first."""
        sought = (market, client_id, code_challenge, self._clock.now(), MOST_OF_A_CHALLENGE)
        return tuple(map(asked_of, self._points.read(_ASKED_WITH, sought)))

    async def interaction(self, market: str, id: str) -> Interaction | None:
        """An interaction by its id, until it is settled."""
        return self._one(interaction_of, _INTERACTION, (market, id, self._clock.now()))

    async def code(self, market: str, hash: str) -> Code | None:
        """A code by its hash, used or not."""
        return self._one(code_of, _CODE, (market, hash))

    async def refresh_token(self, market: str, hash: str) -> RefreshToken | None:
        """A refresh token by its hash, used or not, while its grant lives."""
        return self._one(refresh_token_of, _REFRESH_TOKEN, (market, hash))

    async def grant(self, market: str, id: str) -> Grant | None:
        """A grant by its id."""
        return self._one(grant_of, _GRANTED, (market, id, self._clock.now()))

    def _one(self, made: Callable[[Row], T], sql: str, parameters: Row) -> T | None:
        rows = self._points.read(sql, parameters)
        return made(rows[0]) if rows else None


def _statements(change: GrantChange, now: float) -> list[tuple[str, Parameters, GrantVerdict]]:
    """What a change does besides the registry's part, in order: what it consumes comes first."""
    gone, conflict = GrantVerdict.GONE, GrantVerdict.CONFLICT
    found: list[tuple[str, Parameters, GrantVerdict]] = []
    if change.signs_in is not None:
        found.append((_SIGN_IN, {**sign_in_parameters(change.signs_in), "now": now}, gone))
    if change.settles is not None:
        found.append((_SETTLE, {"id": change.settles[0], "key_hash": change.settles[1], "now": now}, gone))
    if change.consumes is not None:
        found.append((_CONSUME, {"hash": change.consumes}, gone))
    if change.redeems is not None:
        found.append((_REDEEM, {"hash": change.redeems, "now": now}, gone))
    if change.rotates is not None:
        found.append((_ROTATE, {"hash": change.rotates, "now": now}, gone))
    if change.prolongs is not None:
        found.append((_PROLONG, {"id": change.prolongs[0], "until": change.prolongs[1]}, gone))
    if change.pushes is not None:
        found.append((_PUSH, pushed_parameters(change.pushes), conflict))
    if change.asks is not None:
        found.append((_ASK, pushed_parameters(change.asks), conflict))
    if change.opens is not None:
        found.append((_OPEN, interaction_parameters(change.opens), conflict))
    if change.grants is not None:
        found.append((_GRANT, grant_parameters(change.grants), conflict))
    if change.issues is not None:
        found.append((_ISSUE, code_parameters(change.issues), conflict))
    if change.keeps is not None:
        found.append((_KEEP, refresh_token_parameters(change.keeps), conflict))
    return found
