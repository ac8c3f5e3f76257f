"""POST /token: a client that proves who it is gets an access token, bound to its certificate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from dcrgw.core.authorization import gates, grants
from dcrgw.core.authorization.client_authentication import Authenticated
from dcrgw.core.authorization.details import Details
from dcrgw.core.authorization.grants import Allowed
from dcrgw.core.authorization.interaction import Code, Grant, RefreshToken
from dcrgw.core.authorization.minting import (
    ACCESS_TOKEN_TYPE,
    ID_TOKEN_TYPE,
    access_token_claims,
    beside_token,
    id_token_claims,
)
from dcrgw.core.authorization.server import AUTHORIZATION_CODE, CLIENT_CREDENTIALS
from dcrgw.core.authorization.tokens import AccessToken, token_hash
from dcrgw.core.certificates.identity import ClientIdentity
from dcrgw.core.checks import Gate, Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.flows import audit
from dcrgw.flows.authentication import Door, admit
from dcrgw.flows.details import settle_narrowing, settle_rules
from dcrgw.flows.enriching import enriched_claims
from dcrgw.flows.using import refused, used_assertion
from dcrgw.ports import Ports
from dcrgw.ports.details import DetailContext, DetailOperation
from dcrgw.ports.grants import GrantChange, GrantVerdict
from dcrgw.ports.registry import Change, CommitVerdict


@dataclass(frozen=True, slots=True)
class Issued:
    """Tokens as their client gets them: the only time that they are seen whole."""

    token: str = field(repr=False)
    scope: tuple[str, ...]
    lifetime_s: int
    details: Details = ()
    refresh_token: str | None = field(default=None, repr=False)
    id_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class _Request:
    """One token request, with its client proven."""

    form: Mapping[str, str]
    proven: Authenticated
    identity: ClientIdentity
    arrival: Arrival
    market: Market
    ports: Ports
    report: Report

    @property
    def context(self) -> DetailContext:
        return DetailContext(self.proven.client, DetailOperation.TOKEN)

    @property
    def detail_types(self) -> tuple[str, ...]:
        return self.ports.details.types(self.market.name)


async def exchange(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Issued:
    """An access token for one request. Every line is a stage of docs/checks.md; one audit row tells the end.

    Raises: Rejected, Unavailable, Misconfigured.
    """
    async with audit.of_failures(report, ports.registry):
        caller = await admit(arrival, market, ports, report)
        granted = report.settle(grants.grant_type(caller.form, caller.proven.client, market))
        request = _Request(caller.form, caller.proven, caller.identity, arrival, market, ports, report)
        report.facts["grant_type"] = granted
        if granted == CLIENT_CREDENTIALS:
            return await _by_own_right(request)
        return await (_for_code(request) if granted == AUTHORIZATION_CODE else _for_refresh_token(request))


async def _by_own_right(request: _Request) -> Issued:
    allowed = request.report.settle(grants.own_right(request.form, request.proven.client, request.detail_types))
    await settle_rules(allowed.details, request.context, request.ports.details, request.report)
    token, access = await _minted(allowed, request)
    committed = await request.ports.registry.commit(_change(access, request))
    _settle(committed.verdict is CommitVerdict.TOKEN_USED, committed.verdict is CommitVerdict.STORED, request)
    return Issued(token, access.scope, request.market.access_token_lifetime_s, access.details)


async def _for_code(request: _Request) -> Issued:
    report, ports, market = request.report, request.ports, request.market
    shown = report.settle(grants.shown_code(request.form))
    found = await ports.grants.code(market.name, token_hash(shown.code))
    client = request.proven.client
    judged = grants.redeem(shown, found, client, report.at)
    if any(finding.check is grants.CODE_UNUSED for finding in judged.failures) and found is not None:
        await _revoke(found.grant, request)
    code = report.settle(judged)
    allowed = await _of_grant(code.grant, request)
    token, access = await _minted(allowed, request)
    refresh = ports.randomness.token() if grants.gets_refresh_token(client, market) else None
    ends_at = report.at + market.server.refresh_token_lifetime_s
    lasts_until = max(access.expires_at, ends_at if refresh else 0)
    change = GrantChange(
        _change(access, request),
        redeems=code.hash,
        prolongs=(code.grant.id, lasts_until),
        keeps=RefreshToken(token_hash(refresh), code.grant, ends_at) if refresh else None,
    )
    id_token = await _id_token(code, token, request) if "openid" in allowed.scope else None
    await _commit(change, code.grant, (grants.CODE_UNUSED, "the code was used before"), request)
    return Issued(token, access.scope, market.access_token_lifetime_s, access.details, refresh, id_token)


async def _for_refresh_token(request: _Request) -> Issued:
    report, ports, market = request.report, request.ports, request.market
    shown = report.settle(grants.shown_refresh_token(request.form))
    found = await ports.grants.refresh_token(market.name, token_hash(shown))
    judged = grants.refresh(found, request.proven.client, report.at)
    if any(finding.check is grants.REFRESH_UNUSED for finding in judged.failures) and found is not None:
        await _revoke(found.grant, request)
    kept = report.settle(judged)
    allowed = await _of_grant(kept.grant, request)
    token, access = await _minted(allowed, request)
    # A rotated token ends when its first one would have: what a person granted does not grow by being used.
    renewed = ports.randomness.token() if market.server.rotates_refresh_tokens else None
    change = GrantChange(
        _change(access, request),
        rotates=kept.hash if renewed else None,
        keeps=replace(kept, hash=token_hash(renewed)) if renewed else None,
        prolongs=(kept.grant.id, access.expires_at),
    )
    said = (grants.REFRESH_UNUSED, "the refresh token was used before")
    await _commit(change, kept.grant if renewed else None, said, request)
    return Issued(token, access.scope, market.access_token_lifetime_s, access.details, renewed)


async def _of_grant(grant: Grant, request: _Request) -> Allowed:
    """What the request asks for of a grant: the same, or less by its details' types."""
    report, types = request.report, request.ports.details
    report.facts["grant"], report.facts["sub"] = grant.id, grant.sub
    allowed, beyond = report.settle(grants.of_grant(request.form, grant, request.proven.client, request.detail_types))
    if "authorization_details" in request.form:
        await settle_rules(allowed.details, request.context, types, report)
        await settle_narrowing(beyond, allowed.details, grant.details, request.context, types, report)
    return allowed


async def _minted(allowed: Allowed, request: _Request) -> tuple[str, AccessToken]:
    """An access token, opaque or a JWT, and what is remembered of it."""
    report, market, ports = request.report, request.market, request.ports
    grant, token = allowed.grant, ports.randomness.token()
    access = AccessToken(
        hash=token_hash(token),
        market=market.name,
        client_id=request.proven.client.client_id,
        scope=allowed.scope,
        issued_at=report.at,
        expires_at=report.at + market.access_token_lifetime_s,
        x5t_s256=request.identity.x5t_s256,
        grant=grant.id if grant else None,
        sub=grant.sub if grant else None,
        details=allowed.details,
    )
    if market.server.jwt_audience is None:
        return token, access
    claims = access_token_claims(access, token, grant, market)
    claims = await enriched_claims(claims, request.proven.client, request.arrival, ports, report)
    signed = await ports.signer.sign(claims, ACCESS_TOKEN_TYPE)
    return signed, replace(access, hash=token_hash(signed))


async def _id_token(code: Code, access_token: str, request: _Request) -> str:
    claims = id_token_claims(code.grant, code.nonce, request.market, request.report.at) | beside_token(access_token)
    return await request.ports.signer.sign(claims, ID_TOKEN_TYPE)


def _change(access: AccessToken, request: _Request) -> Change:
    """The registry's part: the token, the assertion used up, the audit row; a refused request burns no assertion."""
    request.report.decision = "issued"
    record = audit.record(request.report, access.client_id)
    return Change(audit=record, used=used_assertion(request.proven), issues=access)


async def _revoke(grant: Grant, request: _Request) -> None:
    """End a grant whose code or refresh token came twice: one of the two who have it stole it (RFC 9700 §4.14.2)."""
    report = request.report
    report.facts["revoked_grant"] = grant.id
    report.decision = "revoked"
    change = GrantChange(Change(audit=audit.record(report, grant.client_id)), revokes=grant.id)
    await request.ports.grants.commit(change)


async def _commit(change: GrantChange, replayed: Grant | None, said: tuple[Gate, str], request: _Request) -> None:
    """Apply it. Of two who use the same at once the second is a replay: `replayed` ends, as for any later one."""
    verdict = await request.ports.grants.commit(change)
    if verdict is GrantVerdict.GONE:
        if replayed is not None:
            await _revoke(replayed, request)
        raise refused(said[0].failed(said[1]), request.report)
    _settle(verdict is GrantVerdict.TOKEN_USED, verdict is GrantVerdict.STORED, request)


def _settle(is_replay: bool, is_stored: bool, request: _Request) -> None:
    """What the store said of the client's proof. Raises: Rejected."""
    report, door = request.report, Door(request.report, request.arrival)
    if is_replay:
        raise door.refuse(gates.ASSERTION_UNUSED.failed("the assertion's jti was used before"))
    if not is_stored:
        raise door.refuse(gates.ACTIVE.failed("the client is no longer active"))
    used = request.proven.assertion
    report.findings.add(gates.ASSERTION_UNUSED.passed if used else gates.ASSERTION_UNUSED.skipped("no assertion"))
    report.findings.add(gates.AUTHENTICATED.passed)
