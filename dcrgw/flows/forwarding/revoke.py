"""POST /revoke with an authorization server (AS) behind: it ends the token, and we forget what we knew of it."""

from __future__ import annotations

from dcrgw.core.authorization import introspection
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.upstream import answers
from dcrgw.flows import audit
from dcrgw.flows.forwarding.asking import ask
from dcrgw.flows.forwarding.known_tokens import end
from dcrgw.flows.presenting import present
from dcrgw.ports import Ports

ENDPOINT = "revocation_endpoint"


async def revoke(arrival: Arrival, market: Market, ports: Ports, report: Report) -> None:
    """The token is no good from here on (RFC 7009 §2.2). Raises: Rejected, Unavailable, Misconfigured."""
    async with audit.of_failures(report, ports.registry):
        caller = await present(arrival, market, ports, report)
        token = report.settle(introspection.shown(caller.form))
        # First: what is kept of the token must not outlive an answer that never came.
        goes_on = await end(token, caller, arrival, market, ports, report)
        if goes_on:
            await ports.upstream.revoked(market.name, token)
            await ask(ENDPOINT, caller, arrival, ports, report, may_be_empty=True)
            report.findings.add(answers.AGREES.passed)
