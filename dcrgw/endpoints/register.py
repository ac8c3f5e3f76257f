"""/register: decode, let the flow decide, encode. No rule stands here."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from aiohttp import web

from dcrgw.core.certificates.identity import PRESENT
from dcrgw.core.checks import Report, gate
from dcrgw.core.evidence import Arrival, Evidence, Journal
from dcrgw.core.market import Market
from dcrgw.core.registration.information import client_information
from dcrgw.edge.answers import json_answer
from dcrgw.edge.exchange import Exchange
from dcrgw.edge.faults import method_not_allowed, not_found
from dcrgw.edge.peer import peer_chain
from dcrgw.endpoints.routes import Place
from dcrgw.errors import ErrorCode
from dcrgw.flows.create import create
from dcrgw.ports import Ports
from dcrgw.ports.recording import recorded

ACCEPT_JSON = gate(
    "http.accept",
    "The caller takes application/json, the only type of answer there is",
    spec="RFC 7591 §3.2.1; RFC 9110 §12.5.1",
    code=ErrorCode.INVALID_CLIENT_METADATA,
    status=406,
)

QUERY = gate(
    "http.query",
    "The request has no query: all that counts stands in the body, once.",
    spec="RFC 7591 §3.1",
    code=ErrorCode.INVALID_CLIENT_METADATA,
)


@dataclass(slots=True)
class Recent:
    """The last decisions with their evidence, in memory: what `dcrgw explain` reads in the sandbox."""

    kept: deque[tuple[Report, Evidence]] = field(default_factory=lambda: deque(maxlen=256))

    def find(self, report_id: str | None = None) -> tuple[Report, Evidence] | None:
        """One decision by its report id, or the newest."""
        if report_id is None:
            return self.kept[-1] if self.kept else None
        return next((pair for pair in self.kept if pair[0].report_id == report_id), None)


class RegisterEndpoint:
    """`register` below a market's base URL, on a mutual-TLS listener."""

    def __init__(self, ports: Ports, recent: Recent) -> None:
        self._ports, self._recent = ports, recent

    async def __call__(self, request: web.BaseRequest, exchange: Exchange, place: Place) -> web.Response:
        if place.rest is not None:
            raise not_found()
        market = place.market
        if request.method != "POST":
            raise method_not_allowed(["POST"])
        if request.query_string:
            raise QUERY.rejection("the registration endpoint takes no query parameters; send them in the body")
        if not _takes_json(request.headers.getall("Accept", [])):
            raise ACCEPT_JSON.rejection("Accept leaves no room for application/json")
        arrival = Arrival(market.name, peer_chain(request), _media_type(request), await request.read())
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
        )
        self._recent.kept.append((report, Evidence(arrival, report.at, journal)))
        client = await create(arrival, market, ports, report)
        return json_answer(201, client_information(client, market.profile), exchange)


async def register_without_certificate(_request: web.BaseRequest, _exchange: Exchange, _place: Place) -> web.Response:
    """/register on a listener that asks for no client certificate: never a silent accept."""
    raise PRESENT.rejection("this listener takes no client certificate; use the registration_endpoint")


def _media_type(request: web.BaseRequest) -> str | None:
    """The one Content-Type; a header sent twice is no media type at all."""
    values = request.headers.getall("Content-Type", [])
    return values[0] if len(values) == 1 else None


def _takes_json(accept: list[str]) -> bool:
    """RFC 9110 §12.5.1, as far as one media type needs it."""
    ranges = [part.strip().lower() for value in accept for part in value.split(",") if part.strip()]
    if not ranges:
        return True
    for name in ("application/json", "application/*", "*/*"):
        for entry in ranges:
            media, *parameters = [piece.strip() for piece in entry.split(";")]
            if media == name:
                return not any(piece.replace(" ", "") in {"q=0", "q=0.0", "q=0.00", "q=0.000"} for piece in parameters)
    return False
