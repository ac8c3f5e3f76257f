"""Errands on the registry's file: its writer, its reads by key, its transactions."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from dcrgw.adapters.sealer import Sealer
from dcrgw.adapters.sqlite.errand_rows import ERRAND_COLUMNS, errand_of
from dcrgw.adapters.sqlite.point_reads import PointReads
from dcrgw.core.upstream.errand import LONGEST_PAUSE_S, Claim, Errand
from dcrgw.ports.clock import Clock

#: Does a piece of work in the next transaction of the writer.
Write = Callable[[Callable[[sqlite3.Connection], None]], Awaitable[None]]
#: Rows that may be many, read on a thread.
Read = Callable[[str, tuple[object, ...]], Awaitable[Sequence[tuple[Any, ...]]]]

#: How often it is looked whether another process ended an errand; what this one ends is told at once.
LOOK_S = 0.5
#: A claim or a pause that lasts longer than any was made by a clock that has been set back since.
_LONGEST_CLAIM_S = 2 * LONGEST_PAUSE_S
#: How much of a trouble is kept.
_LONGEST_TROUBLE = 300

_OF_CLIENT = f"SELECT {ERRAND_COLUMNS} FROM errands WHERE market = ? AND client_id = ?"  # noqa: S608 - constants
_BY_KEY = f"SELECT {ERRAND_COLUMNS} FROM errands WHERE key = ?"  # noqa: S608 - constants
_OPENED = f"""
SELECT {ERRAND_COLUMNS} FROM errands WHERE (?1 IS NULL OR market = ?1) ORDER BY due_at, id LIMIT ?2
"""  # noqa: S608 - constants
_IS_HELD = "SELECT 1 FROM errands WHERE key = ? AND claimed_until > ? AND claimed_until < ?"
_CLAIM = """
UPDATE errands SET attempts = attempts + 1, claimed_until = :until
WHERE key = :key AND (claimed_until <= :now OR claimed_until >= :unbelievable)
"""
# Until its holder says otherwise, nobody knows what comes of the attempt.
_DOUBT = "UPDATE errands SET unsure = 1 WHERE key = ? AND act <> 'delete'"
_PUT_OFF = """
UPDATE errands SET claimed_until = 0, due_at = ?, trouble = ?, unsure = ? WHERE key = ? AND attempts = ?
"""


# When an errand can be claimed; what a clock wrote that was set back counts for nothing.
_FREE_AT = "max(iif(due_at >= ?1, 0, due_at), iif(claimed_until >= ?1, 0, claimed_until))"
_OUTLOOK = f"""
SELECT market, count(*), sum(act = 'create'), min(begun_at), min(iif({_FREE_AT} > ?2, {_FREE_AT}, NULL))
FROM errands GROUP BY market
"""  # noqa: S608 - constants
# Whose errand it is: the organisation's, else the certificate subject's. What undoes a client that is forgotten is
# nobody's: all of it is one party.
_PARTY = "coalesce(coalesce(c.directory, '') || char(10) || c.org_id, c.subject_key, '')"
# SQLite gives the columns beside a lone min() of the row that has it. One try more weighs more than any time.
_DUE = f"""
SELECT key, party FROM (
  SELECT key, {_PARTY} AS party, due_at, min(attempts * 1e12 + due_at)
  FROM errands e LEFT JOIN clients c ON c.market = e.market AND c.client_id = e.client_id
  WHERE e.market = ?2 AND {_FREE_AT} <= ?3 GROUP BY party
) ORDER BY due_at, key
"""  # noqa: S608 - constants


class Outlook(NamedTuple):
    """What a market's AS has yet to be told: how much, since when, and when the next attempt falls due.

    Times are epoch seconds. What is due already is not the next: `next_at` is None where nothing else comes.
    """

    market: str
    waiting: int
    #: How many of them are to make a client, which is pending until then.
    pending: int
    oldest_at: float
    next_at: float | None


class Due(NamedTuple):
    """An errand that may be claimed now, and whose it is: one TPP's, whatever its clients."""

    key: str
    party: str


class SqliteErrands:
    """Implements `dcrgw.ports.errands.Errands`."""

    def __init__(self, write: Write, read: Read, points: PointReads, sealer: Sealer, clock: Clock) -> None:
        self._write, self._read, self._points, self._sealer, self._clock = write, read, points, sealer, clock
        self._waiting: dict[str, list[asyncio.Future[None]]] = defaultdict(list)
        #: Set whenever an errand began, was given back or ended: for who carries them.
        self.stirred = asyncio.Event()

    async def of_client(self, market: str, client_id: str) -> Errand | None:
        """The client's open errand."""
        rows = self._points.read(_OF_CLIENT, (market, client_id))
        return errand_of(rows[0], self._sealer) if rows else None

    async def claim(self, key: str, lasts_s: float) -> Errand | None:
        """The errand, for the caller alone for so many seconds; None where it is over, or somebody else's."""
        now = self._clock.now()
        claimed = {"key": key, "now": now, "until": now + lasts_s, "unbelievable": now + _LONGEST_CLAIM_S}
        rows: list[tuple[object, ...]] = []

        def work(connection: sqlite3.Connection) -> None:
            rows.clear()
            if connection.execute(_CLAIM, claimed).rowcount:
                rows.extend(connection.execute(_BY_KEY, (key,)).fetchall())
                connection.execute(_DOUBT, (key,))

        await self._write(work)
        return errand_of(rows[0], self._sealer) if rows else None

    async def put_off(self, claim: Claim, due_at: float, trouble: str, unsure: bool) -> None:
        """Give an errand back, to be tried again at `due_at`; nothing where the claim is void."""
        given_back = (due_at, trouble[:_LONGEST_TROUBLE], unsure, *claim)
        await self._write(lambda connection: _execute(connection, given_back))
        self.stir(claim[0])

    async def settled(self, key: str, within_s: float) -> bool:
        """Wait until nobody holds the errand: because it is over, or was given back. False when that takes longer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self._is_held(key):
                    await self._news(key)
                return True
        return not self._is_held(key)

    async def opened(self, market: str | None = None, limit: int = 1000) -> tuple[Errand, ...]:
        """Open errands, the one that is due first coming first."""
        return tuple(errand_of(row, self._sealer) for row in self._points.read(_OPENED, (market, limit)))

    async def outlook(self) -> tuple[Outlook, ...]:
        """Every market with open errands."""
        now = self._clock.now()
        return tuple(Outlook(*row) for row in await self._read(_OUTLOOK, (now + _LONGEST_CLAIM_S, now)))

    async def due(self, market: str) -> tuple[Due, ...]:
        """Of each party the errand that may be claimed now and was tried least; the one that is due longest first."""
        now = self._clock.now()
        return tuple(Due(*row) for row in await self._read(_DUE, (now + _LONGEST_CLAIM_S, market, now)))

    def stir(self, *keys: str) -> None:
        """Tell who waits for these errands, and who carries errands, that something became of them."""
        self.stirred.set()
        for key in keys:
            for waiting in self._waiting.pop(key, ()):
                if not waiting.done():
                    waiting.set_result(None)

    def _is_held(self, key: str) -> bool:
        now = self._clock.now()
        return bool(self._points.read(_IS_HELD, (key, now, now + _LONGEST_CLAIM_S)))

    async def _news(self, key: str) -> None:
        """Wait until this process hears of it, or for a while: others do not tell us."""
        news = asyncio.get_running_loop().create_future()
        self._waiting[key].append(news)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await news
        finally:
            if news in self._waiting.get(key, ()):
                self._waiting[key].remove(news)
                if not self._waiting[key]:
                    del self._waiting[key]


def _execute(connection: sqlite3.Connection, given_back: tuple[float, str, bool, str, int]) -> None:
    connection.execute(_PUT_OFF, given_back)


def waiting_in(path: Path) -> Mapping[str, tuple[int, int]]:
    """For who only looks, beside a gateway or without one: market -> open errands, and how many of pending clients."""
    query = "SELECT market, count(*), sum(act = 'create') FROM errands GROUP BY market"
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as connection:
            return {market: (waiting, pending) for market, waiting, pending in connection.execute(query)}
    except sqlite3.Error:
        return {}  # there is none yet, or none that has errands
