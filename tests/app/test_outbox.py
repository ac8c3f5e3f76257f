"""The outbox goes on, whatever goes wrong in it, and nobody in it waits for another's trouble."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

from dcrgw.adapters.clock import SystemClock
from dcrgw.adapters.sqlite.errands import Due, Outlook
from dcrgw.app.outbox import AT_ONCE, Outbox, outbox_part
from dcrgw.edge.health import Health
from dcrgw.errors import Unavailable

#: What hangs in a test hangs until it is let go; longer than this is a failure.
PATIENCE_S = 40


class Errands:
    """None is open, or one that nobody can claim; the first looks fail."""

    def __init__(self, *failures: Exception, is_open: bool = False) -> None:
        self.stirred = asyncio.Event()
        self.looks: asyncio.Queue[None] = asyncio.Queue()
        self.claims = 0
        self._failures, self._is_open = list(failures), is_open

    async def outlook(self) -> tuple[Outlook, ...]:
        self.looks.put_nowait(None)
        if self._failures:
            raise self._failures.pop(0)
        return (Outlook("uk", 1, 1, 0.0, None),) if self._is_open else ()

    async def due(self, market: str) -> tuple[Due, ...]:
        return (Due("key-1", "org-1"),)

    async def claim(self, key: str, lasts_s: float) -> None:
        self.claims += 1
        raise Unavailable("registry", "disk full")


class Waiting:
    """Errands of parties, `party/number` the one that is due longest first. A claim lasts until it is let go."""

    def __init__(self, *keys: str) -> None:
        self.keys = list(keys)
        self.stirred = asyncio.Event()
        self.begun: asyncio.Queue[str] = asyncio.Queue()
        self.held: dict[str, asyncio.Event] = {}

    async def outlook(self) -> tuple[Outlook, ...]:
        return (Outlook("uk", len(self.keys), 0, 0.0, None),) if self.keys else ()

    async def due(self, market: str) -> tuple[Due, ...]:
        first: dict[str, Due] = {}
        for key in self.keys:
            first.setdefault(key.partition("/")[0], Due(key, key.partition("/")[0]))
        return tuple(first.values())

    async def claim(self, key: str, lasts_s: float) -> None:
        """Whatever comes of it, it is over afterwards."""
        self.held[key] = asyncio.Event()
        self.begun.put_nowait(key)
        await self.held[key].wait()
        self.keys.remove(key)

    async def next(self, count: int = 1) -> list[str]:
        """The next that begin."""
        return [await self.begun.get() for _ in range(count)]


class Seen(list[str]):
    """The names of the events."""

    def __call__(self, event: str, /, **told: Any) -> None:
        self.append(event)


def outbox_of(errands: Any, seen: Seen, *, has_server: bool = True, health: Health | None = None) -> Outbox:
    clock = SystemClock()
    server = SimpleNamespace(alarm_s=1e12, attempt_s=30.0) if has_server else None
    markets = {"uk": SimpleNamespace(upstream=server)}
    generation: Any = SimpleNamespace(materials=SimpleNamespace(markets=markets), in_use=nullcontext, number=1)
    return Outbox(errands, lambda: generation, clock, health or Health(clock), seen)


@asynccontextmanager
async def running(errands: Waiting) -> AsyncIterator[None]:
    outbox = outbox_of(errands, Seen())
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        carrying = group.create_task(outbox.run())
        yield
        carrying.cancel()


async def looked(errands: Errands, outbox: Outbox, times: int) -> None:
    """So many looks, each as soon as it can be."""
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        group.create_task(outbox.run())
        for _ in range(times):
            await errands.looks.get()
            await asyncio.sleep(0)
            errands.stirred.set()
        outbox.close()


async def test_look_that_fails_is_not_the_last_one() -> None:
    errands, seen = Errands(RuntimeError("a bug"), Unavailable("registry", "locked")), Seen()
    await looked(errands, outbox_of(errands, seen), 3)
    assert seen == ["errands_unread", "errands_unread"]


async def test_errand_that_cannot_be_claimed_is_tried_again_after_a_pause() -> None:
    errands, seen = Errands(is_open=True), Seen()
    await looked(errands, outbox_of(errands, seen), 20)
    assert errands.claims == 1
    assert seen.count("errand_failed") == 1


async def test_one_party_that_hangs_holds_up_no_other() -> None:
    errands = Waiting(*(f"bad/{number}" for number in range(40)), "good/1")
    async with running(errands):
        assert await errands.next(2) == ["bad/0", "good/1"]
        errands.held["good/1"].set()
        errands.keys.append("good/2")
        assert await errands.next() == ["good/2"]
        assert errands.begun.empty()


async def test_parties_take_turns_when_all_places_are_taken() -> None:
    bad = [f"bad-{party}/{number}" for party in range(AT_ONCE) for number in range(10)]
    errands = Waiting(*bad, "good/1")
    async with running(errands):
        first = await errands.next(AT_ONCE)
        assert first == [f"bad-{party}/0" for party in range(AT_ONCE)]
        errands.held["bad-2/0"].set()
        assert await errands.next() == ["good/1"]
        errands.held["good/1"].set()
        assert await errands.next() == ["bad-2/1"]


async def test_errands_of_one_party_are_carried_one_after_another() -> None:
    errands = Waiting("one/1", "one/2", "one/3")
    async with running(errands):
        for number in (1, 2, 3):
            assert await errands.next() == [f"one/{number}"]
            assert errands.begun.empty()
            errands.held[f"one/{number}"].set()


async def test_what_waits_for_a_server_that_was_taken_away_is_told_once_and_left_alone() -> None:
    errands, seen, health = Errands(is_open=True), Seen(), Health(SystemClock())
    await looked(errands, outbox_of(errands, seen, has_server=False, health=health), 3)
    assert (errands.claims, seen) == (0, ["errands_stranded"])
    [told] = health.conditions
    assert (told.component, told.ok) == (outbox_part("uk"), True)
    assert "1 not told, 1 of them of pending clients" in told.reason
