"""The authorization endpoint, up to asking a person.

Who asks here is a stranger's browser, so that asking leaves no audit row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dcrgw.core.authorization import form as forms
from dcrgw.core.authorization import request_gates as gates
from dcrgw.core.authorization import requests, responses
from dcrgw.core.authorization.interaction import AskedRequest, AuthorizationRequest, Interaction, PushedRequest, Return
from dcrgw.core.authorization.tokens import token_hash
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.strict_json import JsonValue
from dcrgw.errors import ErrorCode, GatewayError, Misconfigured, Rejected, Unavailable
from dcrgw.flows import requesting
from dcrgw.flows.details import context_of, texts_of
from dcrgw.flows.interacting import Asking, Redirect, Ticket, client_of, commit
from dcrgw.flows.using import refused
from dcrgw.ports import Ports
from dcrgw.ports.details import DetailOperation
from dcrgw.ports.grants import GrantChange


async def begin(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Asking | Redirect:
    """What becomes of GET or POST {issuer}/authorize: a person is asked, or the client is answered at once.

    Raises: Rejected, Unavailable or Misconfigured while client or redirect_uri are not proven: for a page, never
    for a redirect (RFC 6749 §4.1.2.1).
    """
    judged = await judge(arrival, market, ports, report)
    if isinstance(judged, Redirect):
        return judged
    return await _proceed(judged, arrival, market, ports, report)


@dataclass(frozen=True, slots=True)
class Judged:
    """An authorization request that may go on. `parameters` are as sent, `pushed` is the hash of its request_uri."""

    request: AuthorizationRequest
    client: RegisteredClient
    parameters: Mapping[str, str]
    #: The parameters that count; of a pushed request none, since they were judged when it was pushed.
    brought: Mapping[str, JsonValue]
    pushed: str | None = None


async def judge(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Judged | Redirect:
    """The request, by every rule, or the client's answer. Raises: as `begin`."""
    parameters = report.settle(forms.asked(arrival))
    client = await client_of(parameters.get("client_id", ""), market, ports, report)
    report.settle(requests.single_way(parameters))
    if "request_uri" in parameters:
        pushed = await _pushed(parameters["request_uri"], client, market, ports, report)
        return Judged(pushed.request, client, parameters, {}, pushed.hash)
    brought = await requesting.bring(parameters, client, market, ports, report, is_pushed=False)
    to = report.settle(requests.addressed(brought, client))
    try:
        request = await requesting.settle(brought, to, client, arrival, market, ports, report)
    except GatewayError as failure:
        return failed(failure, to, market, report)
    return Judged(request, client, parameters, brought.parameters)


async def _pushed(
    uri: str, client: RegisteredClient, market: Market, ports: Ports, report: Report
) -> PushedRequest | AskedRequest:
    """Only what was pushed here is looked up; another's address is refused like an unknown name."""
    if market.upstream is not None:
        return report.settle(requests.pushed(await ports.grants.asked(market.name, token_hash(uri)), client, report.at))
    is_ours = uri.startswith(requests.REQUEST_URI)
    found = await ports.grants.pushed(market.name, token_hash(uri)) if is_ours else None
    return report.settle(requests.pushed(found, client, report.at))


async def _proceed(judged: Judged, arrival: Arrival, market: Market, ports: Ports, report: Report) -> Asking | Redirect:
    """Ask a person, where one may be asked; from here on every failure is the client's to hear."""
    try:
        if "none" in judged.request.prompt:
            raise refused(gates.SILENT.failed("nobody is signed in, and prompt none forbids to ask"), report)
        return await _ask(judged, arrival, market, ports, report)
    except GatewayError as failure:
        return failed(failure, judged.request.to, market, report)


async def _ask(judged: Judged, arrival: Arrival, market: Market, ports: Ports, report: Report) -> Asking:
    request, client = judged.request, judged.client
    context = context_of(client, DetailOperation.AUTHORIZATION, arrival, report)
    texts = await texts_of(request.details, context, (*request.ui_locales, *arrival.languages), ports)
    ticket = Ticket(ports.randomness.report_id(), ports.randomness.token())
    interaction = Interaction(
        id=ticket.id,
        key_hash=token_hash(ticket.key),
        request=request,
        texts=texts,
        pushed=judged.pushed,
        begun_at=report.at,
        expires_at=report.at + market.server.interaction_lifetime_s,
    )
    report.decision = "asked"
    await commit(GrantChange(opens=interaction), ports, report)
    return Asking(interaction, client, ticket)


def failed(failure: GatewayError, to: Return, market: Market, report: Report) -> Redirect:
    """The failure as the client hears it through the browser; the report tells the rest."""
    if isinstance(failure, Rejected):
        if any(fault.check == gates.CLIENT.id for fault in failure.faults):
            raise failure  # who is no client any more has no redirect_uri either
        first, *more = failure.faults
        said = first.description + (f" (and {len(more)} more)" if more else "")
        report.decision = "refused"
        return Redirect(responses.with_error(to, first.code, said, market))
    report.facts["failure"] = str(failure)
    if isinstance(failure, Unavailable):
        report.decision = "unavailable"
        code, said = ErrorCode.TEMPORARILY_UNAVAILABLE, "a system that must be asked did not answer; try again later"
    else:
        assert isinstance(failure, Misconfigured)
        report.decision = "misconfigured"
        code, said = ErrorCode.SERVER_ERROR, "the gateway failed"
    return Redirect(responses.with_error(to, code, said, market))
