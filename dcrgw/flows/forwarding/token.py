"""POST /token with an authorization server (AS) behind: the request is judged here, the token is the AS's."""

from __future__ import annotations

from collections.abc import Mapping

from dcrgw.core.authorization import gates, grants
from dcrgw.core.authorization.grants import Allowed
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.upstream import answers
from dcrgw.flows import audit
from dcrgw.flows.authentication import Door
from dcrgw.flows.details import context_of, settle_rules
from dcrgw.flows.forwarding.asking import ask, looked_at
from dcrgw.flows.presenting import Presented, present, spend
from dcrgw.ports import Ports
from dcrgw.ports.details import DetailOperation
from dcrgw.ports.registry import Change, CommitVerdict

ENDPOINT = "token_endpoint"


async def exchange(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Mapping[str, JsonValue]:
    """The AS's answer to a token request, as far as it may leave. One audit row tells the end.

    Raises: Rejected, Unavailable, Misconfigured.
    """
    async with audit.of_failures(report, ports.registry):
        caller = await present(arrival, market, ports, report)
        granted = report.settle(grants.grant_type(caller.form, caller.client, market))
        report.facts["grant_type"] = granted
        await _settle_asked(granted, caller, arrival, market, ports, report)
        await spend(caller, arrival, ports, report)
        said = await ask(ENDPOINT, caller, arrival, ports, report)
        body = looked_at(lambda: answers.token(said, caller.client.client_id, market), ENDPOINT, report)
        report.findings.add(answers.AGREES.passed)
        await _tell(caller, arrival, ports, report)
        return body


async def _settle_asked(
    granted: str, caller: Presented, arrival: Arrival, market: Market, ports: Ports, report: Report
) -> Allowed:
    """What is asked for, by every rule that needs no grant. Raises: Rejected, Unavailable, Misconfigured."""
    types = ports.details.types(market.name)
    wanted = report.settle(grants.of_another(caller.form, granted, caller.client, types))
    context = context_of(caller.client, DetailOperation.TOKEN, arrival, report)
    await settle_rules(wanted.details, context, ports, report)
    return wanted


async def _tell(caller: Presented, arrival: Arrival, ports: Ports, report: Report) -> None:
    """The audit row: without it nothing is released. Raises: Rejected where the client ended meanwhile."""
    report.decision = "issued"
    change = Change(audit=audit.record(report, caller.client.client_id))
    committed = await ports.registry.commit(change)
    if committed.verdict is not CommitVerdict.STORED:
        raise Door(report, arrival).refuse(gates.ACTIVE.failed("the client is no longer active"))
