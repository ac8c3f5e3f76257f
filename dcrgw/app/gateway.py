"""One running gateway: started whole or not at all, and changed while it runs, whole or not at all."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, nullcontext, suppress
from dataclasses import dataclass, field

from dcrgw.adapters.clock import SystemClock
from dcrgw.adapters.sealer import Sealer
from dcrgw.adapters.sqlite.registry import SqliteRegistry
from dcrgw.app.deciding import decisions_of
from dcrgw.app.generation import Generation, Lasting
from dcrgw.app.naming import Names
from dcrgw.app.outbox import Outbox
from dcrgw.app.reloading import COMPONENT, Reloading
from dcrgw.app.scripting import Scripting
from dcrgw.config.loading import load
from dcrgw.config.model import Settings
from dcrgw.core.checks import Report
from dcrgw.edge.drain import noted_signals, serve_until_signal
from dcrgw.edge.events import log_event
from dcrgw.edge.health import Health
from dcrgw.edge.listeners import Listener
from dcrgw.endpoints.recent import Recent
from dcrgw.endpoints.reloading import Reloaded
from dcrgw.materials import Materials, open_materials
from dcrgw.materials.watching import digests, watched_files


@dataclass(slots=True)
class Gateway:
    """What was started. `addresses` are listener name -> (host, port) as bound, for a socket file (path, 0)."""

    health: Health
    recent: Recent
    scripts: Scripting
    #: What serves, by name. A new generation changes what they serve, never where.
    listeners: dict[str, Listener] = field(default_factory=dict)
    addresses: dict[str, tuple[str, int]] = field(default_factory=dict)
    _sealer: Sealer = field(default_factory=lambda: Sealer([]), repr=False)
    _reloading: Reloading | None = field(default=None, repr=False)
    _watch: asyncio.Task[None] | None = field(default=None, repr=False)
    _outbox: Outbox | None = field(default=None, repr=False)
    _carrying: asyncio.Task[None] | None = field(default=None, repr=False)
    _opened: AsyncExitStack = field(default_factory=AsyncExitStack, repr=False)

    @property
    def materials(self) -> Materials:
        """What the serving generation was made of."""
        return self._serving.generation.materials

    @property
    def generation(self) -> int:
        """The number of the serving generation."""
        return self._serving.generation.number

    @property
    def reports(self) -> list[Report]:
        """The reports of the last decisions, newest last."""
        return [report for report, _ in self.recent.kept]

    async def reload(self, anyway: bool = False) -> Reloaded:
        """Read the configuration and its files anew; serve them if they are good, else tell why not.

        `anyway`: also where recorded decisions would change.
        """
        return await self._serving.reload(anyway)

    async def serve_until_signal(self, arrived: asyncio.Semaphore | None = None) -> bool:
        """Serve until SIGTERM or SIGINT, then drain. True when every request that had begun got its answer.

        SIGHUP reads everything anew. `arrived` is from `edge.drain.noted_signals`, for who listens to signals since
        before the start.
        """
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self._serving.poke)
        try:
            with noted_signals() if arrived is None else nullcontext(arrived) as signals:
                await signals.acquire()
                # Put back for who drains: only now is it known which generation's limits hold.
                signals.release()
                orderly = await self._drain(signals)
                await self._settle_errands()
        finally:
            loop.remove_signal_handler(signal.SIGHUP)
        await self._close()
        return orderly

    async def stop(self) -> None:
        """End now; requests under way are cancelled."""
        for listener in self.listeners.values():
            await listener.close()
        await self._close()

    async def _drain(self, signals: asyncio.Semaphore) -> bool:
        limits = self.materials.settings.limits
        return await serve_until_signal(
            [each for name, each in self.listeners.items() if name != "health"],
            self.health,
            drain_delay_s=limits.drain_delay_s,
            drain_s=limits.drain_s,
            probes=[each for name, each in self.listeners.items() if name == "health"],
            arrived=signals,
        )

    async def _settle_errands(self) -> None:
        """What authorization servers are being told now is told to its end, within the time that a drain may take."""
        if self._outbox is not None and self._carrying is not None:
            self._outbox.close()
            await asyncio.wait((self._carrying,), timeout=self.materials.settings.limits.drain_s)

    async def _close(self) -> None:
        for task in (self._watch, self._carrying):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        if self._reloading is not None:
            await self._reloading.generation.parts.close()
        await self._opened.aclose()

    @property
    def _serving(self) -> Reloading:
        assert self._reloading is not None, "the gateway has not started"
        return self._reloading

    def _swap(self, fresh: Generation) -> None:
        self._sealer.renew(fresh.materials.sealing_keys)
        self.scripts.follow(fresh.materials)
        self.health.adopt(fresh.parts.healths)
        for name, listener in fresh.listeners.items():
            self.listeners[name].become(listener)
        if self._outbox is not None:
            self._outbox.look()


async def start(
    settings: Settings,
    *,
    monotonic: Callable[[], float] = time.monotonic,
    read: Callable[[], Settings] | None = None,
) -> Gateway:
    """A serving gateway. `monotonic` is the clock of what was fetched: how old it is, and when to ask again.

    `read` gives the settings anew for a change while it runs; they are the file's unless it says otherwise.
    Raises: Misconfigured (with every fault that the settings show) or Unavailable; then nothing is left running.
    """
    clock = SystemClock()
    async with AsyncExitStack() as opened:
        # Before any secret is read: what scripts' processes are forked from has never seen one.
        scripts = Scripting(settings, clock, log_event)
        opened.push_async_callback(scripts.close)
        seen = await asyncio.to_thread(digests, watched_files(settings))
        # Keystores stretch their passwords: that would stop a loop that already serves something.
        materials = await asyncio.to_thread(open_materials, settings, clock.now())
        gateway = Gateway(Health(clock, expected=["registry", COMPONENT]), Recent(), scripts)
        gateway._sealer.renew(materials.sealing_keys)
        registry = await _registry(materials, gateway, clock, opened)
        names = Names(scripts.host)
        decisions = await decisions_of(
            materials, gateway._sealer, gateway.recent, gateway.health, opened, names, scripts.hidden
        )
        gatekeeper = await scripts.serve(materials, registry.scripts, gateway.health, decisions)
        lasting = Lasting(
            clock,
            monotonic,
            gateway.health,
            gateway.recent,
            decisions,
            registry,
            scripts,
            gateway._sealer,
            gateway.reload,
            names,
        )
        first = await Generation.build(1, materials, lasting, None)
        opened.push_async_callback(first.parts.close)
        gateway.health.adopt(first.parts.healths)
        reading = read or (lambda: load(settings.source))
        gateway._reloading = Reloading(first, seen, lasting, reading, gateway._swap, gatekeeper.configuration)
        for listener in first.listeners.values():
            gateway.addresses[listener.name] = await listener.start()
            opened.push_async_callback(listener.close)
            gateway.listeners[listener.name] = listener
        gateway.health.set(COMPONENT, True, "generation 1")
        # The two tasks of a gateway: kept here, and the group within keeps those of old generations.
        gateway._watch = asyncio.get_running_loop().create_task(gateway._reloading.watch(), name="watch for changes")
        gateway._outbox = Outbox(registry.errands, lambda: gateway._serving.generation, clock, gateway.health)
        gateway._carrying = asyncio.get_running_loop().create_task(gateway._outbox.run(), name="outbox")
        gateway._opened = opened.pop_all()
    return gateway


async def _registry(
    materials: Materials, gateway: Gateway, clock: SystemClock, opened: AsyncExitStack
) -> SqliteRegistry:
    registry = await opened.enter_async_context(
        SqliteRegistry.open(
            materials.settings.registry.path,
            sealer=gateway._sealer,
            clock=clock,
            on_health=lambda ok, reason: gateway.health.set("registry", ok, reason),
        )
    )
    gateway.health.set("registry", True, "")
    return registry
