"""The authorization servers (AS) behind markets: one part each, so that a change of one leaves the others alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

from pydantic import SecretStr

from dcrgw.adapters.upstream.discovery import Discovery, Whereabouts
from dcrgw.adapters.upstream.hydra import HydraDesk, HydraSettings
from dcrgw.adapters.upstream.keycloak import KeycloakDesk, KeycloakSettings
from dcrgw.adapters.upstream.own_token import OwnClient, OwnToken
from dcrgw.adapters.upstream.registration import RegistrationDesk, RegistrationSettings
from dcrgw.adapters.upstream.server import Desk, Passing, Server
from dcrgw.adapters.upstream.servers import UpstreamServers
from dcrgw.adapters.upstream.tokens import Introspection, Judge, JudgedTokens, PublishedKeys, TokenSettings
from dcrgw.adapters.upstream.way import Bounds, Way
from dcrgw.app.outgoing import tls_context
from dcrgw.app.parts import Opener, Parts
from dcrgw.core.certificates.forwarded import Form
from dcrgw.core.upstream.fields import Fields
from dcrgw.edge.health import Health
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
    try:
        # All at once: many that hang cost a start no more than one does.
        async with asyncio.TaskGroup() as group:
            opening = {
                name: group.create_task(
                    parts.get(upstream_part(name), _is_made_of(each), _opener(each, clock, monotonic))
                )
                for name, each in materials.upstreams.items()
            }
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return UpstreamServers({name: task.result() for name, task in opening.items()})


def _opener(each: UpstreamMaterials, clock: Clock, monotonic: Callable[[], float]) -> Opener[Server]:
    async def open_(opened: AsyncExitStack, health: Health) -> Server:
        def tell(ok: bool, reason: str) -> None:
            health.set(upstream_part(each.market), ok, reason)

        tell(False, "starting")
        server = server_of(each, clock, monotonic, tell)
        opened.push_async_callback(server.close)
        await server.discovery.start()
        return server

    return open_


def server_of(
    each: UpstreamMaterials, clock: Clock, monotonic: Callable[[], float], tell: Callable[[bool, str], None]
) -> Server:
    """One AS, nothing asked of it yet."""
    own, url = each.settings, each.settings.url
    # Two of them: what strangers' browsers do with pages takes neither connections nor patience from TPPs.
    way, for_pages = _way(each, monotonic), _way(each, monotonic)
    discovery = Discovery(way, Whereabouts(each.issuer, url, own.paths), clock=monotonic, tell=tell)
    tokens = TokenSettings(
        each.market,
        each.issuer,
        own.token_cache_s,
        own.token_audience or each.issuer,
        own.introspection_client_id,
        _text(each.introspection_client_secret),
        # Hydra asks nobody at its administration, and nowhere else.
        url=f"{own.admin}/admin/oauth2/introspect" if own.kind == "hydra" else None,
    )
    judge: Judge = (
        Introspection(way, discovery, tokens, clock)
        if own.management_tokens == "introspection"
        else PublishedKeys(way, discovery, tokens, clock, monotonic)
    )
    judged = JudgedTokens(judge, cache_s=own.token_cache_s, clock=clock, monotonic=monotonic)
    passing = Passing(Form(own.form) if own.form else None, own.certificate_header)
    return Server(way, discovery, _desk(each, way, discovery, monotonic), judged, passing, url, for_pages)


def _way(each: UpstreamMaterials, monotonic: Callable[[], float]) -> Way:
    own = each.settings
    return Way(
        f"upstream.{each.market}",
        ssl_context=tls_context(each.trust, each.transport),
        bounds=Bounds(own.total_s, own.page_idle_s, own.max_bytes, own.connections),
        clock=monotonic,
        ours=(*_proxy_facts(each.issuer), *_proof(each)),
    )


def _desk(each: UpstreamMaterials, way: Way, discovery: Discovery, monotonic: Callable[[], float]) -> Desk:
    own = each.settings
    if own.kind == "keycloak":
        assert own.admin_client_id is not None
        client = OwnClient(own.admin_client_id, _text(each.admin_client_secret))
        token = OwnToken(way, discovery, client, monotonic)
        return KeycloakDesk(way, token, KeycloakSettings(each.market, f"{own.admin}/admin/realms/{own.realm}"))
    if own.kind == "hydra":
        assert own.admin is not None
        return HydraDesk(way, HydraSettings(each.market, own.admin))
    registration_token = _text(each.registration_token)
    return RegistrationDesk(
        way, discovery, RegistrationSettings(each.issuer.rstrip("/"), own.url, own.header_of_ids, registration_token)
    )


def _proxy_facts(issuer: str) -> Fields:
    """What tells an AS behind us by which name it was asked, so that the URLs it makes are the issuer's."""
    return (("X-Forwarded-Host", urlsplit(issuer).netloc), ("X-Forwarded-Proto", "https"))


def _proof(each: UpstreamMaterials) -> Fields:
    if each.settings.proof_header is None or each.proof is None:
        return ()
    return ((each.settings.proof_header, each.proof.get_secret_value()),)


def _text(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def _is_made_of(each: UpstreamMaterials) -> object:
    shown = each.transport
    pair = (shown.key.public_key(), shown.certificate, shown.chain) if shown is not None else None
    secrets = (each.registration_token, each.admin_client_secret, each.introspection_client_secret, each.proof)
    return each.issuer, each.settings, each.trust, pair, secrets
