"""/register: decode, let the flow decide, encode. No rule stands here."""

from __future__ import annotations

from aiohttp import web

from dcrgw.core.certificates.identity import PRESENT
from dcrgw.core.checks import Report, gate
from dcrgw.core.evidence import Arrival, Evidence, Journal
from dcrgw.core.market import Market
from dcrgw.core.registration.version import entity_tag
from dcrgw.edge.answers import json_answer
from dcrgw.edge.exchange import Exchange
from dcrgw.edge.faults import method_not_allowed
from dcrgw.edge.peer import peer_chain
from dcrgw.endpoints.asking import media_type, seen_by_scripts, settle_accept
from dcrgw.endpoints.managing import ManagementEndpoint, addressed
from dcrgw.endpoints.recent import Recent
from dcrgw.endpoints.routes import Place
from dcrgw.errors import ErrorCode
from dcrgw.flows.create import create
from dcrgw.ports import Ports
from dcrgw.ports.recording import recorded

__all__ = ["Recent", "RegisterEndpoint", "register_without_certificate"]

QUERY = gate(
    "http.query",
    "The request has no query: all that counts stands in the body, once.",
    spec="RFC 7591 §3.1",
    code=ErrorCode.INVALID_CLIENT_METADATA,
)


class RegisterEndpoint:
    """`register` below a market's base URL, on a mutual-TLS listener, and every registration below that."""

    def __init__(self, ports: Ports, recent: Recent) -> None:
        self._ports, self._recent = ports, recent
        self._manage = ManagementEndpoint(ports, recent)

    async def __call__(self, request: web.BaseRequest, exchange: Exchange, place: Place) -> web.Response:
        client_id = addressed(request, place)
        if client_id is not None:
            return await self._manage(request, exchange, place.market, client_id)
        if request.method != "POST":
            raise method_not_allowed(["POST"])
        if request.query_string:
            raise QUERY.rejection("the registration endpoint takes no query parameters; send them in the body")
        settle_accept(request)
        market = place.market
        arrival = Arrival(
            market.name, peer_chain(request), media_type(request), await request.read(), **seen_by_scripts(request)
        )
        return await self._create(arrival, market, exchange)

    async def _create(self, arrival: Arrival, market: Market, exchange: Exchange) -> web.Response:
        journal = Journal()
        ports = recorded(self._ports, journal)
        report = exchange.report = Report(
            report_id=ports.randomness.report_id(),
            interaction_id=exchange.interaction_id,
            operation="create",
            market=market.name,
            at=ports.clock.now(),
            generation=exchange.generation,
        )
        journal.steps = report.findings.steps
        self._recent.kept.append((report, Evidence(arrival, report.at, journal, report.generation)))
        answered = await create(arrival, market, ports, report)
        return json_answer(201, answered.body, exchange, headers={"ETag": entity_tag(answered.client.version)})


async def register_without_certificate(_request: web.BaseRequest, _exchange: Exchange, _place: Place) -> web.Response:
    """/register on a listener that asks for no client certificate: never a silent accept."""
    raise PRESENT.rejection("this listener takes no client certificate; use the registration_endpoint")
