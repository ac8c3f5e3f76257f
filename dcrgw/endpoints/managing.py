"""/register/{client_id} and /register?client_id=: decode, let the flow decide, encode."""

from __future__ import annotations

from dataclasses import replace

from aiohttp import web

from dcrgw.core.authorization.management import ONE_ADDRESS, ManagementCall, bearer
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival, Evidence, Journal
from dcrgw.core.market import Market
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.registration.information import client_information, registration_management
from dcrgw.core.registration.version import entity_tag
from dcrgw.edge.answers import json_answer
from dcrgw.edge.exchange import Exchange
from dcrgw.edge.faults import not_found
from dcrgw.edge.peer import peer_chain
from dcrgw.endpoints.asking import media_type, settle_accept
from dcrgw.endpoints.recent import Recent
from dcrgw.endpoints.routes import Place
from dcrgw.flows.delete import delete
from dcrgw.flows.read import read
from dcrgw.flows.update import update
from dcrgw.ports import Ports
from dcrgw.ports.recording import recorded

_OPERATIONS = {"GET": "read", "PUT": "update", "DELETE": "delete"}


def addressed(request: web.BaseRequest, place: Place) -> str | None:
    """The client that a URL under /register names, None for the registration endpoint itself.

    Raises: Rejected (400) when path and query both name one, or the query two; 404 for a path below a client's.
    """
    named = request.query.getall("client_id", [])
    if place.rest is None:
        if len(named) > 1:
            raise ONE_ADDRESS.rejection("client_id stands in the query more than once")
        return named[0] if named else None
    if not place.rest or "/" in place.rest:
        raise not_found()
    if named:
        raise ONE_ADDRESS.rejection("the client is named by path and by query: use one of them")
    return place.rest


class ManagementEndpoint:
    """One registration, for its own client."""

    def __init__(self, ports: Ports, recent: Recent) -> None:
        self._ports, self._recent = ports, recent

    async def __call__(
        self, request: web.BaseRequest, exchange: Exchange, market: Market, client_id: str
    ) -> web.Response:
        if request.method in {"GET", "PUT"}:
            settle_accept(request)
        call = _call(request, client_id)
        journal = Journal()
        ports = recorded(self._ports, journal)
        report = exchange.report = Report(
            report_id=ports.randomness.report_id(),
            interaction_id=exchange.interaction_id,
            operation=_OPERATIONS.get(request.method, "manage"),
            market=market.name,
            at=ports.clock.now(),
        )
        arrival = Arrival(market.name, peer_chain(request), media_type(request), b"")
        body = _Body(request)
        try:
            return await _answer(call, arrival, body, market, ports, report, exchange)
        finally:
            # Only now is it known whether the body was read at all.
            evidence = Evidence(replace(arrival, body=body.received), report.at, journal, call)
            self._recent.kept.append((report, evidence))


class _Body:
    """A request's body, read when the flow asks for it: a stranger's upload is never waited for."""

    def __init__(self, request: web.BaseRequest) -> None:
        self._request = request
        self.received = b""

    async def __call__(self) -> bytes:
        self.received = await self._request.read()
        return self.received


def _call(request: web.BaseRequest, client_id: str) -> ManagementCall:
    # RFC 6750 §2.2: a form is the other way to bring a token, and nothing that is managed here comes as one.
    is_form = (media_type(request) or "").partition(";")[0].strip().lower() == "application/x-www-form-urlencoded"
    return ManagementCall(
        method=request.method,
        client_id=client_id,
        authorization=tuple(request.headers.getall("Authorization", [])),
        token_elsewhere=is_form or "access_token" in request.query,
        if_match=tuple(request.headers.getall("If-Match", [])),
    )


async def _answer(
    call: ManagementCall,
    arrival: Arrival,
    body: _Body,
    market: Market,
    ports: Ports,
    report: Report,
    exchange: Exchange,
) -> web.Response:
    if call.method == "DELETE":
        await delete(call, arrival, market, ports, report)
        return json_answer(204, None, exchange)
    if call.method == "PUT":
        client = await update(call, arrival, body, market, ports, report)
    else:
        # Whatever other method it is: it is refused, but not before the caller has proven who it is.
        client = await read(call, arrival, market, ports, report)
    return _shown(client, call, market, exchange)


def _shown(client: RegisteredClient, call: ManagementCall, market: Market, exchange: Exchange) -> web.Response:
    answer = client_information(client, market.profile)
    # The token as presented: of a registration access token the hash is what proves it.
    answer |= registration_management(client, market, bearer(call).value)
    return json_answer(200, answer, exchange, headers={"ETag": entity_tag(client.version)})
