"""One generation: all that follows from one reading of the configuration and the files that it names.

It is built off to the side and tried against itself; then listeners serve it from one request to the next. Requests
that began under it end under it, and the last of them closes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field

from aiohttp import web

from dcrgw.adapters.crowd import Crowd
from dcrgw.adapters.customers import FileCustomers
from dcrgw.adapters.keystores import PrivateKey
from dcrgw.adapters.randomness import SystemRandomness
from dcrgw.adapters.sealer import Sealer, key_id
from dcrgw.adapters.signers import KeystoreSigner, StoredSigner
from dcrgw.adapters.sqlite.registry import SqliteRegistry
from dcrgw.app import outgoing
from dcrgw.app.administration import admin_listeners
from dcrgw.app.listening import authorize_endpoint, behind, bounds, handlers, http_limits, listeners
from dcrgw.app.naming import Names
from dcrgw.app.parts import Opener, Parts
from dcrgw.app.revocation import revocation
from dcrgw.app.scripting import Scripting
from dcrgw.app.upstreams import upstream_part, upstreams
from dcrgw.config.faults import ConfigFault, ConfigurationRefused
from dcrgw.edge.exchange import Exchange, Handler
from dcrgw.edge.health import Health
from dcrgw.edge.listeners import Listener
from dcrgw.edge.tls import rehearse
from dcrgw.endpoints.admin import Desks
from dcrgw.endpoints.authorize import AuthorizeEndpoint, Bounds
from dcrgw.endpoints.recent import Recent
from dcrgw.endpoints.reloading import Reload
from dcrgw.errors import Unavailable
from dcrgw.flows.reconcile import ReconcileDesk
from dcrgw.flows.scripts import ScriptDesk
from dcrgw.materials import Materials
from dcrgw.ports import Ports
from dcrgw.ports.clock import Clock
from dcrgw.ports.decisions import Decisions
from dcrgw.ports.signer import NoSigner, Signer
from dcrgw.scripting.detail_types import DetailTypes


@dataclass(frozen=True, slots=True)
class Lasting:
    """What outlives generations."""

    clock: Clock
    #: Monotonic seconds: how old it is what was fetched, and when to ask again.
    monotonic: Callable[[], float]
    health: Health
    recent: Recent
    decisions: Decisions
    registry: SqliteRegistry
    scripts: Scripting
    #: What an administrator's order to read everything anew calls.
    reload: Reload
    names: Names


@dataclass(slots=True)
class Generation:
    """`listeners` are by name, not started. Numbers count from 1, the start's."""

    number: int
    materials: Materials
    parts: Parts = field(repr=False)
    listeners: dict[str, Listener] = field(default_factory=dict, repr=False)
    ports: Ports = field(init=False, repr=False)
    _under_way: int = 0
    _unused: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    @classmethod
    async def build(cls, number: int, materials: Materials, lasting: Lasting, former: Generation | None) -> Generation:
        """A generation that works. Raises: Misconfigured, Unavailable; then nothing of it is left open."""
        generation = cls(number, materials, Parts(lasting.clock, former.parts if former is not None else None))
        generation._unused.set()
        async with AsyncExitStack() as failing:
            failing.push_async_callback(generation.parts.close)
            await generation._open(lasting)
            if former is not None:
                generation._demand_directories()
                generation._demand_upstreams()
            await generation._demand_sealing_keys(former.materials if former is not None else None, lasting)
            failing.pop_all()
        lasting.names.keep(number, materials)
        return generation

    async def retire(self) -> None:
        """Wait for the requests that began here, then let go of every part."""
        try:
            await self._unused.wait()
        finally:
            await self.parts.close()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Nothing of it is let go of meanwhile."""
        self._under_way += 1
        self._unused.clear()
        try:
            yield
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._unused.set()

    async def _open(self, lasting: Lasting) -> None:
        materials = self.materials
        signer = await self.parts.get("signer", _signer_is_made_of(materials), _signer_of(materials, lasting.clock))
        if signer is not None and materials.signing_key is not None:
            await _prove(signer)
        servers = await upstreams(materials, lasting.clock, lasting.monotonic, self.parts)
        ports = Ports(
            clock=lasting.clock,
            randomness=SystemRandomness(),
            keysets=await outgoing.key_sets(materials, lasting.monotonic, self.parts),
            directories=await outgoing.directories(materials, lasting.monotonic, self.parts),
            revocation=await revocation(materials, lasting.clock, self.parts),
            scripts=lasting.scripts.host,
            registry=lasting.registry,
            grants=lasting.registry.grants,
            signer=signer or NoSigner(),
            http=await outgoing.http(materials, self.parts),
            customers=await self.parts.get("customers", materials.customers, _customers_of(materials)),
            details=DetailTypes(lasting.scripts.host, materials.detail_types),
            upstream=servers,
            errands=lasting.registry.errands,
        )
        self.ports = ports
        authorize = await self.parts.get("authorize", object(), await self._pages(ports, lasting))
        crowd = await self.parts.get("asked", materials.settings.consent, self._crowd)
        passed = behind(materials.settings, ports, servers, crowd, lasting.monotonic)
        serving = handlers(materials, ports, signer, lasting.recent, authorize, lasting.decisions, passed)
        limits = http_limits(materials.settings)
        admin = admin_listeners(materials.admin, self._desks(ports, lasting), limits)
        for listener in (*listeners(materials, serving, lasting.health, lasting.clock), *admin):
            if listener.ssl_context is not None:
                # In a thread: a handshake takes milliseconds that requests should not wait for.
                await asyncio.to_thread(rehearse, listener.ssl_context)
            listener.around(self._counted)
            self.listeners[listener.name] = listener

    def _desks(self, ports: Ports, lasting: Lasting) -> Desks:
        keeper, host = lasting.scripts.keeper, lasting.scripts.host
        return Desks(
            ports,
            lasting.registry,
            lasting.decisions,
            ScriptDesk(lasting.registry.scripts, keeper, lasting.clock, host, ports),
            ReconcileDesk(self.materials.markets, ports, lasting.registry),
            lasting.reload,
        )

    async def _crowd(self, _opened: AsyncExitStack, _health: Health) -> Crowd:
        """Whose requests are remembered until their codes come back, through all generations."""
        return Crowd(self.materials.settings.consent.waiting)

    async def _pages(self, ports: Ports, lasting: Lasting) -> Opener[AuthorizeEndpoint]:
        """The pages are each generation's own; who failed to sign in too often stays so through all of them."""
        settings = self.materials.settings

        async def count(_opened: AsyncExitStack, _health: Health) -> Bounds:
            return bounds(settings)

        counted = await self.parts.get("strangers", settings.consent, count)

        async def open_(opened: AsyncExitStack, _health: Health) -> AuthorizeEndpoint:
            endpoint = authorize_endpoint(settings, ports, lasting.recent, counted)
            opened.push_async_callback(endpoint.close)
            return endpoint

        return open_

    def _counted(self, handler: Handler) -> Handler:
        async def serve(request: web.BaseRequest, exchange: Exchange) -> web.StreamResponse:
            exchange.generation = self.number
            with self.in_use():
                return await handler(request, exchange)

        return serve

    def _demand_directories(self) -> None:
        """A directory whose keys serve now must give them to the new settings too: or every TPP would be locked out."""
        for name in self.materials.directories:
            now, before = self.parts.health_of(outgoing.keys_part(name))
            if not now.ready and before is not None and before.ready:
                reason = next(each.reason for each in now.conditions if not each.ok)
                raise Unavailable(f"directory.{name}.keys", f"its key set is not to be had as configured now: {reason}")

    def _demand_upstreams(self) -> None:
        """An authorization server that serves now must answer under the new settings too."""
        for name in self.materials.upstreams:
            now, before = self.parts.health_of(upstream_part(name))
            if not now.ready and before is not None and before.ready:
                reason = next(each.reason for each in now.conditions if not each.ok)
                raise Unavailable(f"upstream.{name}", f"it is not to be had as configured now: {reason}")

    async def _demand_sealing_keys(self, former: Materials | None, lasting: Lasting) -> None:
        """A key that something is still sealed with cannot go, and cannot be away at a start.

        Its clients could not be read any more, and what was recorded would be lost in silence.
        """
        ours = {key_id(key) for key in self.materials.sealing_keys}
        if former is not None and {key_id(key) for key in former.sealing_keys} <= ours:
            return
        # At a start the registry is not gone through: with a million clients that would take its time.
        stored = await lasting.registry.sealed_with() - ours if former is not None else frozenset()
        recorded = await lasting.decisions.sealed_with() - ours
        if stored or recorded:
            of = " and ".join(what for what, ids in (("stored secrets", stored), ("decisions", recorded)) if ids)
            reason = f"lacks the key of id {', '.join(sorted(stored | recorded))}, with which {of} are sealed"
            fix = "keep it behind the new one" + ("" if stored else ", or begin a new record (recording.path)")
            raise ConfigurationRefused(
                self.materials.settings.source, [ConfigFault("registry.sealing_keys", reason, fix)]
            )


async def _prove(signer: Signer) -> None:
    """Raises: Misconfigured, Unavailable when the key does not sign."""
    await signer.sign({}, "dcrgw-rehearsal")


def _signer_is_made_of(materials: Materials) -> object:
    return materials.settings.signing, _public(materials.signing_key), materials.sealing_keys


def _public(key: PrivateKey | None) -> object:
    return key.public_key() if key is not None else None


def _signer_of(materials: Materials, clock: Clock) -> Opener[Signer | None]:
    async def open_(opened: AsyncExitStack, _health: Health) -> Signer | None:
        """Our signature keys: the operator's own, or ours in the registry; none where they could not be sealed."""
        alg = materials.settings.signing.alg
        if materials.signing_key is not None:
            return KeystoreSigner(materials.signing_key, alg)
        if not materials.sealing_keys:
            return None
        sealer = Sealer(materials.sealing_keys)
        path = materials.settings.registry.path
        return await opened.enter_async_context(StoredSigner.open(path, sealer=sealer, clock=clock, alg=alg))

    return open_


def _customers_of(materials: Materials) -> Opener[FileCustomers]:
    async def open_(_opened: AsyncExitStack, _health: Health) -> FileCustomers:
        # In a thread: it makes a password hash, which takes its time.
        return await asyncio.to_thread(FileCustomers, materials.customers)

    return open_
