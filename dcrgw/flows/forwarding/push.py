"""POST /par with an authorization server (AS) behind: judged as built in, kept under the AS's request_uri."""

from __future__ import annotations

from dcrgw.core.authorization import requests
from dcrgw.core.authorization.interaction import AskedRequest
from dcrgw.core.authorization.tokens import token_hash
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.upstream import answers, parameters
from dcrgw.core.upstream.answers import AnswerRefused
from dcrgw.flows import audit, requesting
from dcrgw.flows.forwarding.asking import ask, looked_at
from dcrgw.flows.forwarding.remembering import keep_pushed
from dcrgw.flows.presenting import present, spend
from dcrgw.flows.push import Pushed
from dcrgw.ports import Ports

ENDPOINT = "pushed_authorization_request_endpoint"


async def push(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Pushed:
    """The AS's request_uri for one authorization request. One audit row tells the end.

    Raises: Rejected, Unavailable, Misconfigured.
    """
    async with audit.of_failures(report, ports.registry):
        caller = await present(arrival, market, ports, report)
        report.settle(requests.pushable(caller.form))
        brought = await requesting.bring(caller.form, caller.client, market, ports, report, is_pushed=True)
        report.settle(parameters.plain(brought.parameters))
        to = report.settle(requests.addressed(brought, caller.client))
        request = await requesting.settle(brought, to, caller.client, arrival, market, ports, report)
        await spend(caller, arrival, ports, report, request)
        # RFC 9126 §2.1: it stands there as in any authorization request, also beside an assertion that names it too.
        onward = {**parameters.of_request(caller.onward, brought.parameters), "client_id": caller.client.client_id}
        said = await ask(ENDPOINT, caller, arrival, ports, report, of=onward)
        uri, lifetime_s = looked_at(lambda: answers.pushed(said), ENDPOINT, report)
        report.findings.add(answers.AGREES.passed)
        known = await ports.grants.asked(market.name, token_hash(uri))
        looked_at(lambda: _settle_new(known), ENDPOINT, report)
        await keep_pushed(request, uri, lifetime_s, arrival, market, ports, report)
        return Pushed(uri, lifetime_s)


def _settle_new(known: AskedRequest | None) -> None:
    if known is not None:
        raise AnswerRefused("answered with a request_uri that is another request's")
