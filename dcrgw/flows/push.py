"""POST /par: a client that proves who it is leaves its authorization request here and gets a request_uri for it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from dcrgw.core.authorization import gates, requests
from dcrgw.core.authorization import request_gates as asked
from dcrgw.core.authorization.client_authentication import Authenticated
from dcrgw.core.authorization.interaction import AuthorizationRequest, PushedRequest
from dcrgw.core.authorization.tokens import token_hash
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.flows import audit, requesting
from dcrgw.flows.authentication import Door, admit
from dcrgw.flows.using import refused, used_assertion, used_object
from dcrgw.ports import Ports
from dcrgw.ports.grants import GrantChange, GrantVerdict
from dcrgw.ports.registry import Change


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a client gets for its request: a name to send a browser with."""

    request_uri: str = field(repr=False)
    lifetime_s: int


async def push(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Pushed:
    """A request_uri for one authorization request. One audit row tells the end.

    Raises: Rejected, Unavailable, Misconfigured.
    """
    async with audit.of_failures(report, ports.registry):
        caller = await admit(arrival, market, ports, report)
        client = caller.proven.client
        report.settle(requests.pushable(caller.form))
        brought = await requesting.bring(caller.form, client, market, ports, report, is_pushed=True)
        to = report.settle(requests.addressed(brought, client))
        request = await requesting.settle(brought, to, client, arrival, market, ports, report)
        return await _keep(request, caller.proven, market, Door(report, arrival), ports, report)


async def _keep(
    request: AuthorizationRequest, proven: Authenticated, market: Market, door: Door, ports: Ports, report: Report
) -> Pushed:
    """One change: the request, what proved it used up, the audit row."""
    name, lifetime = ports.randomness.token(), market.server.pushed_lifetime_s
    uri = f"{requests.REQUEST_URI}{name}"
    report.decision = "pushed"
    verdict = await ports.grants.commit(
        GrantChange(
            Change(
                audit=audit.record(report, request.client_id),
                used=(*used_assertion(proven), *used_object(request)),
            ),
            pushes=PushedRequest(token_hash(uri), replace(request, once=None), report.at + lifetime),
        )
    )
    if verdict is GrantVerdict.TOKEN_USED:
        raise door.refuse(gates.ASSERTION_UNUSED.failed("the assertion's jti was used before"))
    if verdict is GrantVerdict.OBJECT_USED:
        raise refused(asked.OBJECT_UNUSED.failed("the request object's jti was used before"), report)
    if verdict is not GrantVerdict.STORED:
        raise door.refuse(gates.ACTIVE.failed("the client is no longer active"))
    report.findings.add(gates.AUTHENTICATED.passed)
    return Pushed(uri, lifetime)
