"""POST /token: a client that proves who it is gets an access token, bound to its certificate."""

from __future__ import annotations

from dataclasses import replace

from dcrgw.core.authorization import grant_gates as gates
from dcrgw.core.authorization import grants
from dcrgw.core.authorization.grants import Allowed
from dcrgw.core.authorization.interaction import Grant, RefreshToken
from dcrgw.core.authorization.server import AUTHORIZATION_CODE, CLIENT_CREDENTIALS
from dcrgw.core.authorization.tokens import token_hash
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.flows import audit
from dcrgw.flows.authentication import admit
from dcrgw.flows.details import settle_narrowing, settle_rules
from dcrgw.flows.issuing import Issued, TokenRequest, commit, id_token, minted, registry_change, revoke, settle_verdict
from dcrgw.ports import Ports
from dcrgw.ports.grants import GrantChange
from dcrgw.ports.registry import CommitVerdict


async def exchange(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Issued:
    """An access token for one request. Every line is a stage of docs/checks.md; one audit row tells the end.

    Raises: Rejected, Unavailable, Misconfigured.
    """
    async with audit.of_failures(report, ports.registry):
        caller = await admit(arrival, market, ports, report)
        granted = report.settle(grants.grant_type(caller.form, caller.proven.client, market))
        request = TokenRequest(caller.form, caller.proven, caller.identity, arrival, market, ports, report)
        report.facts["grant_type"] = granted
        if granted == CLIENT_CREDENTIALS:
            return await _by_own_right(request)
        return await (_for_code(request) if granted == AUTHORIZATION_CODE else _for_refresh_token(request))


async def _by_own_right(request: TokenRequest) -> Issued:
    allowed = request.report.settle(grants.own_right(request.form, request.proven.client, request.detail_types))
    await settle_rules(allowed.details, request.context, request.ports, request.report)
    token, access = await minted(allowed, request)
    committed = await request.ports.registry.commit(registry_change(access, request))
    settle_verdict(committed.verdict is CommitVerdict.TOKEN_USED, committed.verdict is CommitVerdict.STORED, request)
    return Issued(token, access.scope, request.market.access_token_lifetime_s, access.details)


async def _for_code(request: TokenRequest) -> Issued:
    report, ports, market = request.report, request.ports, request.market
    shown = report.settle(grants.shown_code(request.form))
    found = await ports.grants.code(market.name, token_hash(shown.code))
    client = request.proven.client
    judged = grants.redeem(shown, found, client, report.at)
    if any(finding.check is gates.CODE_UNUSED for finding in judged.failures) and found is not None:
        await revoke(found.grant, request)
    code = report.settle(judged)
    allowed = await _of_grant(code.grant, request)
    token, access = await minted(allowed, request)
    refresh = ports.randomness.token() if grants.gets_refresh_token(client, market) else None
    ends_at = report.at + market.server.refresh_token_lifetime_s
    lasts_until = max(access.expires_at, ends_at if refresh else 0)
    change = GrantChange(
        registry_change(access, request),
        redeems=code.hash,
        prolongs=(code.grant.id, lasts_until),
        keeps=RefreshToken(token_hash(refresh), code.grant, ends_at) if refresh else None,
    )
    vouching = await id_token(code, token, request) if "openid" in allowed.scope else None
    await commit(change, code.grant, (gates.CODE_UNUSED, "the code was used before"), request)
    return Issued(token, access.scope, market.access_token_lifetime_s, access.details, refresh, vouching)


async def _for_refresh_token(request: TokenRequest) -> Issued:
    report, ports, market = request.report, request.ports, request.market
    shown = report.settle(grants.shown_refresh_token(request.form))
    found = await ports.grants.refresh_token(market.name, token_hash(shown))
    judged = grants.refresh(found, request.proven.client, report.at)
    if any(finding.check is gates.REFRESH_UNUSED for finding in judged.failures) and found is not None:
        await revoke(found.grant, request)
    kept = report.settle(judged)
    allowed = await _of_grant(kept.grant, request)
    token, access = await minted(allowed, request)
    # A rotated token ends when its first one would have: what a person granted does not grow by being used.
    renewed = ports.randomness.token() if market.server.rotates_refresh_tokens else None
    change = GrantChange(
        registry_change(access, request),
        rotates=kept.hash if renewed else None,
        keeps=replace(kept, hash=token_hash(renewed)) if renewed else None,
        prolongs=(kept.grant.id, access.expires_at),
    )
    said = (gates.REFRESH_UNUSED, "the refresh token was used before")
    await commit(change, kept.grant if renewed else None, said, request)
    return Issued(token, access.scope, market.access_token_lifetime_s, access.details, renewed)


async def _of_grant(grant: Grant, request: TokenRequest) -> Allowed:
    """What the request asks for of a grant: the same, or less by its details' types."""
    report, ports = request.report, request.ports
    report.facts["grant"], report.facts["sub"] = grant.id, grant.sub
    allowed, left = report.settle(grants.of_grant(request.form, grant, request.proven.client, request.detail_types))
    if "authorization_details" in request.form:
        await settle_rules(allowed.details, request.context, ports, report)
        await settle_narrowing(allowed.details, left, request.context, ports, report)
    return allowed
