"""Answers of the authorization server (AS) behind a market that do not leave as they are, and what is done then."""

from __future__ import annotations

import json
from typing import TypeVar
from urllib.parse import urlencode

from dcrgw.core import strict_json
from dcrgw.core.checks import Judgement, Report, wire_text
from dcrgw.core.market import Market
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.upstream import release as given
from dcrgw.core.upstream.release import TokenAnswer
from dcrgw.errors import GatewayError, Misconfigured, Unavailable
from dcrgw.flows import audit
from dcrgw.flows.presenting import Presented, headers_of, with_secret
from dcrgw.ports import Ports
from dcrgw.ports.registry import Change
from dcrgw.ports.upstream import Asked, Told

T = TypeVar("T")

#: Fields of a refusal that say something to the client.
_KEPT = frozenset({"www-authenticate", "retry-after"})
_DONE = frozenset({200, 201})


def settle(judgement: Judgement[T], market: Market, report: Report) -> T:
    """What the AS said, well-formed and within what was asked. Raises: Misconfigured, since the AS is the bank's."""
    report.findings.take(judgement.findings)
    if judgement.failures:
        said = "; ".join(f"{each.check.id}: {each.description}" for each in judgement.failures)
        raise Misconfigured(
            f"the authorization server of market {market.name} went too far, nothing is released: {said}"
        )
    assert judgement.value is not None
    return judgement.value


async def refusal(told: Told, caller: Presented | None, ports: Ports, report: Report) -> Told | None:
    """The AS's no as the client may have it, with its audit row; None where the AS did what it was asked.

    Raises: Unavailable for what is no answer of an OAuth server; Misconfigured where it refuses the gateway.
    """
    if told.status in _DONE:
        report.findings.add(given.ACCEPTED.passed)
        return None
    code = _error(told)
    if code is None or not 400 <= told.status < 500:
        raise Unavailable("upstream", f"it answered {told.status} without a reason")
    if caller is not None and caller.is_bridged and code["error"] == "invalid_client":
        raise Misconfigured("the authorization server refused the gateway's secret of a bridged client")
    report.decision = "refused"
    report.findings.add(given.ACCEPTED.failed(f"the authorization server answered {code['error']}"))
    client_id = caller.client.client_id if caller is not None else None
    await ports.registry.commit(Change(audit=audit.record(report, client_id)))
    kept = tuple((name, value) for name, value in told.headers if name.lower() in _KEPT)
    return Told(told.status, (("Content-Type", "application/json"), *kept), json.dumps(code).encode())


def _error(told: Told) -> dict[str, JsonValue] | None:
    """An OAuth error of the AS (RFC 6749 §5.2): its words, and no member besides."""
    try:
        members = strict_json.loads_object(told.body)
    except strict_json.JsonRefused:
        return None
    code = members.get("error")
    if not isinstance(code, str) or not 0 < len(code) <= 64 or wire_text(code) != code:
        return None
    said = {name: members.get(name) for name in ("error_description", "error_uri")}
    return {"error": code, **{name: wire_text(text) for name, text in said.items() if isinstance(text, str)}}


async def revoke(answer: TokenAnswer, caller: Presented, market: Market, ports: Ports, report: Report) -> None:
    """End tokens that do not leave, where the gateway may: for a bridged client it has a secret of its own there.

    Any other client's credentials are not the gateway's to use. Nobody has the tokens all the same: they end with
    their time, and the report says so.
    """
    report.facts["withheld"] = "left to the authorization server, released to nobody"
    if not caller.is_bridged:
        return
    form, authorization = with_secret({"token": answer.refresh_token or answer.access_token}, caller.client, market)
    headers = headers_of(authorization)
    try:
        told = await ports.upstream.forward(
            market.name, Asked("revocation_endpoint", "POST", headers, body=urlencode(form).encode())
        )
    except GatewayError:
        return
    if told.status in _DONE:
        report.facts["withheld"] = "revoked at the authorization server"
