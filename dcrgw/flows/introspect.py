"""POST /introspect: a resource server of the bank, or a client, learns what a token is good for."""

from __future__ import annotations

from dcrgw.core.authorization import form as forms
from dcrgw.core.authorization import gates, introspection
from dcrgw.core.authorization.tokens import token_hash
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.strict_json import JsonValue
from dcrgw.flows import audit, enriching
from dcrgw.flows.authentication import Door, admit
from dcrgw.flows.using import used_assertion
from dcrgw.ports import Ports
from dcrgw.ports.grants import GrantChange, GrantVerdict
from dcrgw.ports.registry import Change


async def introspect(arrival: Arrival, market: Market, ports: Ports, report: Report) -> dict[str, JsonValue]:
    """The answer about one token: `{"active": false}` for whatever is not the caller's to know.

    An answer leaves no audit row, since every call of an API may ask; a refusal leaves one.
    Raises: Rejected, Unavailable, Misconfigured where a script goes too far.
    """
    async with audit.of_failures(report, ports.registry):
        form = report.settle(forms.read(arrival.body, arrival.media_type, arrival.query))
        asking = introspection.resource_server(arrival, form, market)
        client_id = None
        if asking is not None:
            report.facts["resource_server"] = asking.name
        else:
            client_id = await _client(arrival, market, ports, report)
        hashed = token_hash(report.settle(introspection.shown(form)))
        report.decision = "answered"
        answer = introspection.of_access_token(await ports.registry.access_token(hashed), client_id, market, report.at)
        if answer["active"]:
            return await enriching.enriched(answer, arrival, ports, report)
        if client_id is None:
            return answer
        kept = await ports.grants.refresh_token(market.name, hashed)
        return introspection.of_refresh_token(kept, client_id, market, report.at)


async def _client(arrival: Arrival, market: Market, ports: Ports, report: Report) -> str:
    """The client that asks; an assertion serves once here too."""
    caller = await admit(arrival, market, ports, report)
    used, door = used_assertion(caller.proven), Door(report, arrival)
    if used:
        report.decision = "asked"
        change = Change(audit=audit.record(report, caller.proven.client.client_id), used=used)
        if await ports.grants.commit(GrantChange(change)) is not GrantVerdict.STORED:
            raise door.refuse(gates.ASSERTION_UNUSED.failed("the assertion's jti was used before"))
    report.findings.add(gates.AUTHENTICATED.passed)
    return caller.proven.client.client_id
