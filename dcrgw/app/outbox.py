"""The outbox: tells the authorization servers (AS) behind markets what they have yet to be told, until they confirm it.

One task a gateway. It is woken by every errand that begins or is given back, and when the next one is due; it works
with whatever generation serves at that moment, which is not closed before. What it knows stands in the registry, so
that a killed process leaves it to the next one.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from dcrgw.adapters.sqlite.errands import Outlook, SqliteErrands
from dcrgw.app.generation import Generation
from dcrgw.core.checks import Report
from dcrgw.core.upstream.errand import LONGEST_PAUSE_S, Errand
from dcrgw.edge.events import Sink, log_event
from dcrgw.edge.health import Health
from dcrgw.errors import GatewayError, Misconfigured, Rejected, Unavailable
from dcrgw.flows.errands import carry, claim_s, server_of
from dcrgw.ports.clock import Clock

#: How many errands of one market are carried at once: an AS that hangs holds up its own market alone.
AT_ONCE = 4
#: How often to look though nobody says so: another process may have left something.
LOOK_S = 15.0
#: A market whose AS was taken out of the configuration: nobody can be told.
_ORPHANED_CLAIM_S = 60.0


def outbox_part(market: str) -> str:
    """The component of /readyz that tells of a market's errands."""
    return f"errands of {market}"


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
        self._under_way: dict[str, str] = {}
        self._overdue: set[str] = set()
        self._told: set[str] = set()
        self._closing = asyncio.Event()

    async def run(self) -> None:
        """Carry errands until cancelled, or closed."""
        async with asyncio.TaskGroup() as group:
            while not self._closing.is_set():
                self._errands.stirred.clear()
                try:
                    wait_s = self._round(group)
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

    def _round(self, group: asyncio.TaskGroup) -> float:
        """Begin what is due. Seconds until the next look."""
        outlooks = self._errands.outlook()
        busy = Counter(self._under_way.values())
        for outlook in outlooks:
            room = AT_ONCE - busy[outlook.market]
            # Those under way may stand first among the due: they are claimed only now.
            for key in self._errands.due(outlook.market, AT_ONCE + room) if room > 0 else ():
                if key not in self._under_way and room > 0:
                    room -= 1
                    self._under_way[key] = outlook.market
                    group.create_task(self._attempt(key, outlook.market), name=f"errand of {outlook.market}")
        self._tell(outlooks)
        now = self._clock.now()
        return min([LOOK_S, *(max(each.next_at - now, 0.05) for each in outlooks if self._has_room(each.market))])

    def _has_room(self, market: str) -> bool:
        return list(self._under_way.values()).count(market) < AT_ONCE

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
        server = market.upstream if market is not None else None
        errand = await self._errands.claim(key, _ORPHANED_CLAIM_S if server is None else claim_s(server))
        if errand is None:
            return
        if market is None or server is None:
            reason = "the market has no authorization server any more: give it back to it, or reconcile"
            due_at = self._clock.now() + LONGEST_PAUSE_S
            await self._errands.put_off(errand.claim, due_at, reason, errand.unsure)
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

    def _tell(self, outlooks: tuple[Outlook, ...]) -> None:
        """What waits for too long is a warning: it costs no TPP more than its own change."""
        now = self._clock.now()
        markets = self._serving().materials.markets
        overdue = set()
        for each in outlooks:
            market = markets.get(each.market)
            alarm_s = server_of(market).alarm_s if market is not None and market.upstream is not None else 0.0
            late = now - each.oldest_at >= alarm_s
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
