"""Tokens of the authorization server (AS) behind a market that the gateway released: what is told of them, who may use
them, and their end.

A token of one of its clients that it did not release, or that ended here, is good for nothing in front of the AS.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from dcrgw.core.authorization import gates, management
from dcrgw.core.authorization.details import Details
from dcrgw.core.authorization.introspection import INACTIVE
from dcrgw.core.authorization.tokens import AccessToken, token_hash
from dcrgw.core.certificates.identity import ClientIdentity
from dcrgw.core.checks import Findings, Report, gate
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.upstream import release as given
from dcrgw.core.upstream.release import Introspected
from dcrgw.errors import ErrorCode
from dcrgw.flows import audit, enriching, withholding
from dcrgw.flows.authentication import Door
from dcrgw.flows.details import context_of, exceeding
from dcrgw.flows.presenting import Presented
from dcrgw.flows.using import refused
from dcrgw.ports import Ports
from dcrgw.ports.details import DetailOperation
from dcrgw.ports.grants import GrantChange, GrantVerdict
from dcrgw.ports.registry import Change
from dcrgw.ports.upstream import Told

RELEASED = gate(
    "upstream.token.released",
    "The access token is one that the gateway released to an active client and that has not ended.",
    spec="RFC 6750 §3.1",
    code=ErrorCode.INVALID_TOKEN,
    status=401,
)
BOUND = gate(
    "upstream.token.bound",
    "The access token comes over the certificate that it was released over.",
    spec="RFC 8705 §3",
    code=ErrorCode.INVALID_TOKEN,
    status=401,
)


async def borne(
    arrival: Arrival, identity: ClientIdentity, market: Market, ports: Ports, report: Report
) -> AccessToken:
    """The access token that a request brings, over the certificate of that token. Raises: Rejected, Unavailable."""
    token = report.settle(management.bearer(arrival))
    known = await ports.registry.access_token(token_hash(token))
    if known is None or known.market != market.name:
        raise refused(RELEASED.failed("the token is not one that was released here"), report)
    report.findings.add(RELEASED.passed)
    report.facts["client_id"] = known.client_id
    if known.x5t_s256 != identity.x5t_s256:
        raise refused(BOUND.failed("the token is bound to another certificate"), report)
    report.findings.add(BOUND.passed)
    return known


@dataclass(frozen=True, slots=True)
class _Known:
    """What the gateway knows of a token that it released. `x5t_s256` is None for a refresh token."""

    client: RegisteredClient
    details: Details
    x5t_s256: str | None = None


async def tell(
    told: Told, token: str, caller: Presented | None, arrival: Arrival, market: Market, ports: Ports, report: Report
) -> Told:
    """The AS's answer about a token as who asks may have it: `caller` is None for a resource server of the bank.

    Raises: Misconfigured where the AS says more of it than was asked for it; Unavailable.
    """
    no = await withholding.refusal(told, caller, ports, report)
    if no is not None:
        return no
    said = withholding.settle(given.introspected(told.body), market, report)
    report.decision = "answered"
    if not isinstance(said, Introspected):
        return _json(dict(INACTIVE))
    known = await _known(token_hash(token), market, ports)
    if known is None:
        is_ours = said.word.client_id is None or await ports.registry.client(market.name, said.word.client_id)
        # What the bank's own servers hold at the AS is no business of the gateway, nor of its clients.
        return _json(dict(INACTIVE)) if caller is not None or is_ours else _json(dict(said.members))
    # A refresh token is its client's alone to hear of: no API takes it for an access token.
    if caller is None and known.x5t_s256 is None:
        return _json(dict(INACTIVE))
    if caller is not None and known.client.client_id != caller.client.client_id:
        return _json(dict(INACTIVE))
    return _json(await _judged(said, known, arrival, market, ports, report))


async def _known(hashed: str, market: Market, ports: Ports) -> _Known | None:
    access = await ports.registry.access_token(hashed)
    refresh = await ports.grants.refresh_token(market.name, hashed) if access is None else None
    if access is not None and access.market == market.name:
        grant = await ports.grants.grant(market.name, access.grant) if access.grant is not None else None
        client = await ports.registry.client(market.name, access.client_id)
        # Of a grant all that was asked: a customer's choice may have changed since this token was released.
        most = grant.details if grant is not None else access.details
        return _Known(client, most, access.x5t_s256) if client is not None else None
    if refresh is not None:
        client = await ports.registry.client(market.name, refresh.grant.client_id)
        return _Known(client, refresh.grant.details) if client is not None else None
    return None


async def _judged(
    said: Introspected,
    known: _Known,
    arrival: Arrival,
    market: Market,
    ports: Ports,
    report: Report,
) -> dict[str, JsonValue]:
    """The answer, held against what the gateway knows, bound to the certificate, and as the bank's scripts made it."""
    assert market.upstream is not None
    findings, context = Findings(), context_of(known.client, DetailOperation.TOKEN, arrival, report)
    given.judge([said.word], known.client, known.x5t_s256, market.upstream, findings)
    more = await exceeding(said.word.details, known.details, context, ports, is_enriched=True)
    given.note_excess({said.word.place: more}, findings)
    withholding.settle(findings.judgement(True), market, report)
    answer: dict[str, JsonValue] = {**said.members, "client_id": known.client.client_id}
    if known.x5t_s256 is None:
        return answer
    if said.word.x5t_s256 is None:
        answer["cnf"] = {"x5t#S256": known.x5t_s256}
    return await enriching.enriched(answer, arrival, ports, report)


async def end(token: str, caller: Presented, arrival: Arrival, market: Market, ports: Ports, report: Report) -> bool:
    """End a token here, before the AS is told: no failure there keeps it alive in front of it.

    False for another client's, which the AS is not told of. Uses up what proved the client, so that nothing needs
    `presenting.spend`. Raises: Rejected, Unavailable.
    """
    hashed, client = token_hash(token), caller.client
    access = await ports.registry.access_token(hashed)
    refresh = await ports.grants.refresh_token(market.name, hashed) if access is None else None
    owner = access.client_id if access is not None else refresh.grant.client_id if refresh is not None else None
    is_own = owner == client.client_id
    report.decision = "revoked" if is_own else "unchanged"
    change = GrantChange(
        Change(
            audit=audit.record(report, client.client_id),
            used=caller.used,
            ends_token=hashed if access is not None and is_own else None,
        ),
        revokes=refresh.grant.id if refresh is not None and is_own else None,
    )
    if await ports.grants.commit(change) is not GrantVerdict.STORED:
        raise Door(report, arrival).refuse(gates.ASSERTION_UNUSED.failed("the assertion's jti was used before"))
    return owner is None or is_own


def _json(answer: dict[str, JsonValue]) -> Told:
    return Told(200, (("Content-Type", "application/json"),), json.dumps(answer).encode())
