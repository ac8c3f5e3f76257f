"""The authorization endpoint with an authorization server (AS) behind: it asks the person, of what was judged here.

Who asks here is a stranger's browser, so that asking leaves no audit row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dcrgw.core.authorization.interaction import AskedRequest
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.upstream import parameters
from dcrgw.errors import GatewayError
from dcrgw.flows import authorise
from dcrgw.flows.forwarding.remembering import keep
from dcrgw.flows.interacting import Redirect
from dcrgw.ports import Ports


@dataclass(frozen=True, slots=True)
class Onward:
    """A judged authorization request with the parameters that go on, and the client whose it is."""

    client: RegisteredClient
    parameters: Mapping[str, str] = field(repr=False)
    #: What is remembered of a request that anybody could make; None of a pushed one, which its client made.
    kept: AskedRequest | None = None


async def begin(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Onward | Redirect:
    """What becomes of GET or POST {issuer}/authorize: it goes on, or the client is answered at once.

    Raises: Rejected, Unavailable or Misconfigured while client or redirect_uri are not proven: for a page.
    """
    # DIVERGENCE: RFC 9101 §10 wants an object to be used once; a browser may reload, so that its jti is not used up.
    judged = await authorise.judge(arrival, market, ports, report)
    if isinstance(judged, Redirect):
        return judged
    report.settle(parameters.plain({**judged.parameters, **judged.brought}))
    report.decision = "asked"
    if judged.pushed is not None:
        return Onward(judged.client, _onward(judged))
    try:
        kept = await keep(judged.request, market, ports, report)
    except GatewayError as failure:
        return authorise.failed(failure, judged.request.to, market, report)
    return Onward(judged.client, _onward(judged), kept)


def _onward(judged: authorise.Judged) -> Mapping[str, str]:
    sent = judged.parameters
    if judged.pushed is not None:
        # RFC 9126 §4: the rest was pushed, and what stands beside its name counts nowhere.
        return {"client_id": sent["client_id"], "request_uri": sent["request_uri"]}
    return parameters.of_request(sent, judged.brought)
