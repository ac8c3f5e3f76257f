"""The outbox goes on, whatever goes wrong in it."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

from dcrgw.adapters.clock import SystemClock
from dcrgw.adapters.sqlite.errands import Outlook
from dcrgw.app.outbox import Outbox
from dcrgw.edge.health import Health
from dcrgw.errors import Unavailable


class Errands:
    """None is open, or one that nobody can claim; the first looks fail."""

    def __init__(self, *failures: Exception, is_open: bool = False) -> None:
        self.stirred = asyncio.Event()
        self.looks: asyncio.Queue[None] = asyncio.Queue()
        self.claims = 0
        self._failures, self._is_open = list(failures), is_open

    def outlook(self) -> tuple[Outlook, ...]:
        self.looks.put_nowait(None)
        if self._failures:
            raise self._failures.pop(0)
        return (Outlook("uk", 1, 0.0, 0.0),) if self._is_open else ()

    def due(self, market: str, limit: int) -> tuple[str, ...]:
        return ("key-1",)

    async def claim(self, key: str, lasts_s: float) -> None:
        self.claims += 1
        raise Unavailable("registry", "disk full")


class Seen(list[str]):
    """The names of the events."""

    def __call__(self, event: str, /, **told: Any) -> None:
        self.append(event)


def outbox_of(errands: Any, seen: Seen) -> Outbox:
    clock = SystemClock()
    generation: Any = SimpleNamespace(materials=SimpleNamespace(markets={}), in_use=nullcontext, number=1)
    return Outbox(errands, lambda: generation, clock, Health(clock), seen)


async def looked(errands: Errands, outbox: Outbox, times: int) -> None:
    """So many looks, each as soon as it can be."""
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
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
