"""Endpoints of markets with an authorization server (AS) behind: a program asks, the flow judges, the AS answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiohttp import web

from dcrgw.adapters.flights import Flights
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.strict_json import JsonValue
from dcrgw.edge.answers import dress
from dcrgw.edge.exchange import Exchange
from dcrgw.edge.faults import method_not_allowed, not_found
from dcrgw.edge.peer import peer_chain
from dcrgw.endpoints.asking import media_type, seen_by_scripts
from dcrgw.endpoints.discovery import Readable
from dcrgw.endpoints.recent import Recent
from dcrgw.endpoints.routes import Endpoint, Place
from dcrgw.endpoints.token import Answer, FormEndpoint, details_endpoint
from dcrgw.errors import ErrorCode
from dcrgw.flows.forwarding import documents
from dcrgw.flows.forwarding import token as exchanging
from dcrgw.flows.forwarding.introspect import introspect
from dcrgw.flows.forwarding.push import push
from dcrgw.flows.forwarding.revoke import revoke
from dcrgw.flows.forwarding.userinfo import userinfo
from dcrgw.ports import Ports

_USERINFO = ("GET", "POST")
#: How long the AS's keys are used again: anybody may ask for them, and the AS is spared.
_KEYS_S = 60.0


def forwarded_endpoints(ports: Ports, recent: Recent) -> dict[str, Endpoint]:
    """Those over mutual TLS, by the first segment of their path."""
    return {
        "token": FormEndpoint("token", _token, ports, recent),
        "par": FormEndpoint("par", _pushed, ports, recent, for_pushed=True),
        "introspect": FormEndpoint("introspect", _introspected, ports, recent),
        "revoke": FormEndpoint("revoke", _revoked, ports, recent),
        "authorization-details": details_endpoint(ports, recent),
        "userinfo": UserinfoEndpoint(ports),
    }


async def _token(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Answer:
    """RFC 6749 §5.1, as the AS says it."""
    return Answer(200, await exchanging.exchange(arrival, market, ports, report))


async def _pushed(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Answer:
    """RFC 9126 §2.2."""
    pushed = await push(arrival, market, ports, report)
    return Answer(201, {"request_uri": pushed.request_uri, "expires_in": pushed.lifetime_s})


async def _introspected(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Answer:
    """RFC 7662 §2.2."""
    return Answer(200, await introspect(arrival, market, ports, report))


async def _revoked(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Answer:
    """RFC 7009 §2.2."""
    await revoke(arrival, market, ports, report)
    return Answer(200, None)


class UserinfoEndpoint:
    """`userinfo` below a market's base URL (OpenID Connect Core 1.0 §5.3). What it tells of people, nobody keeps."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def __call__(self, request: web.BaseRequest, exchange: Exchange, place: Place) -> web.Response:
        exchange.malformed = ErrorCode.INVALID_REQUEST
        if place.rest is not None:
            raise not_found()
        if request.method not in _USERINFO:
            raise method_not_allowed(_USERINFO)
        arrival = Arrival(
            place.market.name,
            peer_chain(request),
            media_type(request),
            await request.read(),
            authorization=tuple(request.headers.getall("Authorization", [])),
            query=request.raw_path.partition("?")[2],
            method=request.method,
            **seen_by_scripts(request),
        )
        ports = self._ports
        report = exchange.report = Report(
            report_id=ports.randomness.report_id(),
            interaction_id=exchange.interaction_id,
            operation="userinfo",
            market=place.market.name,
            at=ports.clock.now(),
            generation=exchange.generation,
        )
        told = await userinfo(arrival, place.market, ports, report)
        response = web.Response(body=told.body, headers={"Content-Type": told.media_type})
        dress(response, exchange)
        return response


def documents_behind(ports: Ports) -> Readable:
    """The discovery documents of markets with an AS behind."""

    async def read(market: Market) -> Mapping[str, JsonValue]:
        return await documents.document(market, ports)

    return read


class KeysBehind:
    """The published keys of each market's AS, asked for once in a while however many ask us."""

    def __init__(self, ports: Ports, monotonic: Callable[[], float]) -> None:
        self._ports, self._monotonic = ports, monotonic
        self._kept: dict[str, tuple[float, Mapping[str, JsonValue]]] = {}
        self._flights: Flights[str, Mapping[str, JsonValue]] = Flights()

    async def __call__(self, market: Market) -> Mapping[str, JsonValue]:
        """The key set. Raises: Unavailable, Misconfigured."""
        at, keys = self._kept.get(market.name, (0.0, None))
        if keys is None or self._monotonic() >= at + _KEYS_S:
            return await self._flights.join(market.name, lambda: self._fetch(market))
        return keys

    async def _fetch(self, market: Market) -> Mapping[str, JsonValue]:
        keys = await documents.keys(market, self._ports)
        self._kept[market.name] = (self._monotonic(), keys)
        return keys
