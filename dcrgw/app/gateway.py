"""One running gateway: started whole or not at all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from cryptography import x509

from dcrgw.adapters.clock import SystemClock
from dcrgw.adapters.keystores import KeyPair, install
from dcrgw.adapters.randomness import SystemRandomness
from dcrgw.adapters.sealer import Sealer
from dcrgw.adapters.signers import KeystoreSigner, StoredSigner
from dcrgw.adapters.sqlite.registry import SqliteRegistry
from dcrgw.app import outgoing
from dcrgw.app.administration import admin_listeners
from dcrgw.config.model import ServerListener, Settings
from dcrgw.core.checks import Report
from dcrgw.core.market import Market
from dcrgw.edge.drain import serve_until_signal
from dcrgw.edge.exchange import Handler
from dcrgw.edge.health import Health
from dcrgw.edge.limits import Limits
from dcrgw.edge.listeners import Listener
from dcrgw.edge.tls import server_context
from dcrgw.endpoints.discovery import DiscoveryEndpoint, KeysEndpoint
from dcrgw.endpoints.health import health_endpoint
from dcrgw.endpoints.register import Recent, RegisterEndpoint, register_without_certificate
from dcrgw.endpoints.routes import Dispatcher, Endpoint, MarketMap
from dcrgw.endpoints.token import TokenEndpoint, token_without_certificate
from dcrgw.errors import ErrorCode
from dcrgw.materials import Materials, open_materials
from dcrgw.ports import Ports
from dcrgw.ports.signer import Signer
from dcrgw.scripting.host import InProcessScripts
from dcrgw.scripting.loader import ScriptSetting, load_script


@dataclass(slots=True)
class Gateway:
    """What was started. `addresses` are listener name -> (host, port) as bound, for a socket file (path, 0)."""

    materials: Materials
    health: Health
    recent: Recent
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
    # Keystores stretch their passwords: that would stop a loop that already serves something.
    materials = await asyncio.to_thread(open_materials, settings, clock.now())
    async with AsyncExitStack() as opened:
        health = Health(clock, expected=["registry", *(f"keys of {name}" for name in materials.directories)])
        registry = await _registry(materials, clock, health, opened)
        ports = await _ports(materials, registry, clock, monotonic, health, opened)
        recent = Recent()
        signer = await _signer(materials, clock, opened)
        gateway = Gateway(materials, health, recent, [], [], {}, AsyncExitStack())
        serving = _serving(list(materials.markets.values()), ports, signer, recent)
        admin = admin_listeners(materials.admin, ports, registry, _limits(settings))
        for listener in (*_listeners(materials, serving, health), *admin):
            gateway.addresses[listener.name] = await listener.start()
            opened.push_async_callback(listener.close)
            (gateway.probes if listener.name == "health" else gateway.listeners).append(listener)
        gateway._opened = opened.pop_all()
    return gateway


def _serving(markets: list[Market], ports: Ports, signer: Signer | None, recent: Recent) -> dict[str, Handler]:
    """The handlers of the TLS listeners. Below base_url over mutual TLS, below the issuer without."""
    keys: dict[str, Endpoint] = {"jwks": KeysEndpoint(signer)} if signer is not None else {}
    return {
        "mtls": Dispatcher(
            MarketMap((market.base_url, market) for market in markets),
            {
                "register": RegisterEndpoint(ports, recent),
                "token": TokenEndpoint(ports, recent),
                ".well-known": DiscoveryEndpoint(signer, public=False),
                **keys,
            },
        ),
        "public": Dispatcher(
            MarketMap((market.issuer, market) for market in markets),
            {
                "register": register_without_certificate,
                "token": token_without_certificate,
                ".well-known": DiscoveryEndpoint(signer, public=True),
                **keys,
            },
        ),
    }


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
    clock: SystemClock,
    monotonic: Callable[[], float],
    health: Health,
    opened: AsyncExitStack,
) -> Ports:
    scripts = InProcessScripts([load_script(each, now=clock.now()) for each in _scripts(materials)])
    opened.callback(scripts.close)
    return Ports(
        clock=clock,
        randomness=SystemRandomness(),
        keysets=await outgoing.key_sets(materials, monotonic, health, opened),
        directories=outgoing.directories(materials, monotonic, opened),
        scripts=scripts,
        registry=registry,
    )


def _scripts(materials: Materials) -> Iterator[ScriptSetting]:
    for each in materials.settings.scripts:
        if each.enabled:
            properties = materials.script_properties[each.name]
            yield ScriptSetting(
                name=each.name,
                file=each.file,
                type=each.type,
                level=each.level,
                properties={name: value.get_secret_value() for name, value in properties.items()},
                markets=frozenset(each.markets),
            )


def _listeners(materials: Materials, serving: Mapping[str, Handler], health: Health) -> Iterator[Listener]:
    """The listeners of the settings, not yet started."""
    settings = materials.settings
    # The handshake admits every market's anchors, with the intermediates that TPPs may leave out (OpenSSL builds a
    # path through its own store); each request is judged by its own market's.
    anchors = [anchor for market in materials.markets.values() for anchor in market.anchors.certificates]
    yield _tls_listener("mtls", settings.listeners.mtls, materials.mtls, anchors, serving["mtls"], materials)
    if settings.listeners.public is not None and materials.public is not None:
        public = settings.listeners.public
        yield _tls_listener("public", public, materials.public, None, serving["public"], materials)
    if settings.listeners.health is not None:
        probe = settings.listeners.health
        yield Listener(
            "health",
            health_endpoint(health),
            host=probe.host,
            port=probe.port,
            limits=_limits(settings),
            malformed=ErrorCode.INVALID_REQUEST,
        )


def _tls_listener(
    name: str,
    listener: ServerListener,
    pair: KeyPair,
    anchors: list[x509.Certificate] | None,
    handler: Handler,
    materials: Materials,
) -> Listener:
    context = server_context(
        lambda context: install(context, pair), client_anchors=anchors, minimum=listener.minimum_tls
    )
    urls = [url for market in materials.markets.values() for url in (market.base_url, market.issuer)]
    hosts = frozenset(urlsplit(url).hostname or "" for url in urls)
    return Listener(
        name,
        handler,
        host=listener.host,
        port=listener.port,
        limits=_limits(materials.settings),
        ssl_context=context,
        hosts=hosts,
    )


def _limits(settings: Settings) -> Limits:
    limits = settings.limits
    return Limits(
        handshake_s=limits.handshake_s,
        header_s=limits.header_s,
        body_s=limits.body_s,
        idle_s=limits.idle_s,
        body_bytes=limits.body_bytes,
        header_bytes=limits.header_bytes,
        connections_per_ip=limits.connections_per_ip,
    )
