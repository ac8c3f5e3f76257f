"""A person's yes or no, from the form to the answer that the client gets."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

from dcrgw.core.authorization import form as forms
from dcrgw.core.authorization import person, responses
from dcrgw.core.authorization.interaction import Code, Decision, Grant
from dcrgw.core.authorization.minting import ID_TOKEN_TYPE, beside_code, id_token_claims
from dcrgw.core.authorization.response_types import wants_id_token
from dcrgw.core.authorization.tokens import token_hash
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.errors import ErrorCode
from dcrgw.flows import audit
from dcrgw.flows.interacting import Asking, Redirect, Ticket, commit, find
from dcrgw.flows.using import used_object
from dcrgw.ports import Ports
from dcrgw.ports.grants import GrantChange
from dcrgw.ports.registry import Change


def word(ticket: Ticket, decision: str, market: Market) -> Arrival:
    """All that counts of the form of a decision, as one request: the browser's ticket, and what it says."""
    said = urlencode({"interaction": ticket.id, "key": ticket.key, "decision": decision})
    return Arrival(market.name, (), forms.MEDIA_TYPE, said.encode())


async def decide(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Redirect:
    """The answer to the client: a code, or access_denied; the interaction and its request_uri end.

    `arrival` is a `word`. Approving needs a customer who signed in; denying does not. Raises: Rejected, Unavailable,
    Misconfigured.
    """
    form = report.settle(forms.read(arrival.body, arrival.media_type, arrival.query))
    ticket = Ticket(form.get("interaction", ""), form.get("key", ""))
    asking = await find(ticket, market, ports, report)
    if asking.interaction.customer is None:
        return await _answer(form.get("decision"), asking, market, ports, report)
    async with audit.of_failures(report, ports.registry):
        return await _answer(form.get("decision"), asking, market, ports, report)


async def _answer(said: str | None, asking: Asking, market: Market, ports: Ports, report: Report) -> Redirect:
    decision = report.settle(person.decided(asking.interaction, said))
    if decision is Decision.APPROVE:
        return await _approve(asking, market, ports, report)
    report.decision = "denied"
    await commit(_settling(asking, report), ports, report)
    to = asking.interaction.request.to
    return Redirect(responses.with_error(to, ErrorCode.ACCESS_DENIED, "the customer said no", market))


async def _approve(asking: Asking, market: Market, ports: Ports, report: Report) -> Redirect:
    """A code of a new grant: one change with the end of the interaction and of what was pushed."""
    request, code = asking.interaction.request, ports.randomness.token()
    grant = _grant(asking, market, ports, report)
    id_token = None
    if wants_id_token(request.response_type):
        claims = id_token_claims(grant, request.nonce, market, report.at) | beside_code(code, request.state)
        id_token = await ports.signer.sign(claims, ID_TOKEN_TYPE)
    report.decision = "approved"
    kept = Code(token_hash(code), grant, request.redirect_uri, request.code_challenge, request.nonce, grant.expires_at)
    await commit(replace(_settling(asking, report), grants=grant, issues=kept), ports, report)
    return Redirect(responses.with_code(request.to, code, id_token, market))


def _grant(asking: Asking, market: Market, ports: Ports, report: Report) -> Grant:
    interaction, client = asking.interaction, asking.client
    request, customer = interaction.request, interaction.customer
    assert customer is not None
    grant = Grant(
        id=ports.randomness.report_id(),
        market=market.name,
        client_id=client.client_id,
        sub=person.subject(customer, client, request.redirect_uri, market),
        scope=request.scope,
        details=request.details,
        authenticated_at=interaction.authenticated_at or report.at,
        granted_at=report.at,
        expires_at=report.at + market.server.code_lifetime_s,
    )
    report.facts["sub"], report.facts["grant"] = customer.sub, grant.id
    return grant


def _settling(asking: Asking, report: Report) -> GrantChange:
    """The end of an interaction, in the trail where it is a customer's word or uses up what a client proved."""
    interaction, used = asking.interaction, used_object(asking.interaction.request)
    is_told = interaction.customer is not None or interaction.pushed is not None or used
    return GrantChange(
        Change(audit=audit.record(report, asking.client.client_id), used=used) if is_told else None,
        settles=(interaction.id, interaction.key_hash),
        consumes=interaction.pushed,
    )
