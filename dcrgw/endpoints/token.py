"""/token: decode, let the flow decide, encode (RFC 6749 §3.2, §5.1)."""

from __future__ import annotations

from aiohttp import web

from dcrgw.core.certificates.identity import PRESENT
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival, Evidence, Journal
from dcrgw.edge.answers import json_answer
from dcrgw.edge.exchange import Exchange
from dcrgw.edge.faults import method_not_allowed, not_found
from dcrgw.edge.peer import peer_chain
from dcrgw.endpoints.asking import media_type
from dcrgw.endpoints.recent import Recent
from dcrgw.endpoints.routes import Place
from dcrgw.errors import ErrorCode
from dcrgw.flows import exchange as flow
from dcrgw.ports import Ports
from dcrgw.ports.recording import recorded


class TokenEndpoint:
    """`token` below a market's base URL, on a mutual-TLS listener."""

    def __init__(self, ports: Ports, recent: Recent) -> None:
        self._ports, self._recent = ports, recent

    async def __call__(self, request: web.BaseRequest, exchange: Exchange, place: Place) -> web.Response:
        exchange.malformed = ErrorCode.INVALID_REQUEST
        if place.rest is not None:
            raise not_found()
        if request.method != "POST":
            raise method_not_allowed(["POST"])
        arrival = Arrival(
            place.market.name,
            peer_chain(request),
            media_type(request),
            await request.read(),
            authorization=tuple(request.headers.getall("Authorization", [])),
            query=request.raw_path.partition("?")[2],
        )
        journal = Journal()
        ports = recorded(self._ports, journal)
        report = exchange.report = Report(
            report_id=ports.randomness.report_id(),
            interaction_id=exchange.interaction_id,
            operation="token",
            market=place.market.name,
            at=ports.clock.now(),
            generation=exchange.generation,
        )
        self._recent.kept.append((report, Evidence(arrival, report.at, journal, report.generation)))
        return json_answer(200, _answer(await flow.exchange(arrival, place.market, ports, report)), exchange)


async def token_without_certificate(_request: web.BaseRequest, exchange: Exchange, _place: Place) -> web.Response:
    """/token on a listener that asks for no client certificate: tokens are bound to one."""
    exchange.malformed = ErrorCode.INVALID_REQUEST
    raise PRESENT.rejection("this listener takes no client certificate; use the token_endpoint")


def _answer(issued: flow.Issued) -> dict[str, str | int]:
    scope = {"scope": " ".join(issued.scope)} if issued.scope else {}
    return {"access_token": issued.token, "token_type": "Bearer", "expires_in": issued.lifetime_s, **scope}
