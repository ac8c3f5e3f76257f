"""One running gateway: started whole or not at all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from dcrgw.adapters.clock import SystemClock
from dcrgw.adapters.customers import FileCustomers
from dcrgw.adapters.randomness import SystemRandomness
from dcrgw.adapters.sealer import Sealer
from dcrgw.adapters.signers import KeystoreSigner, StoredSigner
from dcrgw.adapters.sqlite.registry import SqliteRegistry
from dcrgw.app import outgoing
from dcrgw.app.administration import admin_listeners
from dcrgw.app.deciding import decisions_of
from dcrgw.app.listening import authorize_endpoint, handlers, http_limits, listeners
from dcrgw.app.scripting import Scripting
from dcrgw.config.model import Settings
from dcrgw.core.checks import Report
from dcrgw.edge.drain import serve_until_signal
from dcrgw.edge.events import log_event
from dcrgw.edge.health import Health
from dcrgw.edge.listeners import Listener
from dcrgw.endpoints.register import Recent
from dcrgw.flows.scripts import ScriptDesk
from dcrgw.materials import Materials, open_materials
from dcrgw.ports import Ports
from dcrgw.ports.signer import NoSigner, Signer


@dataclass(slots=True)
class Gateway:
    """What was started. `addresses` are listener name -> (host, port) as bound, for a socket file (path, 0)."""

    materials: Materials
    health: Health
    recent: Recent
    scripts: Scripting
    listeners: list[Listener]
    probes: list[Listener]
    addresses: dict[str, tuple[str, int]]
    _opened: AsyncExitStack = field(repr=False)

    @property
    def reports(self) -> list[Report]:
        """The reports of the last decisions, newest last."""
        return [report for report, _ in self.recent.kept]

    async def serve_until_signal(self, arrived: asyncio.Semaphore | None = None) -> bool:
        """Serve until SIGTERM or SIGINT, then drain. True when every request that had begun got its answer.

        `arrived` is from `edge.drain.noted_signals`, for who listens to signals since before the start.
        """
        limits = self.materials.settings.limits
        orderly = await serve_until_signal(
            self.listeners,
            self.health,
            drain_delay_s=limits.drain_delay_s,
            drain_s=limits.drain_s,
            probes=self.probes,
            arrived=arrived,
        )
        await self._opened.aclose()
        return orderly

    async def stop(self) -> None:
        """End now; requests under way are cancelled."""
        for listener in (*self.listeners, *self.probes):
            await listener.close()
        await self._opened.aclose()


async def start(settings: Settings, *, monotonic: Callable[[], float] = time.monotonic) -> Gateway:
    """A serving gateway. `monotonic` is the clock of what was fetched: how old it is, and when to ask again.

    Raises: Misconfigured (with every fault that the settings show) or Unavailable; then nothing is left running.
    """
    clock = SystemClock()
    async with AsyncExitStack() as opened:
        # Before any secret is read: what scripts' processes are forked from has never seen one.
        scripts = Scripting(settings, clock, log_event)
        opened.push_async_callback(scripts.close)
        # Keystores stretch their passwords: that would stop a loop that already serves something.
        materials = await asyncio.to_thread(open_materials, settings, clock.now())
        health = Health(clock, expected=["registry", *_expected_keys(materials)])
        registry = await _registry(materials, clock, health, opened)
        await scripts.serve(materials, registry.scripts, health)
        signer = await _signer(materials, clock, opened)
        ports = await _ports(materials, registry, signer, clock, monotonic, health, opened, scripts)
        recent = Recent()
        decisions = await decisions_of(materials, recent, health, opened)
        authorize = authorize_endpoint(settings, ports, recent)
        opened.push_async_callback(authorize.close)
        gateway = Gateway(materials, health, recent, scripts, [], [], {}, AsyncExitStack())
        serving = handlers(list(materials.markets.values()), ports, signer, recent, authorize, decisions)
        desk = ScriptDesk(registry.scripts, scripts.keeper, clock, scripts.host)
        admin = admin_listeners(materials.admin, ports, registry, decisions, desk, http_limits(settings))
        for listener in (*listeners(materials, serving, health), *admin):
            gateway.addresses[listener.name] = await listener.start()
            opened.push_async_callback(listener.close)
            (gateway.probes if listener.name == "health" else gateway.listeners).append(listener)
        gateway._opened = opened.pop_all()
    return gateway


def _expected_keys(materials: Materials) -> list[str]:
    """What must be usable before we are ready: the key sets of directories that publish theirs."""
    directories = materials.directories.items()
    return [f"keys of {name}" for name, directory in directories if directory.settings.keys == "endpoint"]


async def _signer(materials: Materials, clock: SystemClock, opened: AsyncExitStack) -> Signer | None:
    """Our signature keys: the operator's own, or ours in the registry; none where they could not be sealed."""
    alg = materials.settings.signing.alg
    if materials.signing_key is not None:
        return KeystoreSigner(materials.signing_key, alg)
    if not materials.sealing_keys:
        return None
    sealer = Sealer(materials.sealing_keys)
    path = materials.settings.registry.path
    return await opened.enter_async_context(StoredSigner.open(path, sealer=sealer, clock=clock, alg=alg))


async def _registry(materials: Materials, clock: SystemClock, health: Health, opened: AsyncExitStack) -> SqliteRegistry:
    registry = await opened.enter_async_context(
        SqliteRegistry.open(
            materials.settings.registry.path,
            sealer=Sealer(materials.sealing_keys),
            clock=clock,
            on_health=lambda ok, reason: health.set("registry", ok, reason),
        )
    )
    health.set("registry", True, "")
    return registry


async def _ports(
    materials: Materials,
    registry: SqliteRegistry,
    signer: Signer | None,
    clock: SystemClock,
    monotonic: Callable[[], float],
    health: Health,
    opened: AsyncExitStack,
    scripts: Scripting,
) -> Ports:
    return Ports(
        clock=clock,
        randomness=SystemRandomness(),
        keysets=await outgoing.key_sets(materials, monotonic, health, opened),
        directories=outgoing.directories(materials, monotonic, opened),
        scripts=scripts.host,
        registry=registry,
        grants=registry.grants,
        signer=signer or NoSigner(),
        http=outgoing.http(materials, opened),
        customers=FileCustomers(materials.customers),
    )
