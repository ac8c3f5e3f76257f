"""/register/{client_id} and /register?client_id=: decode, let the flow decide, encode."""

from __future__ import annotations

from dataclasses import replace

from aiohttp import web

from dcrgw.core.authorization.management import ONE_ADDRESS
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival, Evidence, Journal
from dcrgw.core.market import Market
from dcrgw.core.registration.version import entity_tag
from dcrgw.edge.answers import json_answer
from dcrgw.edge.exchange import Exchange
from dcrgw.edge.faults import not_found
from dcrgw.edge.peer import peer_chain
from dcrgw.endpoints.asking import media_type, seen_by_scripts, settle_accept
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
        arrival = _arrival(request, market, client_id)
        journal = Journal()
        ports = recorded(self._ports, journal)
        report = exchange.report = Report(
            report_id=ports.randomness.report_id(),
            interaction_id=exchange.interaction_id,
            operation=_OPERATIONS.get(request.method, "manage"),
            market=market.name,
            at=ports.clock.now(),
            generation=exchange.generation,
        )
        journal.steps = report.findings.steps
        body = _Body(request)
        try:
            return await _answer(arrival, body, market, ports, report, exchange)
        finally:
            # Only now is it known whether the body was read at all.
            arrived = replace(arrival, body=body.received)
            self._recent.kept.append((report, Evidence(arrived, report.at, journal, report.generation)))


class _Body:
    """A request's body, read when the flow asks for it: a stranger's upload is never waited for."""

    def __init__(self, request: web.BaseRequest) -> None:
        self._request = request
        self.received = b""

    async def __call__(self) -> bytes:
        self.received = await self._request.read()
        return self.received


def _arrival(request: web.BaseRequest, market: Market, client_id: str) -> Arrival:
    return Arrival(
        market.name,
        peer_chain(request),
        media_type(request),
        b"",
        authorization=tuple(request.headers.getall("Authorization", [])),
        query=request.raw_path.partition("?")[2],
        method=request.method,
        client_id=client_id,
        if_match=tuple(request.headers.getall("If-Match", [])),
        **seen_by_scripts(request),
    )


async def _answer(
    arrival: Arrival, body: _Body, market: Market, ports: Ports, report: Report, exchange: Exchange
) -> web.Response:
    if arrival.method == "DELETE":
        await delete(arrival, market, ports, report)
        return json_answer(204, None, exchange)
    if arrival.method == "PUT":
        answered = await update(arrival, body, market, ports, report)
    else:
        # Whatever other method it is: it is refused, but not before the caller has proven who it is.
        answered = await read(arrival, market, ports, report)
    return json_answer(200, answered.body, exchange, headers={"ETag": entity_tag(answered.client.version)})
