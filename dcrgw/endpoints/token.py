"""/token, /par, /introspect, /revoke and /authorization-details: decode a form, let the flow decide, encode."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from dcrgw.core.authorization.details import as_json
from dcrgw.core.certificates.identity import PRESENT
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival, Evidence, Journal
from dcrgw.core.market import Market
from dcrgw.core.strict_json import JsonValue
from dcrgw.edge.answers import json_answer
from dcrgw.edge.exchange import Exchange
from dcrgw.edge.faults import method_not_allowed, not_found
from dcrgw.edge.peer import peer_chain
from dcrgw.endpoints.asking import media_type, seen_by_scripts
from dcrgw.endpoints.detail_views import checked_view
from dcrgw.endpoints.recent import Recent
from dcrgw.endpoints.routes import Endpoint, Place
from dcrgw.errors import ErrorCode
from dcrgw.flows import exchange as exchanging
from dcrgw.flows.check_details import check
from dcrgw.flows.introspect import introspect
from dcrgw.flows.push import push
from dcrgw.flows.revoke import revoke
from dcrgw.ports import Ports
from dcrgw.ports.recording import recorded


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: a status and a JSON body, or none."""

    status: int
    body: Mapping[str, JsonValue] | None


#: One flow with its encoding.
Run = Callable[[Arrival, Market, Ports, Report], Awaitable[Answer]]


class FormEndpoint:
    """One endpoint below a market's base URL, on a mutual-TLS listener, that is sent a form."""

    def __init__(self, operation: str, run: Run, ports: Ports, recent: Recent, *, for_pushed: bool = False) -> None:
        self._operation, self._run, self._ports, self._recent = operation, run, ports, recent
        self._for_pushed = for_pushed

    async def __call__(self, request: web.BaseRequest, exchange: Exchange, place: Place) -> web.Response:
        exchange.malformed = ErrorCode.INVALID_REQUEST
        market = place.market
        if place.rest is not None or (self._for_pushed and not market.server.takes_pushed_requests):
            raise not_found()
        if request.method != "POST":
            raise method_not_allowed(["POST"])
        arrival = Arrival(
            market.name,
            peer_chain(request),
            media_type(request),
            await request.read(),
            authorization=tuple(request.headers.getall("Authorization", [])),
            query=request.raw_path.partition("?")[2],
            **seen_by_scripts(request),
        )
        journal = Journal()
        ports = recorded(self._ports, journal)
        report = exchange.report = Report(
            report_id=ports.randomness.report_id(),
            interaction_id=exchange.interaction_id,
            operation=self._operation,
            market=market.name,
            at=ports.clock.now(),
            generation=exchange.generation,
        )
        journal.steps = report.findings.steps
        self._recent.kept.append((report, Evidence(arrival, report.at, journal, report.generation)))
        answer = await self._run(arrival, market, ports, report)
        return json_answer(answer.status, answer.body, exchange)


def form_endpoints(ports: Ports, recent: Recent) -> dict[str, Endpoint]:
    """All of them, by the first segment of their path."""
    return {
        "token": FormEndpoint("token", _token, ports, recent),
        "par": FormEndpoint("par", _pushed, ports, recent, for_pushed=True),
        "introspect": FormEndpoint("introspect", _introspected, ports, recent),
        "revoke": FormEndpoint("revoke", _revoked, ports, recent),
        "authorization-details": details_endpoint(ports, recent),
    }


def details_endpoint(ports: Ports, recent: Recent) -> FormEndpoint:
    """What authorization_details are worth: the gateway's own word, whatever stands behind it."""
    return FormEndpoint("check_details", _checked, ports, recent)


async def without_certificate(_request: web.BaseRequest, exchange: Exchange, _place: Place) -> web.Response:
    """The same on a listener that asks for no client certificate: tokens are bound to one."""
    exchange.malformed = ErrorCode.INVALID_REQUEST
    raise PRESENT.rejection("this listener takes no client certificate; see mtls_endpoint_aliases")


async def _token(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Answer:
    """RFC 6749 §5.1, RFC 9396 §7."""
    issued = await exchanging.exchange(arrival, market, ports, report)
    body: dict[str, JsonValue] = {
        "access_token": issued.token,
        "token_type": "Bearer",
        "expires_in": issued.lifetime_s,
    }
    if issued.scope:
        body["scope"] = " ".join(issued.scope)
    if issued.details:
        body["authorization_details"] = as_json(issued.details)
    if issued.refresh_token is not None:
        body["refresh_token"] = issued.refresh_token
    if issued.id_token is not None:
        body["id_token"] = issued.id_token
    return Answer(200, body)


async def _pushed(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Answer:
    """RFC 9126 §2.2."""
    pushed = await push(arrival, market, ports, report)
    return Answer(201, {"request_uri": pushed.request_uri, "expires_in": pushed.lifetime_s})


async def _introspected(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Answer:
    """RFC 7662 §2.2."""
    return Answer(200, await introspect(arrival, market, ports, report))


async def _checked(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Answer:
    """docs/openapi-details.json."""
    return Answer(200, checked_view(await check(arrival, market, ports, report)))


async def _revoked(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Answer:
    """RFC 7009 §2.2."""
    await revoke(arrival, market, ports, report)
    return Answer(200, None)
