"""POST /token with an authorization server (AS) behind: the request is judged here, the token is the AS's."""

from __future__ import annotations

from collections.abc import Mapping

from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.upstream import answers
from dcrgw.flows import audit
from dcrgw.flows.forwarding.asking import ask, looked_at
from dcrgw.flows.forwarding.releasing import ENDPOINT, limit, release
from dcrgw.flows.presenting import present, spend
from dcrgw.ports import Ports


async def exchange(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Mapping[str, JsonValue]:
    """The AS's answer to a token request: what was asked, or less. One audit row tells the end.

    Raises: Rejected, Unavailable, Misconfigured.
    """
    async with audit.of_failures(report, ports.registry):
        caller = await present(arrival, market, ports, report)
        most = await limit(caller, arrival, market, ports, report)
        await spend(caller, arrival, ports, report)
        said = await ask(ENDPOINT, caller, arrival, ports, report, of={**caller.onward, **most.beside})
        answer = looked_at(lambda: answers.token(said, caller.client.client_id, market), ENDPOINT, report)
        report.findings.add(answers.AGREES.passed)
        await release(answer, most, caller, arrival, market, ports, report)
        return answer
