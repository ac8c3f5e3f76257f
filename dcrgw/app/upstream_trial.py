"""Whether a market's authorization server (AS) can be worked with: asked step by step, told in words.

Nothing that is there is changed. With `registers` a client of our own is made, tried, and deleted again.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from dcrgw.adapters.clock import SystemClock
from dcrgw.adapters.upstream.server import Server
from dcrgw.app.upstreams import server_of
from dcrgw.core.market import Market
from dcrgw.core.upstream import judging
from dcrgw.core.upstream.client import UpstreamClient, WantedClient
from dcrgw.core.upstream.server import Gap, TokenSource, UpstreamServer
from dcrgw.errors import GatewayError, Rejected, Unavailable
from dcrgw.materials import UpstreamMaterials
from dcrgw.ports.upstream import Asked

#: Without these TPPs have less; the gateway works.
_WISHED = {
    "pushed_authorization_request_endpoint": "no pushed requests (RFC 9126)",
    "revocation_endpoint": "no revocation (RFC 7009)",
    "userinfo_endpoint": "no userinfo",
    "end_session_endpoint": "no end of sessions",
}


@dataclass(frozen=True, slots=True)
class Step:
    """What one step showed. `is_good` None: nothing is wrong, but an operator should know."""

    is_good: bool | None
    text: str


async def trial(each: UpstreamMaterials, market: Market, *, registers: bool) -> AsyncIterator[Step]:
    """The steps, one after another; what cannot be tried after a failure is not."""
    assert market.upstream is not None
    server = server_of(each, SystemClock(), time.monotonic, lambda _ok, _reason: None)
    try:
        try:
            await server.discovery.start()
            metadata = await server.discovery.current()
        except GatewayError as failure:
            yield Step(False, _words(failure))
            return
        yield Step(True, f"it speaks for {each.issuer}")
        for name, place in sorted(metadata.places.items()):
            yield Step(True, f"{name} is asked at {place}")
        for name, lack in _WISHED.items():
            if name not in metadata.places:
                yield Step(None, f"it has no {name}: {lack}")
        for step in _methods(market, market.upstream, metadata.document.get("token_endpoint_auth_methods_supported")):
            yield step
        async for step in _believed(server, market.upstream):
            yield step
        if registers:
            async for step in _client(server, each, market.upstream):
                yield step
    finally:
        await server.close()


def _methods(market: Market, server: UpstreamServer, said: object) -> list[Step]:
    """Each method that the market offers: the AS's own, bridged, or none."""
    named = said if isinstance(said, list) else []
    steps = []
    for method in market.auth_methods:
        if not server.has(method) and server.gap is Gap.REFUSE:
            steps.append(
                Step(None, f'{method} is refused at registration: it is not among auth_methods; or gap = "bridge"')
            )
        elif not server.has(method):
            steps.append(Step(True, f"{method} is proven by the gateway, which shows a secret of its own"))
        elif named and method not in named:
            steps.append(Step(False, f"{method} is not among the methods it names: switch it on, or set auth_methods"))
    return steps


async def _believed(server: Server, settings: UpstreamServer) -> AsyncIterator[Step]:
    """Whether it lets the gateway list clients, and says what tokens are good for."""
    try:
        listed = await server.clients.listed()
    except GatewayError as failure:
        yield Step(False, f"clients cannot be listed: {_words(failure)}")
    else:
        if listed is not None:
            yield Step(True, f"{len(listed)} client(s) there are this market's")
    if settings.token_source is TokenSource.INTROSPECTION:
        try:
            await server.tokens.judged(f"no-token-{secrets.token_urlsafe(8)}")
        except GatewayError as failure:
            yield Step(False, f"tokens cannot be introspected: {_words(failure)}")
        else:
            yield Step(True, "it says what tokens are good for")


async def _client(server: Server, each: UpstreamMaterials, settings: UpstreamServer) -> AsyncIterator[Step]:
    """A client from its registration to its end, and whether a passed certificate proves it."""
    wanted = _wanted(each, settings)
    try:
        made = await server.clients.create(wanted)
        try:
            yield Step(True, f"a client was registered as {made.ref.client_id}")
            lost = judging.differing(wanted, made)
            if lost:
                yield Step(None, f"it did not keep {', '.join(lost)} as asked")
            if wanted.metadata["token_endpoint_auth_method"] == "tls_client_auth":
                yield await _certificate_counts(server, each, made)
        finally:
            is_ours = made.is_new or made.ref.client_id == wanted.client_id
            is_gone = is_ours and await server.clients.delete(made.ref)
        if is_gone:
            yield Step(True, "it was deleted again")
        elif is_ours:
            yield Step(False, "it was not deleted again: the server knows none by the token that it gave")
        else:
            yield Step(False, "it says that the client was there before, so it is left: see whose it is")
    except GatewayError as failure:
        yield Step(False, f"a client cannot be registered and deleted: {_words(failure)}")


def _wanted(each: UpstreamMaterials, settings: UpstreamServer) -> WantedClient:
    """By certificate where the AS can, with the subject of the gateway's own: the only one that is at hand here."""
    members: dict[str, object] = {
        "client_name": "dcrgw doctor",
        "grant_types": ["client_credentials"],
        "response_types": [],
        "redirect_uris": ["https://client.example/callback"],
        "token_endpoint_auth_method": "client_secret_basic",
        "scope": "openid",
    }
    if each.transport is not None and settings.has("tls_client_auth"):
        members["token_endpoint_auth_method"] = "tls_client_auth"
        members["tls_client_auth_subject_dn"] = each.transport.certificate.subject.rfc4514_string()
    secret = secrets.token_urlsafe(32) if members["token_endpoint_auth_method"] == "client_secret_basic" else None
    wanted = WantedClient("dcrgw-doctor", f"dcrgw-doctor-{secrets.token_hex(8)}", json.loads(json.dumps(members)))
    return replace(wanted, secret=secret)


async def _certificate_counts(server: Server, each: UpstreamMaterials, made: UpstreamClient) -> Step:
    assert each.transport is not None
    chain = tuple(_der(one) for one in (each.transport.certificate, *each.transport.chain))
    body = f"grant_type=client_credentials&client_id={made.ref.client_id}".encode()
    fields = (("Content-Type", "application/x-www-form-urlencoded"),)
    with_it = await server.forward(Asked("token_endpoint", "POST", fields, "", body, chain))
    without = await server.forward(Asked("token_endpoint", "POST", fields, "", body))
    header = "the certificate's header"
    if without.status == 200:
        return Step(False, f"it gives tokens without {header}: it takes the gateway's own certificate for the TPP's")
    if with_it.status == 200:
        return Step(True, f"it reads {header}, and gives no token without it")
    return Step(
        False,
        f"it answered {with_it.status} to a token request with {header} and {without.status} without: see whether it"
        " reads that header (certificate_form, certificate_header), and trusts the gateway's authority for TPPs",
    )


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _words(failure: GatewayError) -> str:
    if isinstance(failure, Unavailable):
        return failure.reason
    if isinstance(failure, Rejected):
        return "; ".join(fault.description for fault in failure.faults)
    return str(failure).partition(": ")[2] or str(failure)
