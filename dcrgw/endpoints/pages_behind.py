"""What browsers reach of a market with an AS behind: authorize and end-session after a judgement, and its pages."""

from __future__ import annotations

import re
from collections.abc import Mapping

from aiohttp import web

from dcrgw.adapters.crowd import Crowd
from dcrgw.core.authorization import form as forms
from dcrgw.core.authorization.interaction import AskedRequest
from dcrgw.core.checks import Report, gate
from dcrgw.core.evidence import Arrival, Evidence, Journal
from dcrgw.core.upstream import paths
from dcrgw.core.upstream.parameters import encoded
from dcrgw.edge.exchange import Exchange
from dcrgw.edge.faults import method_not_allowed, not_found
from dcrgw.edge.places import network_of
from dcrgw.endpoints.asking import media_type, seen_by_scripts
from dcrgw.endpoints.authorize_forms import leave
from dcrgw.endpoints.authorize_visit import Visit
from dcrgw.endpoints.pages import Pages
from dcrgw.endpoints.passing import Passage, Passing, going_on
from dcrgw.endpoints.recent import Recent
from dcrgw.endpoints.routes import Place
from dcrgw.errors import ErrorCode
from dcrgw.flows.forwarding import authorise, ending
from dcrgw.flows.interacting import Redirect
from dcrgw.ports import Ports
from dcrgw.ports.grants import GrantChange
from dcrgw.ports.recording import recorded
from dcrgw.ports.upstream import Asked

QUERY = gate(
    "forward.query",
    "A query that goes on is spelled as RFC 3986 has it.",
    spec="RFC 3986 §3.4",
    code=ErrorCode.INVALID_REQUEST,
)

_FORM = (("Content-Type", forms.MEDIA_TYPE),)
#: Of a form that goes on in the address: with the path it stays below what any server takes.
_LONGEST_QUERY = 4096
_PAGE_METHODS = ("GET", "HEAD", "POST")
#: Besides RFC 3986's characters those that browsers leave as they are.
_QUERY = re.compile(r"[A-Za-z0-9._~:@!$&'()*+,;=/?%|^`{}\[\]-]*")


class _Behind:
    """What all of them share: the visit, in whose language failures are told, and the way to the AS."""

    def __init__(self, ports: Ports, recent: Recent, pages: Pages, passing: Passing) -> None:
        self._ports, self._recent, self._pages, self._passing = ports, recent, pages, passing

    def _visit(self, request: web.BaseRequest, exchange: Exchange, place: Place) -> None:
        exchange.malformed = ErrorCode.INVALID_REQUEST
        # From here on people are spoken to, whatever happens.
        exchange.answer = Visit(request, place.market, self._pages).trouble

    async def _passage(
        self, request: web.BaseRequest, exchange: Exchange, place: Place, client_id: str | None = None
    ) -> Passage:
        document = await self._ports.upstream.discovery(place.market.name)
        return Passage(request, exchange, place.market, document, client_id)

    async def _send(self, passage: Passage, endpoint: str, parameters: Mapping[str, str]) -> web.StreamResponse:
        """The judged parameters: in the address, since not every server takes forms there, or in a form if too long."""
        text = encoded(parameters)
        fields = tuple((name, value) for name, value in going_on(passage) if name != "content-type")
        if passage.request.method == "POST" and len(text) > _LONGEST_QUERY:
            asked = Asked(endpoint, "POST", (*fields, *_FORM), body=text.encode())
        else:
            asked = Asked(endpoint, "GET", fields, query=text)
        return await self._passing(passage, asked)

    async def _arrival(self, request: web.BaseRequest, place: Place) -> Arrival:
        return Arrival(
            place.market.name,
            (),
            media_type(request),
            await request.read(),
            query=request.raw_path.partition("?")[2],
            method=request.method,
            **seen_by_scripts(request),
        )

    def _report(self, operation: str, exchange: Exchange, place: Place, ports: Ports) -> Report:
        exchange.report = Report(
            report_id=ports.randomness.report_id(),
            interaction_id=exchange.interaction_id,
            operation=operation,
            market=place.market.name,
            at=ports.clock.now(),
            generation=exchange.generation,
        )
        return exchange.report


class AuthorizeBehind(_Behind):
    """`authorize` below a market's issuer: judged like the built-in one's, then the AS's to answer."""

    def __init__(self, ports: Ports, recent: Recent, pages: Pages, passing: Passing, crowd: Crowd) -> None:
        super().__init__(ports, recent, pages, passing)
        self._crowd = crowd

    async def __call__(self, request: web.BaseRequest, exchange: Exchange, place: Place) -> web.StreamResponse:
        if place.rest is not None or not place.market.server.asks_people:
            raise not_found()
        self._visit(request, exchange, place)
        if request.method not in ("GET", "POST"):
            raise method_not_allowed(("GET", "POST"))
        arrival = await self._arrival(request, place)
        journal = Journal()
        ports = recorded(self._ports, journal)
        report = self._report("authorize", exchange, place, ports)
        self._recent.kept.append((report, Evidence(arrival, report.at, journal, report.generation)))
        begun = await authorise.begin(arrival, place.market, ports, report)
        if isinstance(begun, Redirect):
            return leave(begun)
        if begun.kept is not None:
            await self._make_room(begun.kept, request, report.at)
        passage = await self._passage(request, exchange, place, begun.client.client_id)
        return await self._send(passage, "authorization_endpoint", begun.parameters)

    async def _make_room(self, kept: AskedRequest, request: web.BaseRequest, at: float) -> None:
        """Anybody may ask in a client's name: what is remembered of it is bounded."""
        ended = self._crowd.enter(kept.hash, network_of(request.remote or "::"), kept.expires_at, at)
        if ended:
            await self._ports.grants.commit(GrantChange(forgets=ended))


class EndSessionBehind(_Behind):
    """`end-session` below a market's issuer (OpenID Connect RP-Initiated Logout 1.0)."""

    async def __call__(self, request: web.BaseRequest, exchange: Exchange, place: Place) -> web.StreamResponse:
        if place.rest is not None or not place.market.server.asks_people:
            raise not_found()
        self._visit(request, exchange, place)
        if request.method not in ("GET", "POST"):
            raise method_not_allowed(("GET", "POST"))
        arrival = await self._arrival(request, place)
        report = self._report("end_session", exchange, place, self._ports)
        ended = await ending.end_session(arrival, place.market, self._ports, report)
        passage = await self._passage(request, exchange, place, ended.client_id)
        return await self._send(passage, "end_session_endpoint", ended.parameters)


class PagesBehind(_Behind):
    """Every other path below a market's issuer: the AS's own pages, as far as the bank lets them through."""

    async def __call__(self, request: web.BaseRequest, exchange: Exchange, place: Place) -> web.StreamResponse:
        upstream = place.market.upstream
        if upstream is None or not paths.is_page(place.path, upstream.pages):
            raise not_found()
        self._visit(request, exchange, place)
        if request.method not in _PAGE_METHODS:
            raise method_not_allowed(_PAGE_METHODS)
        query = request.raw_path.partition("?")[2]
        if not _QUERY.fullmatch(query):
            raise QUERY.rejection("the query has characters that no query may have")
        passage = await self._passage(request, exchange, place)
        if paths.is_judged(place.path, passage.document, passage.locations):
            # However the bank's settings say it: what the gateway judges is not reached past it.
            raise not_found()
        body = await request.read() if request.method == "POST" else b""
        asked = Asked(f"/{place.path}", request.method, going_on(passage), query=query, body=body)
        return await self._passing(passage, asked)
