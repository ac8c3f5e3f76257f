"""The authorization endpoint, up to asking a person, and from the person's word to the answer.

Who asks here is a stranger's browser, so that asking leaves no audit row; what a person does leaves one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from dcrgw.core.authorization import form as forms
from dcrgw.core.authorization import person, requests, responses
from dcrgw.core.authorization import request_gates as gates
from dcrgw.core.authorization.interaction import (
    AuthorizationRequest,
    Code,
    Decision,
    Grant,
    Interaction,
    PushedRequest,
)
from dcrgw.core.authorization.tokens import token_hash
from dcrgw.core.checks import Gate, Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.registration.client import RegisteredClient, claimed_id, is_client_id
from dcrgw.errors import ErrorCode, GatewayError, Misconfigured, Rejected, Unavailable
from dcrgw.flows import audit, requesting
from dcrgw.flows.using import refused, used_object
from dcrgw.ports import Ports
from dcrgw.ports.details import DetailContext, DetailOperation
from dcrgw.ports.grants import GrantChange, GrantVerdict, SignIn
from dcrgw.ports.registry import Change


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a browser shows to go on with an interaction: its id, from the address, and its key, from a cookie."""

    id: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Asking:
    """A person is to be asked. `ticket` is there where it is new: after `begin` and after `sign_in`.

    Its key proves that it is the same browser, so it stands in a cookie and in no address.
    """

    interaction: Interaction
    client: RegisteredClient
    ticket: Ticket | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where the browser is sent: the client's proven redirect_uri with the answer in its query."""

    url: str = field(repr=False)


async def begin(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Asking | Redirect:
    """What becomes of GET or POST {issuer}/authorize: a person is asked, or the client is answered at once.

    Raises: Rejected, Unavailable or Misconfigured while client or redirect_uri are not proven: for a page, never
    for a redirect (RFC 6749 §4.1.2.1).
    """
    parameters = report.settle(forms.asked(arrival))
    client = await _client(parameters.get("client_id", ""), market, ports, report)
    report.settle(requests.single_way(parameters))
    if "request_uri" in parameters:
        pushed = await _pushed(parameters["request_uri"], client, market, ports, report)
        return await _proceed(pushed.request, pushed.hash, client, arrival, market, ports, report)
    brought = await requesting.bring(parameters, client, market, ports, report, is_pushed=False)
    redirect_uri = report.settle(requests.addressed(brought, client))
    try:
        request = await requesting.settle(brought, redirect_uri, client, market, ports, report)
    except GatewayError as failure:
        return _failed(failure, redirect_uri, requests.state_of(brought), market, report)
    return await _proceed(request, None, client, arrival, market, ports, report)


async def find(ticket: Ticket, market: Market, ports: Ports, report: Report) -> Asking:
    """The interaction again, for a reloaded page. Raises: Rejected where it is over or the key is another's."""
    interaction = await _continued(ticket, market, ports, report)
    return Asking(interaction, await _client(interaction.request.client_id, market, ports, report))


async def sign_in(ticket: Ticket, login: str, password: str, market: Market, ports: Ports, report: Report) -> Asking:
    """The interaction with its customer, under a new key. Raises: Rejected (customer.authenticated)."""
    async with audit.of_failures(report, ports.registry):
        asking = await find(ticket, market, ports, report)
        found = await ports.customers.authenticate(market.name, login, password)
        customer = report.settle(person.authenticated(found))
        renewed = Ticket(ticket.id, ports.randomness.token())
        report.facts["sub"] = customer.sub
        report.decision = "signed_in"
        await _commit(
            GrantChange(
                Change(audit=audit.record(report, asking.client.client_id)),
                signs_in=SignIn(ticket.id, asking.interaction.key_hash, token_hash(renewed.key), customer, report.at),
            ),
            ports,
            report,
        )
        signed = replace(
            asking.interaction, key_hash=token_hash(renewed.key), customer=customer, authenticated_at=report.at
        )
        return Asking(signed, asking.client, renewed)


async def decide(ticket: Ticket, decision: Decision, market: Market, ports: Ports, report: Report) -> Redirect:
    """The answer to the client: a code, or access_denied; the interaction and its request_uri end.

    Approving needs a customer who signed in; denying does not. Raises: Rejected.
    """
    async with audit.of_failures(report, ports.registry):
        interaction = await _continued(ticket, market, ports, report)
        request = interaction.request
        client = await _client(request.client_id, market, ports, report)
        report.settle(person.decided(interaction, decision))
        if decision is Decision.APPROVE:
            code = await _approve(interaction, client, market, ports, report)
            return Redirect(responses.with_code(request.redirect_uri, code, request.state, market))
        report.decision = "denied"
        await _commit(_settling(interaction, report), ports, report)
        said = "the customer said no"
        return Redirect(
            responses.with_error(request.redirect_uri, ErrorCode.ACCESS_DENIED, said, request.state, market)
        )


async def _client(client_id: str, market: Market, ports: Ports, report: Report) -> RegisteredClient:
    found = await ports.registry.client(market.name, client_id) if is_client_id(client_id) else None
    report.facts["claimed_client_id"] = claimed_id(client_id, found)
    client = report.settle(requests.known(found))
    report.facts["client_id"] = client.client_id
    return client


async def _pushed(uri: str, client: RegisteredClient, market: Market, ports: Ports, report: Report) -> PushedRequest:
    """Only what was pushed here is looked up; another's address is refused like an unknown name."""
    is_ours = uri.startswith(requests.REQUEST_URI)
    found = await ports.grants.pushed(market.name, token_hash(uri)) if is_ours else None
    return report.settle(requests.pushed(found, client, report.at))


async def _proceed(
    request: AuthorizationRequest,
    pushed: str | None,
    client: RegisteredClient,
    arrival: Arrival,
    market: Market,
    ports: Ports,
    report: Report,
) -> Asking | Redirect:
    """Ask a person, where one may be asked; from here on every failure is the client's to hear."""
    try:
        if "none" in request.prompt:
            raise refused(gates.SILENT.failed("nobody is signed in, and prompt none forbids to ask"), report)
        return await _ask(request, pushed, client, arrival, market, ports, report)
    except GatewayError as failure:
        return _failed(failure, request.redirect_uri, request.state, market, report)


async def _ask(
    request: AuthorizationRequest,
    pushed: str | None,
    client: RegisteredClient,
    arrival: Arrival,
    market: Market,
    ports: Ports,
    report: Report,
) -> Asking:
    context = DetailContext(client, DetailOperation.AUTHORIZATION)
    languages = (*request.ui_locales, *arrival.languages)
    texts = await ports.details.texts(request.details, context, languages) if request.details else ()
    ticket = Ticket(ports.randomness.report_id(), ports.randomness.token())
    interaction = Interaction(
        id=ticket.id,
        key_hash=token_hash(ticket.key),
        request=request,
        texts=texts,
        pushed=pushed,
        begun_at=report.at,
        expires_at=report.at + market.server.interaction_lifetime_s,
    )
    report.decision = "asked"
    await _commit(GrantChange(opens=interaction), ports, report)
    return Asking(interaction, client, ticket)


async def _continued(ticket: Ticket, market: Market, ports: Ports, report: Report) -> Interaction:
    found = await ports.grants.interaction(market.name, ticket.id)
    return report.settle(person.continued(found, token_hash(ticket.key), report.at))


async def _approve(
    interaction: Interaction, client: RegisteredClient, market: Market, ports: Ports, report: Report
) -> str:
    """The code of a new grant: one change with the end of the interaction and of what was pushed."""
    request, customer = interaction.request, interaction.customer
    assert customer is not None
    code, ends_at = ports.randomness.token(), report.at + market.server.code_lifetime_s
    grant = Grant(
        id=ports.randomness.report_id(),
        market=market.name,
        client_id=client.client_id,
        sub=person.subject(customer, client, request.redirect_uri, market),
        scope=request.scope,
        details=request.details,
        authenticated_at=interaction.authenticated_at or report.at,
        granted_at=report.at,
        expires_at=ends_at,
    )
    report.decision = "approved"
    report.facts["sub"], report.facts["grant"] = customer.sub, grant.id
    kept = Code(token_hash(code), grant, request.redirect_uri, request.code_challenge, request.nonce, ends_at)
    await _commit(replace(_settling(interaction, report), grants=grant, issues=kept), ports, report)
    return code


def _settling(interaction: Interaction, report: Report) -> GrantChange:
    request = interaction.request
    return GrantChange(
        Change(audit=audit.record(report, request.client_id), used=used_object(request)),
        settles=(interaction.id, interaction.key_hash),
        consumes=interaction.pushed,
    )


_REFUSALS: Mapping[GrantVerdict, tuple[Gate, str]] = {
    GrantVerdict.GONE: (person.OPEN, "this request is over"),
    GrantVerdict.OBJECT_USED: (gates.OBJECT_UNUSED, "the request object's jti was used before"),
    GrantVerdict.CONFLICT: (gates.CLIENT, "the client is no longer active"),
}


async def _commit(change: GrantChange, ports: Ports, report: Report) -> None:
    verdict = await ports.grants.commit(change)
    if verdict is not GrantVerdict.STORED:
        entry, said = _REFUSALS[verdict]
        raise refused(entry.failed(said), report)


def _failed(failure: GatewayError, redirect_uri: str, state: str | None, market: Market, report: Report) -> Redirect:
    """The failure as the client hears it through the browser; the report tells the rest."""
    if isinstance(failure, Rejected):
        if any(fault.check == gates.CLIENT.id for fault in failure.faults):
            raise failure  # who is no client any more has no redirect_uri either
        first, *more = failure.faults
        said = first.description + (f" (and {len(more)} more)" if more else "")
        report.decision = "refused"
        return Redirect(responses.with_error(redirect_uri, first.code, said, state, market))
    report.facts["failure"] = str(failure)
    if isinstance(failure, Unavailable):
        report.decision = "unavailable"
        code, said = ErrorCode.TEMPORARILY_UNAVAILABLE, "a system that must be asked did not answer; try again later"
    else:
        assert isinstance(failure, Misconfigured)
        report.decision = "misconfigured"
        code, said = ErrorCode.SERVER_ERROR, "the gateway failed"
    return Redirect(responses.with_error(redirect_uri, code, said, state, market))
