"""/authorize: where a person signs in and decides. Pages for people; the rules are the flow's.

GET, POST authorize                 a client's request: an interaction begins, or the client is answered at once
GET       authorize/{id}            the page at which the interaction stands, for the browser that began it
GET       authorize/{id}/cancel     a no without a sign-in
POST      authorize/{id}/sign-in    name and password
POST      authorize/{id}/decision   yes or no
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from aiohttp import web

from dcrgw.adapters.attempts import Attempts
from dcrgw.adapters.crowd import Crowd
from dcrgw.adapters.customers import login_of
from dcrgw.adapters.flights import Flights
from dcrgw.core.authorization import form as forms
from dcrgw.core.authorization import person
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival, Evidence, Journal
from dcrgw.core.market import Market
from dcrgw.edge.exchange import Exchange
from dcrgw.edge.faults import method_not_allowed, not_found
from dcrgw.endpoints import authorize_views as views
from dcrgw.endpoints.asking import media_type, seen_by_scripts
from dcrgw.endpoints.authorize_again import SignInAgain
from dcrgw.endpoints.authorize_answers import Answer, Answers
from dcrgw.endpoints.authorize_forms import (
    FIELD,
    forget_older,
    give_ticket,
    leave,
    settle_origin,
    settle_token,
    ticket_of,
)
from dcrgw.endpoints.authorize_visit import Visit
from dcrgw.endpoints.pages import Pages
from dcrgw.endpoints.pages.wording import by_weight
from dcrgw.endpoints.recent import Recent
from dcrgw.endpoints.routes import Place
from dcrgw.errors import ErrorCode, Rejected
from dcrgw.flows import interacting
from dcrgw.flows.authorise import begin
from dcrgw.flows.decide import decide, word
from dcrgw.flows.interacting import Asking, Redirect, Ticket
from dcrgw.ports import Ports
from dcrgw.ports.grants import GrantChange
from dcrgw.ports.recording import recorded

T = TypeVar("T")
#: A flow, from a request to what became of it.
Run = Callable[[Arrival, Market, Ports, Report], Awaitable[T]]

_BEGIN = ("GET", "POST")

#: An interaction's id, which becomes a part of a cookie's name.
_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What strangers may do here, counted in memory."""

    attempts: Attempts
    crowd: Crowd


class AuthorizeEndpoint:
    """`authorize` below a market's issuer, for listeners without client certificates."""

    def __init__(self, ports: Ports, recent: Recent, pages: Pages, bounds: Bounds) -> None:
        self._ports, self._recent, self._pages, self._bounds = ports, recent, pages, bounds
        self._answers = Answers()
        self._decisions: Flights[tuple[str, str, str], Redirect] = Flights()

    async def close(self) -> None:
        """End the decisions under way."""
        await self._decisions.close()

    async def __call__(self, request: web.BaseRequest, exchange: Exchange, place: Place) -> web.Response:
        exchange.malformed = ErrorCode.INVALID_REQUEST
        if not place.market.server.asks_people:
            raise not_found()
        name, _, step = (place.rest or "").partition("/")
        if place.rest is not None and not _ID.fullmatch(name):
            raise not_found()
        visit = Visit(request, place.market, self._pages, name or None)
        # From here on people are spoken to, whatever happens.
        exchange.answer = visit.trouble
        if place.rest is None:
            _settle_method(request, *_BEGIN)
            return await self._begin(visit, exchange)
        if step in ("", views.CANCEL):
            _settle_method(request, "GET")
            return await self._show(visit, exchange, step)
        if step not in (views.SIGN_IN, views.DECISION):
            raise not_found()
        _settle_method(request, "POST")
        return await self._submit(visit, exchange, step)

    async def _begin(self, visit: Visit, exchange: Exchange) -> web.Response:
        request, market = visit.request, visit.market
        # parameters of a GET stand in the query, of a POST in the body (OpenID Connect Core §3.1.2.1)
        arrival = Arrival(
            market.name,
            (),
            media_type(request),
            await request.read(),
            query=request.raw_path.partition("?")[2],
            method=request.method,
            languages=by_weight(request.headers.get("Accept-Language", "")),
            **seen_by_scripts(request),
        )
        begun = await self._recorded("authorize", begin, arrival, visit, exchange)
        if isinstance(begun, Redirect):
            return leave(begun)
        assert begun.ticket is not None
        await self._make_room(visit, begun)
        return self._go_to(visit, begun, begun.ticket)

    async def _make_room(self, visit: Visit, begun: Asking) -> None:
        """Anybody may begin: what is kept of it is bounded."""
        interaction = begun.interaction
        ended = self._bounds.crowd.enter(interaction.id, visit.network, interaction.expires_at, interaction.begun_at)
        if ended:
            await self._ports.grants.commit(GrantChange(drops=ended))

    async def _show(self, visit: Visit, exchange: Exchange, step: str) -> web.Response:
        ticket = ticket_of(visit.request, visit.id or "")
        if self._answers.of(ticket) is not None:
            return visit.notice("answered", 410)
        asking = await self._find(visit, ticket, exchange)
        response = visit.show(
            views.current(asking, ticket, step, visit.market, visit.page_of(ticket.id), visit.wording)
        )
        forget_older(visit.request, response, ticket.id)
        return response

    async def _submit(self, visit: Visit, exchange: Exchange, step: str) -> web.Response:
        settle_origin(visit.request, visit.market)
        ticket = ticket_of(visit.request, visit.id or "")
        report = self._report("authorize", visit, exchange)
        form = report.settle(forms.read(await visit.request.read(), media_type(visit.request), ""))
        settle_token(form.get(FIELD, ""), ticket, step)
        if step == views.SIGN_IN:
            return await self._sign_in(visit, exchange, ticket, form.get("login", ""), form.get("password", ""))
        return await self._decide(visit, exchange, ticket, form.get("decision", ""))

    async def _sign_in(
        self, visit: Visit, exchange: Exchange, ticket: Ticket, login: str, password: str
    ) -> web.Response:
        asking = await self._find(visit, ticket, exchange)
        again = SignInAgain(visit, asking, ticket, login)
        if not login.strip() or not password:
            return again.because(400, "missing")
        account = f"{visit.market.name} {login_of(login)}"
        wait_s = self._bounds.attempts.take(account, visit.network, self._ports.clock.now())
        if wait_s > 0:
            return again.later(wait_s)
        report = self._report("sign_in", visit, exchange)
        try:
            # not recorded: the question to the customers' port is a password
            signed_in = await interacting.sign_in(ticket, login, password, visit.market, self._ports, report)
        except Rejected as refused:
            if refused.faults[0].check != person.AUTHENTICATED.id:
                raise
            return again.because(403, "wrong")
        self._bounds.attempts.forgive(account, visit.network)
        self._bounds.crowd.leave(ticket.id)
        assert signed_in.ticket is not None
        return self._go_to(visit, signed_in, signed_in.ticket)

    async def _decide(self, visit: Visit, exchange: Exchange, ticket: Ticket, decision: str) -> web.Response:
        known = self._answers.of(ticket)
        if known is not None:
            again = known.again(decision, self._ports.clock.now())
            return leave(again, ticket) if again is not None else visit.notice("answered", 410)
        # Two clicks are one decision, and both get its answer: the browser shows only the second one.
        key = (ticket.id, ticket.key, decision)
        redirect = await self._decisions.join(key, lambda: self._settled(visit, exchange, ticket, decision))
        return leave(redirect, ticket)

    async def _settled(self, visit: Visit, exchange: Exchange, ticket: Ticket, decision: str) -> Redirect:
        redirect = await self._recorded("decide", decide, word(ticket, decision, visit.market), visit, exchange)
        self._bounds.crowd.leave(ticket.id)
        self._answers.note(ticket, Answer(decision, redirect, self._ports.clock.now()))
        return redirect

    async def _find(self, visit: Visit, ticket: Ticket, exchange: Exchange) -> Asking:
        asking = await interacting.find(ticket, visit.market, self._ports, self._report("authorize", visit, exchange))
        visit.learn(asking.interaction)
        return asking

    def _go_to(self, visit: Visit, asking: Asking, ticket: Ticket) -> web.Response:
        """To the interaction's own page: its address holds nothing of the request, and may be loaded again."""
        response = web.Response(status=303, headers={"Location": visit.page_of(ticket.id) + visit.asked_for})
        give_ticket(response, ticket, max(1, int(asking.interaction.expires_at - self._ports.clock.now())))
        forget_older(visit.request, response, ticket.id)
        return response

    async def _recorded(self, operation: str, run: Run[T], arrival: Arrival, visit: Visit, exchange: Exchange) -> T:
        """What a flow makes of a request, with its evidence kept."""
        journal = Journal()
        ports = recorded(self._ports, journal)
        report = self._report(operation, visit, exchange, ports)
        journal.steps = report.findings.steps
        self._recent.kept.append((report, Evidence(arrival, report.at, journal, report.generation)))
        return await run(arrival, visit.market, ports, report)

    def _report(self, operation: str, visit: Visit, exchange: Exchange, ports: Ports | None = None) -> Report:
        asked = ports or self._ports
        exchange.report = Report(
            report_id=asked.randomness.report_id(),
            interaction_id=exchange.interaction_id,
            operation=operation,
            market=visit.market.name,
            at=asked.clock.now(),
            generation=exchange.generation,
        )
        return exchange.report


def _settle_method(request: web.BaseRequest, *methods: str) -> None:
    if request.method not in methods:
        raise method_not_allowed(methods)
