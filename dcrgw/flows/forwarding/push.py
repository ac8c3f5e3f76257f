"""POST /par with an authorization server (AS) behind: judged as at the built-in one, kept under the AS's request_uri."""

from __future__ import annotations

from dataclasses import replace

from dcrgw.core.authorization import gates, requests
from dcrgw.core.authorization.interaction import AuthorizationRequest, PushedRequest
from dcrgw.core.authorization.tokens import token_hash
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.upstream import answers, parameters
from dcrgw.core.upstream.answers import AnswerRefused
from dcrgw.flows import audit, requesting
from dcrgw.flows.authentication import Door
from dcrgw.flows.forwarding.asking import ask, looked_at
from dcrgw.flows.presenting import Presented, present, spend
from dcrgw.flows.push import Pushed
from dcrgw.ports import Ports
from dcrgw.ports.grants import GrantChange, GrantVerdict
from dcrgw.ports.registry import Change

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
        onward = parameters.of_request(caller.onward, brought.parameters)
        said = await ask(ENDPOINT, caller, arrival, ports, report, of=onward)
        uri, lifetime_s = looked_at(lambda: answers.pushed(said), ENDPOINT, report)
        report.findings.add(answers.AGREES.passed)
        await _keep(uri, lifetime_s, request, caller, arrival, ports, report)
        return Pushed(uri, lifetime_s)


async def _keep(
    uri: str,
    lifetime_s: int,
    request: AuthorizationRequest,
    caller: Presented,
    arrival: Arrival,
    ports: Ports,
    report: Report,
) -> None:
    """What was judged, under the AS's name for it: nothing else is ever passed on under that name."""
    hashed = token_hash(uri)
    known = await ports.grants.pushed(report.market, hashed)
    looked_at(lambda: _settle_new(known), ENDPOINT, report)
    report.decision = "pushed"
    kept = PushedRequest(hashed, replace(request, once=None), report.at + lifetime_s)
    change = GrantChange(Change(audit=audit.record(report, caller.client.client_id)), pushes=kept)
    if await ports.grants.commit(change) is not GrantVerdict.STORED:
        raise Door(report, arrival).refuse(gates.ACTIVE.failed("the client is no longer active"))


def _settle_new(known: PushedRequest | None) -> None:
    if known is not None:
        raise AnswerRefused("answered with a request_uri that is another request's")
