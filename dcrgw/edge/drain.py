"""From SIGTERM to the last answer: not ready, wait, stop accepting, finish, close."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager, nullcontext

from dcrgw.edge.events import Sink, log_event
from dcrgw.edge.health import Health
from dcrgw.edge.listeners import Listener

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


async def serve_until_signal(
    listeners: Sequence[Listener],
    health: Health,
    *,
    drain_delay_s: float,
    drain_s: float,
    probes: Sequence[Listener] = (),
    arrived: asyncio.Semaphore | None = None,
    on_event: Sink = log_event,
) -> bool:
    """Wait for SIGTERM or SIGINT, then drain. True when every request that had begun got its answer.

    The listeners are started by the caller. `probes` are those that tell about health: they go on
    answering to the end. A second signal ends the waiting and cuts what is left. `arrived` is from
    `noted_signals`, for who listens to signals already.
    """
    with noted_signals() if arrived is None else nullcontext(arrived) as signals:
        await signals.acquire()
        on_event("draining", delay_s=drain_delay_s, limit_s=drain_s)
        orderly = await _unless(signals, _drain(listeners, health, drain_delay_s, drain_s))
    for listener in (*listeners, *probes):
        await listener.close()
    on_event("drained" if orderly else "drain_forced")
    return orderly


async def _drain(listeners: Sequence[Listener], health: Health, drain_delay_s: float, drain_s: float) -> bool:
    health.drain()
    # Whoever balances the load needs time to see it before connections are refused.
    await asyncio.sleep(drain_delay_s)
    async with asyncio.TaskGroup() as group:
        drains = [group.create_task(listener.drain(drain_s)) for listener in listeners]
    return all(drain.result() for drain in drains)


async def _unless(arrived: asyncio.Semaphore, work: Coroutine[None, None, bool]) -> bool:
    """The result of `work`, or False when another signal arrives first."""
    async with asyncio.TaskGroup() as group:
        working = group.create_task(work)
        second = group.create_task(arrived.acquire())
        await asyncio.wait((working, second), return_when=asyncio.FIRST_COMPLETED)
        working.cancel()
        second.cancel()
    return not working.cancelled() and working.result()


@contextmanager
def noted_signals() -> Iterator[asyncio.Semaphore]:
    """A semaphore that every SIGTERM and SIGINT releases once; neither ends the process meanwhile."""
    loop = asyncio.get_running_loop()
    arrived = asyncio.Semaphore(0)
    for number in _SIGNALS:
        loop.add_signal_handler(number, arrived.release)
    try:
        yield arrived
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
