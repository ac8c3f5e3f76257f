"""The authorization servers (AS) behind markets: one part each, so that a change of one leaves the others alone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

from pydantic import SecretStr

from dcrgw.adapters.upstream.discovery import Discovery
from dcrgw.adapters.upstream.registration import RegistrationDesk, RegistrationSettings
from dcrgw.adapters.upstream.server import Desk, Passing, Server
from dcrgw.adapters.upstream.servers import UpstreamServers
from dcrgw.adapters.upstream.tokens import Introspection, JudgedTokens, PublishedKeys, TokenSettings
from dcrgw.adapters.upstream.way import Bounds, Way
from dcrgw.app.outgoing import tls_context
from dcrgw.app.parts import Parts
from dcrgw.config.sections.upstream import UpstreamSettings
from dcrgw.core.certificates.forwarded import Form
from dcrgw.core.upstream.fields import Fields
from dcrgw.edge.health import Health
from dcrgw.errors import Misconfigured
from dcrgw.materials import Materials, UpstreamMaterials
from dcrgw.ports.clock import Clock


def upstream_part(market: str) -> str:
    """The name of the part that a market's AS is; its word to the health has the same."""
    return f"authorization server of {market}"


async def upstreams(
    materials: Materials, clock: Clock, monotonic: Callable[[], float], parts: Parts
) -> UpstreamServers:
    """Every market's own AS, its discovery document asked for.

    Raises: Misconfigured where another issuer answers. One that does not answer makes us not ready, and is waited for.
    """
    servers: dict[str, Server] = {}
    for name, each in materials.upstreams.items():

        async def open_(opened: AsyncExitStack, health: Health, each: UpstreamMaterials = each) -> Server:
            health.set(upstream_part(each.market), False, "starting")
            server = server_of(
                each, clock, monotonic, lambda ok, reason: health.set(upstream_part(each.market), ok, reason)
            )
            opened.push_async_callback(server.close)
            await server.discovery.start()
            return server

        servers[name] = await parts.get(upstream_part(name), _is_made_of(each), open_)
    return UpstreamServers(servers)


def server_of(
    each: UpstreamMaterials, clock: Clock, monotonic: Callable[[], float], tell: Callable[[bool, str], None]
) -> Server:
    """One AS, nothing asked of it yet."""
    own, url = each.settings, each.settings.url.rstrip("/")
    way = Way(
        f"upstream.{each.market}",
        ssl_context=tls_context(each.trust, each.transport),
        bounds=Bounds(own.total_s, own.page_idle_s, own.max_bytes, own.connections),
        clock=monotonic,
        ours=(*_proxy_facts(each.issuer), *_proof(each)),
    )
    discovery = Discovery(way, issuer=each.issuer, url=url, clock=monotonic, tell=tell)
    tokens = TokenSettings(
        each.market,
        each.issuer,
        own.token_cache_s,
        own.token_audience or each.issuer,
        own.introspection_client_id,
        _text(each.introspection_client_secret),
    )
    judge = (
        Introspection(way, discovery, tokens, clock).judge
        if own.management_tokens == "introspection"
        else PublishedKeys(way, discovery, tokens, clock, monotonic).judge
    )
    judged = JudgedTokens(judge, cache_s=own.token_cache_s, clock=clock, monotonic=monotonic)
    return Server(way, discovery, _desk(each, way, discovery, url), judged, _passing(own), url)


def _desk(each: UpstreamMaterials, way: Way, discovery: Discovery, url: str) -> Desk:
    own = each.settings
    if own.kind in ("rfc7592", "oidc-provider"):
        header = own.client_id_header or ("x-dcrgw-client-id" if own.kind == "oidc-provider" else None)
        settings = RegistrationSettings(each.issuer, url, header, _text(each.registration_token))
        return RegistrationDesk(way, discovery, settings)
    raise Misconfigured(f"an authorization server of kind {own.kind} is not known yet")


def _proxy_facts(issuer: str) -> Fields:
    """What tells an AS behind us by which name it was asked, so that the URLs it makes are the issuer's."""
    return (("X-Forwarded-Host", urlsplit(issuer).netloc), ("X-Forwarded-Proto", "https"))


def _proof(each: UpstreamMaterials) -> Fields:
    if each.settings.proof_header is None or each.proof is None:
        return ()
    return ((each.settings.proof_header, each.proof.get_secret_value()),)


def _passing(own: UpstreamSettings) -> Passing:
    return Passing(None if own.certificate_form == "none" else Form(own.certificate_form), own.certificate_header)


def _text(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def _is_made_of(each: UpstreamMaterials) -> object:
    shown = each.transport
    pair = (shown.key.public_key(), shown.certificate, shown.chain) if shown is not None else None
    secrets = (each.registration_token, each.admin_client_secret, each.introspection_client_secret, each.proof)
    return each.issuer, each.settings, each.trust, pair, secrets
