"""The outbox goes on, whatever goes wrong in it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from dcrgw.adapters.clock import SystemClock
from dcrgw.app.outbox import Outbox
from dcrgw.edge.health import Health
from dcrgw.errors import Unavailable


class Errands:
    """None is open; the first looks fail."""

    def __init__(self, *failures: Exception) -> None:
        self.stirred = asyncio.Event()
        self.looks: asyncio.Queue[None] = asyncio.Queue()
        self._failures = list(failures)

    def outlook(self) -> tuple[()]:
        self.looks.put_nowait(None)
        if self._failures:
            raise self._failures.pop(0)
        return ()


async def test_look_that_fails_is_not_the_last_one() -> None:
    errands: Any = Errands(RuntimeError("a bug"), Unavailable("registry", "locked"))
    seen: list[tuple[str, dict[str, Any]]] = []
    clock = SystemClock()
    generation: Any = SimpleNamespace(materials=SimpleNamespace(markets={}))
    outbox = Outbox(errands, lambda: generation, clock, Health(clock), lambda event, **told: seen.append((event, told)))
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(outbox.run())
        for _ in range(3):
            await errands.looks.get()
            errands.stirred.set()
        outbox.close()
    assert [event for event, _ in seen] == ["errands_unread", "errands_unread"]
