"""The outbox: tells the authorization servers (AS) behind markets what they have yet to be told, until they confirm it.

One task a gateway. It is woken by every errand that begins or is given back, and when the next one is due; it works
with whatever generation serves at that moment, which is not closed before. What it knows stands in the registry, so
that a killed process leaves it to the next one.

Parties take turns: one TPP's errands are carried one after another, those that were tried least first, and whoever was
served longest ago comes first. So what fails for one TPP, or makes the AS hang, holds up no other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import count

from dcrgw.adapters.sqlite.errands import Due, Outlook, SqliteErrands
from dcrgw.app.generation import Generation
from dcrgw.core.checks import Report
from dcrgw.core.upstream.errand import Errand
from dcrgw.core.upstream.server import UpstreamServer
from dcrgw.edge.events import Sink, log_event
from dcrgw.edge.health import Health
from dcrgw.errors import GatewayError, Misconfigured, Rejected, Unavailable
from dcrgw.flows.errands import NO_SERVER, PUT_IT_BACK, carry, claim_s
from dcrgw.ports.clock import Clock

#: How many errands of one market are carried at once: an AS that hangs holds up its own market alone.
AT_ONCE = 4
#: How often to look though nobody says so: another process may have left something.
LOOK_S = 15.0
#: How many parties' turns are remembered.
_MOST_PARTIES = 10_000


def outbox_part(market: str) -> str:
    """The component of /readyz that tells of a market's errands."""
    return f"errands of {market}"


def stranded_words(waiting: int, pending: int) -> str:
    """What waits for a server that was taken away, and what to do about it."""
    return f"{waiting} not told, {pending} of them of pending clients: {NO_SERVER}; {PUT_IT_BACK}"


class Outbox:
    """`serving` gives the generation that serves now."""

    def __init__(
        self,
        errands: SqliteErrands,
        serving: Callable[[], Generation],
        clock: Clock,
        health: Health,
        on_event: Sink = log_event,
    ) -> None:
        self._errands, self._serving, self._clock, self._health = errands, serving, clock, health
        self._on_event = on_event
        #: Key -> market and party.
        self._under_way: dict[str, tuple[str, str]] = {}
        #: Market and party, those served longest ago first.
        self._served: dict[tuple[str, str], int] = {}
        self._turns = count(1)
        self._overdue: set[str] = set()
        #: Markets whose errands nobody can be told, and the generation that was told so.
        self._stranded: dict[str, int] = {}
        self._told: set[str] = set()
        self._closing = asyncio.Event()

    async def run(self) -> None:
        """Carry errands until cancelled, or closed."""
        async with asyncio.TaskGroup() as group:
            while not self._closing.is_set():
                self._errands.stirred.clear()
                try:
                    wait_s = await self._round(group)
                except Unavailable as failure:
                    self._on_event("errands_unread", reason=str(failure))
                    wait_s = LOOK_S
                except Exception as error:
                    # A bug of ours: what is due waits for the next look, and not for the next start.
                    self._on_event("errands_unread", error=error)
                    wait_s = LOOK_S
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._errands.stirred.wait()

    def close(self) -> None:
        """Begin no other attempt: `run` ends with those under way."""
        self._closing.set()
        self._errands.stirred.set()

    def look(self) -> None:
        """Look again now: another generation serves."""
        self._errands.stirred.set()

    async def _round(self, group: asyncio.TaskGroup) -> float:
        """Begin what is due. Seconds until the next look: whatever ends meanwhile wakes us."""
        outlooks = await self._errands.outlook()
        reached = [each for each in outlooks if self._server(each.market) is not None]
        for outlook in reached:
            if self._room(outlook.market):
                found = await self._errands.due(outlook.market)
                # Some may have ended while that was read.
                for due in self._in_turn(outlook.market, found)[: self._room(outlook.market)]:
                    self._begin(due, outlook.market, group)
        self._tell(reached)
        self._tell_stranded([each for each in outlooks if each not in reached])
        now = self._clock.now()
        return min([LOOK_S, *(max(each.next_at - now, 0.05) for each in reached if each.next_at is not None)])

    def _in_turn(self, market: str, found: Iterable[Due]) -> list[Due]:
        """What is due of the parties that have nothing under way, whoever was served longest ago first."""
        busy = {party for of, party in self._under_way.values() if of == market}
        due = [each for each in found if each.party not in busy]
        return sorted(due, key=lambda each: self._served.get((market, each.party), 0))

    def _begin(self, due: Due, market: str, group: asyncio.TaskGroup) -> None:
        place = (market, due.party)
        self._served.pop(place, None)
        self._served[place] = next(self._turns)
        if len(self._served) > _MOST_PARTIES:
            del self._served[next(iter(self._served))]
        self._under_way[due.key] = place
        group.create_task(self._attempt(due.key, market), name=f"errand of {market}")

    def _room(self, market: str) -> int:
        """How many more of a market may be under way."""
        return max(0, AT_ONCE - sum(of == market for of, _ in self._under_way.values()))

    def _server(self, name: str) -> UpstreamServer | None:
        """The AS of a market; None where the configuration that serves has none."""
        market = self._serving().materials.markets.get(name)
        return market.upstream if market is not None else None

    async def _attempt(self, key: str, market: str) -> None:
        try:
            generation = self._serving()
            with generation.in_use():
                await self._carry(key, market, generation)
        except Exception as error:
            # A bug of ours, or a registry that takes nothing: it must not end the outbox, nor be tried without a pause.
            self._on_event("errand_failed", market=market, error=error)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._closing.wait()
        finally:
            del self._under_way[key]
            self._errands.stirred.set()

    async def _carry(self, key: str, name: str, generation: Generation) -> None:
        market = generation.materials.markets.get(name)
        if market is None or market.upstream is None:
            return  # since we looked; the next look tells of it
        errand = await self._errands.claim(key, claim_s(market.upstream))
        if errand is None:
            return
        report = _report(errand, self._clock.now(), generation.number)
        try:
            await carry(errand, market, generation.ports, report)
        except GatewayError as failure:
            self._tell_failure(errand, report, failure)
        else:
            self._on_event("errand_carried", **_told(errand), decision=report.decision, **_differing(report))

    def _tell_failure(self, errand: Errand, report: Report, failure: GatewayError) -> None:
        event = "errand_put_off" if isinstance(failure, Unavailable) else "errand_refused"
        reason = failure.reason if isinstance(failure, Unavailable) else str(failure)
        if isinstance(failure, (Rejected, Misconfigured)) or report.decision != "undecided":
            reason = f"{report.decision}: {reason}"
        self._on_event(event, **_told(errand), reason=reason, **_differing(report))

    def _tell(self, outlooks: list[Outlook]) -> None:
        """What waits for too long is a warning: it costs no TPP more than its own change."""
        now = self._clock.now()
        overdue = set()
        for each in outlooks:
            server = self._server(each.market)
            late = server is not None and now - each.oldest_at >= server.alarm_s
            reason = f"{each.waiting} not told yet" + (f", the oldest for {now - each.oldest_at:.0f} s" if late else "")
            self._health.set(outbox_part(each.market), True, reason)
            if late:
                overdue.add(each.market)
            if late and each.market not in self._overdue:
                self._on_event("errands_overdue", market=each.market, waiting=each.waiting, oldest_at=each.oldest_at)
        waiting = {each.market for each in outlooks}
        for market_name in self._told - waiting:
            self._health.set(outbox_part(market_name), True)
        for market_name in self._overdue - overdue:
            self._on_event("errands_caught_up", market=market_name)
        self._told |= waiting
        self._overdue = overdue

    def _tell_stranded(self, outlooks: list[Outlook]) -> None:
        """What waits for a server that the configuration has no more: told once by each generation."""
        number = self._serving().number
        for each in outlooks:
            self._health.set(outbox_part(each.market), True, stranded_words(each.waiting, each.pending))
            if self._stranded.get(each.market) != number:
                told = {"market": each.market, "waiting": each.waiting, "pending": each.pending}
                self._on_event("errands_stranded", **told, oldest_at=each.oldest_at, reason=NO_SERVER, fix=PUT_IT_BACK)
        self._stranded = {each.market: number for each in outlooks}
        self._told |= self._stranded.keys()


def _report(errand: Errand, at: float, generation: int) -> Report:
    return Report(
        report_id=errand.report_id,
        interaction_id=errand.interaction_id,
        operation=errand.act.value,
        market=errand.market,
        at=at,
        generation=generation,
        author="gateway",
    )


def _told(errand: Errand) -> dict[str, str | int]:
    return {
        "market": errand.market,
        "client_id": errand.client_id,
        "act": errand.act.value,
        "attempt": errand.attempts,
        "report_id": errand.report_id,
    }


def _differing(report: Report) -> dict[str, str]:
    """What an operator must see besides."""
    told = ("upstream_differs", "tpp_must_read", "orphan", "orphans_at_most", "given_up")
    return {name: report.facts[name] for name in told if name in report.facts}
