"""/authorize: where a person signs in and decides. Pages for people; the rules are the flow's.

GET, POST authorize                 a client's request: an interaction begins, or the client is answered at once
GET       authorize/{id}            the page at which the interaction stands, for the browser that began it
GET       authorize/{id}/cancel     a no without a sign-in
POST      authorize/{id}/sign-in    name and password
POST      authorize/{id}/decision   yes or no
"""

from __future__ import annotations

import re

from aiohttp import web

from dcrgw.adapters.attempts import Attempts
from dcrgw.adapters.customers import login_of
from dcrgw.adapters.flights import Flights
from dcrgw.core.authorization import form as forms
from dcrgw.core.authorization import person
from dcrgw.core.authorization.interaction import Decision
from dcrgw.core.checks import Report, gate
from dcrgw.core.evidence import Arrival, Evidence, Journal
from dcrgw.edge.exchange import Exchange
from dcrgw.edge.faults import method_not_allowed, not_found
from dcrgw.edge.places import network_of
from dcrgw.endpoints import authorize_views as views
from dcrgw.endpoints.asking import media_type
from dcrgw.endpoints.authorize_answers import Answer, Answers
from dcrgw.endpoints.authorize_forms import FIELD, give_ticket, settle_origin, settle_token, ticket_of
from dcrgw.endpoints.authorize_visit import Visit
from dcrgw.endpoints.pages import Pages
from dcrgw.endpoints.pages.wording import by_weight
from dcrgw.endpoints.recent import Recent
from dcrgw.endpoints.routes import Place
from dcrgw.errors import ErrorCode, Rejected
from dcrgw.flows import authorise as flow
from dcrgw.flows.authorise import Asking, Redirect, Ticket
from dcrgw.ports import Ports
from dcrgw.ports.recording import recorded

DECISION = gate(
    "interaction.form.decision",
    "The form says approve or deny.",
    spec="docs/consent.md",
    code=ErrorCode.INVALID_REQUEST,
)

_CANCEL = "cancel"
#: How long a browser keeps the key of an interaction that is answered.
_AFTERWARDS_S = 60
_BEGIN = ("GET", "POST")

#: An interaction's id, which becomes a part of a cookie's name.
_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")


class AuthorizeEndpoint:
    """`authorize` below a market's issuer, for listeners without client certificates."""

    def __init__(self, ports: Ports, recent: Recent, pages: Pages, attempts: Attempts) -> None:
        self._ports, self._recent, self._pages, self._attempts = ports, recent, pages, attempts
        self._answers = Answers()
        self._decisions: Flights[tuple[str, str, Decision], Redirect] = Flights()

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
        if step in ("", _CANCEL):
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
        )
        report, journal = self._report(visit, exchange), Journal()
        self._recent.kept.append((report, Evidence(arrival, report.at, journal, report.generation)))
        begun = await flow.begin(arrival, market, recorded(self._ports, journal), report)
        if isinstance(begun, Redirect):
            return _leave(begun)
        assert begun.ticket is not None
        return self._go_to(visit.page_of(begun.ticket.id), begun, begun.ticket)

    async def _show(self, visit: Visit, exchange: Exchange, step: str) -> web.Response:
        ticket = ticket_of(visit.request, visit.id or "")
        if self._answers.of(ticket) is not None:
            return visit.notice("answered", 410)
        asking = await self._find(visit, ticket, exchange)
        here = visit.page_of(ticket.id)
        if step == _CANCEL:
            return visit.show(views.cancel(asking, ticket, visit.market, here))
        if asking.interaction.customer is None:
            return visit.show(views.sign_in(asking, ticket, visit.market, here))
        return visit.show(views.consent(asking, ticket, visit.market, here, visit.wording))

    async def _submit(self, visit: Visit, exchange: Exchange, step: str) -> web.Response:
        settle_origin(visit.request, visit.market)
        ticket = ticket_of(visit.request, visit.id or "")
        report = self._report(visit, exchange)
        form = report.settle(forms.read(await visit.request.read(), media_type(visit.request), ""))
        settle_token(form.get(FIELD, ""), ticket, step)
        if step == views.SIGN_IN:
            return await self._sign_in(visit, exchange, ticket, form.get("login", ""), form.get("password", ""))
        try:
            decision = Decision(form.get("decision", ""))
        except ValueError:
            raise DECISION.rejection("the form has no decision that we know") from None
        return await self._decide(visit, report, ticket, decision)

    async def _sign_in(
        self, visit: Visit, exchange: Exchange, ticket: Ticket, login: str, password: str
    ) -> web.Response:
        asking = await self._find(visit, ticket, exchange)
        here, words = visit.page_of(ticket.id), visit.wording

        def again(status: int, problem: str) -> web.Response:
            page = views.sign_in(asking, ticket, visit.market, here, login=login, problem=problem)
            response = visit.show(page)
            response.set_status(status)
            return response

        if not login.strip() or not password:
            return again(400, words("sign_in.problems.missing"))
        account, network = f"{visit.market.name} {login_of(login)}", network_of(visit.request.remote or "::")
        wait_s = self._attempts.take(account, network, self._ports.clock.now())
        if wait_s > 0:
            response = again(429, words("sign_in.problems.too_many", minutes=int(wait_s // 60) + 1))
            response.headers["Retry-After"] = str(int(wait_s) + 1)
            return response
        report = self._report(visit, exchange)
        try:
            # not recorded: the question to the customers' port is a password
            signed_in = await flow.sign_in(ticket, login, password, visit.market, self._ports, report)
        except Rejected as refused:
            if refused.faults[0].check != person.AUTHENTICATED.id:
                raise
            return again(403, words("sign_in.problems.wrong"))
        self._attempts.forgive(account, network)
        assert signed_in.ticket is not None
        return self._go_to(here + visit.asked_for, signed_in, signed_in.ticket)

    async def _decide(self, visit: Visit, report: Report, ticket: Ticket, decision: Decision) -> web.Response:
        known = self._answers.of(ticket)
        if known is not None:
            again = known.again(decision, self._ports.clock.now())
            return _leave(again, ticket) if again is not None else visit.notice("answered", 410)
        # Two clicks are one decision, and both get its answer: the browser shows only the second one.
        key = (ticket.id, ticket.key, decision)
        redirect = await self._decisions.join(key, lambda: self._settled(visit, report, ticket, decision))
        return _leave(redirect, ticket)

    async def _settled(self, visit: Visit, report: Report, ticket: Ticket, decision: Decision) -> Redirect:
        redirect = await flow.decide(ticket, decision, visit.market, self._ports, report)
        self._answers.note(ticket, Answer(decision, redirect, self._ports.clock.now()))
        return redirect

    async def _find(self, visit: Visit, ticket: Ticket, exchange: Exchange) -> Asking:
        asking = await flow.find(ticket, visit.market, self._ports, self._report(visit, exchange))
        visit.learn(asking.interaction)
        return asking

    def _go_to(self, path: str, asking: Asking, ticket: Ticket) -> web.Response:
        """To the interaction's own page: its address holds nothing of the request, and may be loaded again."""
        response = web.Response(status=303, headers={"Location": path})
        give_ticket(response, ticket, max(1, int(asking.interaction.expires_at - self._ports.clock.now())))
        return response

    def _report(self, visit: Visit, exchange: Exchange) -> Report:
        exchange.report = Report(
            report_id=self._ports.randomness.report_id(),
            interaction_id=exchange.interaction_id,
            operation="authorize",
            market=visit.market.name,
            at=self._ports.clock.now(),
            generation=exchange.generation,
        )
        return exchange.report


def _leave(redirect: Redirect, ended: Ticket | None = None) -> web.Response:
    """To the client. 303: a browser may not send our form's fields along (RFC 9700 §4.12)."""
    response = web.Response(status=303, headers={"Location": redirect.url, "Referrer-Policy": "no-referrer"})
    if ended is not None:
        # Not taken away at once, for the second of two clicks. A browser that keeps pages whole for its back button
        # lets go of one whose cookies change, and asks us again.
        give_ticket(response, ended, _AFTERWARDS_S)
    return response


def _settle_method(request: web.BaseRequest, *methods: str) -> None:
    if request.method not in methods:
        raise method_not_allowed(methods)
