"""The listeners that TPPs, the public and probes reach: what each serves, and how far it lets anyone go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from cryptography import x509

from dcrgw.adapters.attempts import AttemptLimits, Attempts
from dcrgw.adapters.crowd import Crowd
from dcrgw.adapters.keystores import KeyPair, install
from dcrgw.config.model import Settings
from dcrgw.config.sections.listeners import ServerListener
from dcrgw.core.market import Market
from dcrgw.edge.exchange import Handler
from dcrgw.edge.forwarded import Hop, behind_proxy
from dcrgw.edge.health import Health
from dcrgw.edge.limits import Limits
from dcrgw.edge.listeners import Listener
from dcrgw.edge.tls import server_context
from dcrgw.endpoints.authorize import AuthorizeEndpoint, Bounds
from dcrgw.endpoints.discovery import DiscoveryEndpoint, KeysEndpoint, Readable, own_document, own_keys
from dcrgw.endpoints.forwarded import KeysBehind, documents_behind, forwarded_endpoints
from dcrgw.endpoints.health import health_endpoint
from dcrgw.endpoints.pages import Pages
from dcrgw.endpoints.pages_behind import AuthorizeBehind, EndSessionBehind, PagesBehind
from dcrgw.endpoints.passing import Passing
from dcrgw.endpoints.register import Recent, RegisterEndpoint, register_without_certificate
from dcrgw.endpoints.reports import ReportsEndpoint
from dcrgw.endpoints.routes import Dispatcher, Endpoint, MarketMap, Service
from dcrgw.endpoints.token import form_endpoints, without_certificate
from dcrgw.errors import ErrorCode
from dcrgw.materials import Materials
from dcrgw.materials.proxied import ProxiedMaterials
from dcrgw.materials.self_signed import SelfSignedMaterials
from dcrgw.ports import Ports
from dcrgw.ports.clock import Clock
from dcrgw.ports.decisions import Decisions
from dcrgw.ports.pages import Pages as Door
from dcrgw.ports.signer import Signer


def bounds(settings: Settings) -> Bounds:
    """What counts strangers' requests, and the sign-ins that failed."""
    consent = settings.consent
    limits = AttemptLimits(consent.attempts, consent.attempts_of_network, consent.attempts_s)
    return Bounds(Attempts(limits), Crowd(consent.waiting))


def authorize_endpoint(settings: Settings, ports: Ports, recent: Recent, counted: Bounds) -> AuthorizeEndpoint:
    """The pages on which customers decide; markets that ask nobody do not show them."""
    return AuthorizeEndpoint(ports, recent, _pages(settings), counted)


def _pages(settings: Settings) -> Pages:
    return Pages(settings.consent.bank_name, is_sandbox=settings.is_sandbox)


def handlers(
    materials: Materials,
    ports: Ports,
    signer: Signer | None,
    recent: Recent,
    authorize: AuthorizeEndpoint,
    decisions: Decisions,
    behind: Behind,
) -> dict[str, Handler]:
    """The handlers of the TLS listeners. Below base_url over mutual TLS, below the issuer without."""
    markets = materials.markets.values()
    built_in = _built_in(ports, signer, recent, authorize)
    forwarded = _forwarded(ports, recent, behind)
    register: dict[str, Endpoint] = {"register": RegisterEndpoint(ports, recent)}
    reports: dict[str, Endpoint] = {"reports": ReportsEndpoint(decisions, ports.clock)}

    def over_mutual_tls(kind: _Kind) -> Service:
        return Service({**register, **kind.forms, **reports, **kind.documents(public=False)})

    def without(kind: _Kind) -> Service:
        refused: dict[str, Endpoint] = {"register": register_without_certificate}
        refused |= dict.fromkeys(kind.forms, without_certificate)
        return Service({**refused, **kind.for_people, **kind.documents(public=True)}, kind.pages)

    def self_signed(kind: _Kind) -> Service:
        # A self-signed certificate is no identity: nothing is registered, read or changed here.
        return Service({**kind.forms, **reports})

    def dispatcher(urls: Iterable[tuple[str, Market]], service: Callable[[_Kind], Service]) -> Dispatcher:
        return Dispatcher(MarketMap(urls), service(built_in), decisions, forwarded=service(forwarded))

    lodged = _self_signed_markets(materials.self_signed)
    return {
        "mtls": dispatcher([(market.base_url, market) for market in markets], over_mutual_tls),
        "public": dispatcher([(market.issuer, market) for market in markets], without),
        "self_signed": dispatcher([(market.base_url, market) for market in lodged], self_signed),
    }


@dataclass(frozen=True, slots=True)
class _Kind:
    """What one kind of market serves: with the built-in authorization server, or with one behind.

    `for_people` are reached without certificates only: over mutual TLS a browser would ask its owner for one.
    """

    forms: Mapping[str, Endpoint]
    for_people: Mapping[str, Endpoint]
    document: Readable
    keys: Readable | None
    pages: Endpoint | None = None

    def documents(self, *, public: bool) -> dict[str, Endpoint]:
        """What everybody may read."""
        keys: dict[str, Endpoint] = {"jwks": KeysEndpoint(self.keys)} if self.keys is not None else {}
        return {".well-known": DiscoveryEndpoint(self.document, public=public), **keys}


def _built_in(ports: Ports, signer: Signer | None, recent: Recent, authorize: AuthorizeEndpoint) -> _Kind:
    return _Kind(
        forms=form_endpoints(ports, recent),
        for_people={"authorize": authorize},
        document=own_document(signer, ports.details),
        keys=own_keys(signer) if signer is not None else None,
    )


@dataclass(frozen=True, slots=True)
class Behind:
    """What markets with an authorization server behind need besides: its pages, ours for failures, and a clock."""

    passing: Passing
    pages: Pages
    crowd: Crowd
    monotonic: Callable[[], float]


def behind(settings: Settings, ports: Ports, door: Door, crowd: Crowd, monotonic: Callable[[], float]) -> Behind:
    """What passes pages on."""
    # A third of its connections: what one network asks of pages leaves others some, also where all have one address.
    each = max(1, settings.limits.connections_per_ip // 3)
    passing = Passing(door, ports.registry, idle_s=settings.limits.idle_s, each=each)
    return Behind(passing, _pages(settings), crowd, monotonic)


def _forwarded(ports: Ports, recent: Recent, behind: Behind) -> _Kind:
    visited = (ports, recent, behind.pages, behind.passing)
    return _Kind(
        forms=forwarded_endpoints(ports, recent),
        for_people={"authorize": AuthorizeBehind(*visited, behind.crowd), "end-session": EndSessionBehind(*visited)},
        document=documents_behind(ports),
        keys=KeysBehind(ports, behind.monotonic),
        pages=PagesBehind(*visited),
    )


def _self_signed_markets(self_signed: SelfSignedMaterials | None) -> tuple[Market, ...]:
    return self_signed.markets if self_signed is not None else ()


def listeners(materials: Materials, serving: Mapping[str, Handler], health: Health, clock: Clock) -> Iterator[Listener]:
    """The listeners of the settings, not yet started."""
    settings = materials.settings
    # The handshake admits every market's anchors, with the intermediates that TPPs may leave out (OpenSSL builds a
    # path through its own store); each request is judged by its own market's.
    anchors = [anchor for market in materials.markets.values() for anchor in market.anchors.certificates]
    yield _tls_listener("mtls", settings.listeners.mtls, materials.mtls, anchors, serving["mtls"], materials)
    if materials.proxied is not None:
        yield _proxied_listener(materials.proxied, serving["mtls"], materials, clock)
    if materials.self_signed is not None:
        lodged = materials.self_signed
        certificates = list(lodged.certificates)
        yield _tls_listener(
            "self_signed",
            lodged.listener,
            lodged.pair,
            certificates,
            serving["self_signed"],
            materials,
            leaves_are_anchors=True,
        )
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
            limits=http_limits(settings),
            malformed=ErrorCode.INVALID_REQUEST,
        )


def _proxied_listener(proxied: ProxiedMaterials, handler: Handler, materials: Materials, clock: Clock) -> Listener:
    settings, pair, anchors = proxied.listener, proxied.pair, proxied.anchors
    hop = Hop(anchors, frozenset(settings.proxy_names), settings.proxy_networks)
    context = None
    if pair is not None:
        context = server_context(
            lambda context: install(context, pair),
            client_anchors=anchors.certificates if anchors else None,
            minimum=settings.minimum_tls,
        )
    return Listener(
        "proxied",
        behind_proxy(handler, hop, proxied.form, proxied.headers, clock, hops=settings.hops),
        host=settings.host,
        port=settings.port,
        limits=replace(
            http_limits(materials.settings),
            connections_per_ip=settings.connections,
            header_bytes=settings.header_bytes,
            field_bytes=settings.header_bytes,
        ),
        ssl_context=context,
        hosts=_hosts(materials),
    )


def _hosts(materials: Materials) -> frozenset[str]:
    """The names that an absolute request target may have."""
    urls = [url for market in materials.markets.values() for url in (market.base_url, market.issuer)]
    urls += [market.base_url for market in _self_signed_markets(materials.self_signed)]
    return frozenset(urlsplit(url).hostname or "" for url in urls)


def _tls_listener(
    name: str,
    listener: ServerListener,
    pair: KeyPair,
    anchors: list[x509.Certificate] | None,
    handler: Handler,
    materials: Materials,
    *,
    leaves_are_anchors: bool = False,
) -> Listener:
    context = server_context(
        lambda context: install(context, pair),
        client_anchors=anchors,
        minimum=listener.minimum_tls,
        leaves_are_anchors=leaves_are_anchors,
    )
    return Listener(
        name,
        handler,
        host=listener.host,
        port=listener.port,
        limits=http_limits(materials.settings),
        ssl_context=context,
        hosts=_hosts(materials),
    )


def http_limits(settings: Settings) -> Limits:
    """The settings' limits, as the edge takes them."""
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
