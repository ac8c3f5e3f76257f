"""An authorization request from its bytes to its judgement: the same at /par and at the authorization endpoint."""

from __future__ import annotations

from collections.abc import Mapping

from dcrgw.core.authorization import parameters, request_object
from dcrgw.core.authorization import request_gates as gates
from dcrgw.core.authorization.interaction import AuthorizationRequest, Return
from dcrgw.core.authorization.requests import Brought
from dcrgw.core.checks import Findings, Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.flows.client_keys import published_keys
from dcrgw.flows.details import context_of, settle_rules
from dcrgw.ports import Ports
from dcrgw.ports.details import DetailOperation


async def bring(
    asked: Mapping[str, str],
    client: RegisteredClient,
    market: Market,
    ports: Ports,
    report: Report,
    *,
    is_pushed: bool,
) -> Brought:
    """The parameters that count: those of the request object where there is one, and then no others (RFC 9101 §6.3).

    Raises: Rejected, Unavailable.
    """
    text = asked.get("request")
    if text is None:
        return Brought(asked, is_pushed=is_pushed)
    # DIVERGENCE: RFC 9101 §7 sends faults of an object to a redirect_uri beside it; until a signature is proven none
    # is believed, so that they are told on a page.
    token = report.settle(request_object.unverified(text))
    keys = report.settle(await published_keys(client, token.header.kid, ports.keysets, gates.OBJECT_KEYS))
    unpacked = report.settle(request_object.prove(token, keys, client, market, report.at))
    return Brought(unpacked.parameters, is_pushed=is_pushed, is_signed=True, once=unpacked.once)


async def settle(
    brought: Brought,
    to: Return,
    client: RegisteredClient,
    arrival: Arrival,
    market: Market,
    ports: Ports,
    report: Report,
) -> AuthorizationRequest:
    """The request, by every rule and by its details' types. `to` is proven.

    Raises: Rejected, Unavailable, Misconfigured.
    """
    request = report.settle(parameters.judge(brought, to, client, market, ports.details.types(market.name)))
    # An authorization server behind us signs by its own keys, and took the client's algorithms when it took the client.
    if "openid" in request.scope and market.upstream is None:
        await _settle_id_token(client, ports, report)
    operation = DetailOperation.PUSHED if brought.is_pushed else DetailOperation.AUTHORIZATION
    await settle_rules(request.details, context_of(client, operation, arrival, report), ports, report)
    return request


async def _settle_id_token(client: RegisteredClient, ports: Ports, report: Report) -> None:
    """What we sign ID tokens by is what the client registered for: it would refuse any other, or a plain one."""
    findings = Findings()
    findings.settle(gates.ID_TOKEN, _id_token_fault(client, await ports.signer.alg()))
    report.settle(findings.judgement(client))


def _id_token_fault(client: RegisteredClient, ours: str) -> str | None:
    if client.metadata.text("id_token_signed_response_alg") not in (None, ours):
        return f"ID tokens are signed by {ours}, for which it did not register"
    if client.metadata.text("id_token_encrypted_response_alg") is not None:
        return "it registered for encrypted ID tokens, and here they are signed alone"
    return None
