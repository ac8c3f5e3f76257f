"""Behind a proxy: whom the proxy says it speaks for, on listeners that only it reaches.

A listener of TPPs' own never looks at these headers: there they mean nothing, whoever sends them.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address

from aiohttp import web

from dcrgw.core.certificates.forwarded import Form, ForwardedRefused, Headers, read
from dcrgw.core.certificates.holder import ANY_KIND
from dcrgw.core.certificates.identity import identify
from dcrgw.core.certificates.path import TrustAnchors
from dcrgw.core.checks import gate
from dcrgw.edge.exchange import Exchange, Handler
from dcrgw.edge.peer import FORWARDED, handshake_chain
from dcrgw.errors import ErrorCode, Rejected
from dcrgw.ports.clock import Clock

HOP = gate(
    "proxy.hop",
    "Behind a proxy, only the configured proxies speak.",
    spec="RFC 9440 §4; RFC 8705 §6.5",
    code=ErrorCode.INVALID_CLIENT,
    status=401,
)
HEADER = gate(
    "proxy.header",
    "The proxy's header holds one client certificate, in the one configured form.",
    spec="RFC 9440 §2; RFC 8705 §6.5",
    code=ErrorCode.INVALID_REQUEST,
)


@dataclass(frozen=True, slots=True)
class Hop:
    """Who may speak for others: by certificate of `anchors` where there are any, and by address where `networks` are.

    `names` are the proxies' common names; empty means every certificate of those anchors.
    """

    anchors: TrustAnchors | None = None
    names: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    def fault(self, request: web.BaseRequest, at: float) -> str | None:
        """Why the connection is no proxy's."""
        if self.networks and not self._is_listed(request.remote or ""):
            return "the connection comes from no listed proxy"
        if self.anchors is None:
            return None if self.networks else "no proxy is configured"
        judged = identify(handshake_chain(request), self.anchors, at, ANY_KIND)
        if judged.value is None:
            return "the connection shows no certificate of a proxy"
        if self.names and judged.value.common_name not in self.names:
            return "the certificate's common name is not a listed proxy's"
        return None

    def _is_listed(self, remote: str) -> bool:
        try:
            address = ip_address(remote.partition("%")[0])
        except ValueError:
            return False
        plain = getattr(address, "ipv4_mapped", None) or address
        return any(plain in network for network in self.networks if network.version == plain.version)


def behind_proxy(handler: Handler, hop: Hop, form: Form, headers: Headers, clock: Clock, *, hops: int = 1) -> Handler:
    """The handler, but the client's certificate is the one that the proxy passes on; () where it passes on none."""

    async def handle(request: web.BaseRequest, exchange: Exchange) -> web.StreamResponse:
        fault = hop.fault(request, clock.now())
        if fault is not None:
            raise HOP.rejection(fault)
        request[FORWARDED] = _chain(request, form, headers, hops)
        return await handler(request, exchange)

    return handle


def _chain(request: web.BaseRequest, form: Form, headers: Headers, hops: int) -> tuple[bytes, ...]:
    leaf = request.headers.getall(headers.leaf, [])
    chain = request.headers.getall(headers.chain, []) if headers.chain else []
    try:
        return read(form, leaf, chain, hops=hops)
    except ForwardedRefused as refused:
        raise Rejected([HEADER.failed(f"the proxy's header {headers.leaf} {refused}").fault]) from None
