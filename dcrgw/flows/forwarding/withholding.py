"""What the authorization server (AS) behind a market gave beyond what was asked of it: nobody gets it."""

from __future__ import annotations

from typing import TypeVar

from dcrgw.core.checks import Judgement, Report
from dcrgw.core.market import Market
from dcrgw.core.upstream import parameters
from dcrgw.errors import GatewayError, Misconfigured
from dcrgw.flows.presenting import Presented, headers_of, with_secret
from dcrgw.ports import Ports
from dcrgw.ports.upstream import Asked

T = TypeVar("T")


def settle(judgement: Judgement[T], market: Market, report: Report) -> T:
    """What the AS gave, if it is no more than was asked. Raises: Misconfigured, since the AS is the bank's."""
    report.findings.take(judgement.findings)
    if judgement.failures:
        said = "; ".join(f"{each.check.id}: {each.description}" for each in judgement.failures)
        raise Misconfigured(f"the authorization server of market {market.name} went too far, nothing leaves: {said}")
    assert judgement.value is not None
    return judgement.value


async def revoke(token: str, caller: Presented, market: Market, ports: Ports, report: Report) -> None:
    """End a token that nobody gets, where the gateway may: for a bridged client it has a secret of its own there.

    Any other client's credentials are not the gateway's to use. Such a token is nobody's, and ends with its time; the
    report says so.
    """
    report.facts["withheld"] = "released to nobody, and left to the authorization server"
    if not caller.is_bridged:
        return
    form, authorization = with_secret({"token": token}, caller.client, market)
    asked = Asked("revocation_endpoint", "POST", headers_of(authorization), body=parameters.encoded(form).encode())
    try:
        told = await ports.upstream.forward(market.name, asked)
    except GatewayError:
        return  # what failed before is what the caller hears
    if told.status == 200:
        report.facts["withheld"] = "released to nobody, and revoked at the authorization server"
