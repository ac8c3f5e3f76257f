"""POST /introspect with an authorization server (AS) behind: it says what a token is good for, we say to whom."""

from __future__ import annotations

from collections.abc import Mapping

from dcrgw.core.authorization import form as forms
from dcrgw.core.authorization import introspection
from dcrgw.core.authorization.introspection import INACTIVE
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.registration.client import ClientStatus, RegisteredClient
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.upstream import answers
from dcrgw.flows import audit, stages
from dcrgw.flows.forwarding.asking import ask, looked_at
from dcrgw.flows.forwarding.known_tokens import ENDPOINT, known, tell
from dcrgw.flows.presenting import present, spend
from dcrgw.ports import Ports


async def introspect(arrival: Arrival, market: Market, ports: Ports, report: Report) -> dict[str, JsonValue]:
    """The answer about one token: `{"active": false}` for whatever is not the caller's to know.

    An answer leaves no audit row, since every call of an API may ask; a refusal leaves one.
    Raises: Rejected, Unavailable, Misconfigured.
    """
    async with audit.of_failures(report, ports.registry):
        form = report.settle(forms.read(arrival.body, arrival.media_type, arrival.query))
        if introspection.resource_server(arrival, form, market) is not None:
            return await _to_resource_server(form, arrival, market, ports, report)
        caller = await present(arrival, market, ports, report)
        token = report.settle(introspection.shown(caller.form))
        await spend(caller, arrival, ports, report)
        said = await ask(ENDPOINT, caller, arrival, ports, report)
        told = looked_at(lambda: answers.introspected(said, caller.client.client_id, market), ENDPOINT, report)
        report.findings.add(answers.AGREES.passed)
        return await _answered(told, token, caller.client, arrival, market, ports, report)


async def _to_resource_server(
    form: Mapping[str, str], arrival: Arrival, market: Market, ports: Ports, report: Report
) -> dict[str, JsonValue]:
    """An API of the bank, known by its certificate, is no client of the AS: the gateway asks in its own name."""
    await stages.identify(arrival.chain, market, ports.revocation, report, of_tpp=False)
    server = introspection.resource_server(arrival, form, market)
    report.facts["resource_server"] = server.name if server is not None else ""
    token = report.settle(introspection.shown(form))
    access = await ports.upstream.access_token(market.name, token)
    told = introspection.of_access_token(access, None, market, report.at)
    return await _answered(told, token, None, arrival, market, ports, report)


async def _answered(
    told: Mapping[str, JsonValue],
    token: str,
    caller: RegisteredClient | None,
    arrival: Arrival,
    market: Market,
    ports: Ports,
    report: Report,
) -> dict[str, JsonValue]:
    """What leaves: nothing of a token that was not released here, or that ended here, whatever the AS says of it."""
    report.decision = "answered"
    if told["active"] is not True:
        return dict(INACTIVE)
    found = await known(token, market, ports)
    if found is None or found.client.client_id != told.get("client_id"):
        return dict(INACTIVE)
    report.facts["client_id"] = found.client.client_id
    # A refresh token is its client's alone to hear of: no API takes it for an access token.
    is_told = caller is not None or found.x5t_s256 is not None
    if found.client.status is not ClientStatus.ACTIVE or not is_told:
        return dict(INACTIVE)
    return await tell(told, found, arrival, market, ports, report)
