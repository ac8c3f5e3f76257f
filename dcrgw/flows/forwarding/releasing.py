"""Tokens that the authorization server (AS) behind a market gives: what they may hold, and whether they leave.

`limit` judges a token request before it goes on, `release` the answer before anybody has it. What leaves is kept as
the built-in server keeps what it issues: by its hash, under the client, bound to its certificate. So what ends tokens
there ends them here, in front of an AS that goes on taking them for good.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from dcrgw.core.authorization import gates, grants
from dcrgw.core.authorization import grant_gates as tokens
from dcrgw.core.authorization.details import Details
from dcrgw.core.authorization.grants import Allowed
from dcrgw.core.authorization.interaction import AuthorizationRequest, Grant, RefreshToken
from dcrgw.core.authorization.server import AUTHORIZATION_CODE, CLIENT_CREDENTIALS
from dcrgw.core.authorization.tokens import AccessToken, token_hash
from dcrgw.core.checks import Findings, Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.upstream import release as release_rules
from dcrgw.core.upstream.release import Word
from dcrgw.errors import Misconfigured
from dcrgw.flows import audit
from dcrgw.flows.authentication import Door
from dcrgw.flows.details import context_of, exceeding, settle_narrowing, settle_rules
from dcrgw.flows.forwarding import withholding
from dcrgw.flows.forwarding.asking import looked_at
from dcrgw.flows.presenting import Presented
from dcrgw.flows.using import refused
from dcrgw.ports import Ports
from dcrgw.ports.details import DetailContext, DetailOperation
from dcrgw.ports.grants import GrantChange, GrantVerdict
from dcrgw.ports.registry import Change

ENDPOINT = "token_endpoint"
#: A refresh token that another took the place of: a client whose answer was lost may still have no other.
REPLACED_S = 86_400


@dataclass(frozen=True, slots=True)
class Limit:
    """The most that the answer to one token request may hold. `grant` is None where the client asks for itself."""

    allowed: Allowed
    #: The grant begins with the answer: it is a code that was shown.
    is_new: bool = False
    #: What was shown for the tokens, where it was no code.
    refresh: RefreshToken | None = None
    #: What goes on besides, so that the AS gives no more than that.
    beside: Mapping[str, str] = field(default_factory=dict)

    @property
    def grant(self) -> Grant | None:
        """The person's grant."""
        return self.allowed.grant


async def limit(caller: Presented, arrival: Arrival, market: Market, ports: Ports, report: Report) -> Limit:
    """What a token request may get, before it goes on to the AS. Raises: Rejected, Unavailable, Misconfigured."""
    granted = report.settle(grants.grant_type(caller.form, caller.client, market))
    report.facts["grant_type"] = granted
    context = context_of(caller.client, DetailOperation.TOKEN, arrival, report)
    if granted == CLIENT_CREDENTIALS:
        types = ports.details.types(market.name)
        allowed = report.settle(grants.own_right(caller.form, caller.client, types))
        await settle_rules(allowed.details, context, ports, report)
        return Limit(allowed)
    if granted == AUTHORIZATION_CODE:
        grant = await _of_code(caller, market, ports, report)
        allowed, beside = await _of_grant(grant, caller, context, ports, report)
        return Limit(allowed, is_new=True, beside=beside)
    shown = report.settle(grants.shown_refresh_token(caller.form))
    found = await ports.grants.refresh_token(market.name, token_hash(shown))
    kept = report.settle(grants.refresh(found, caller.client, report.at))
    allowed, beside = await _of_grant(kept.grant, caller, context, ports, report)
    return Limit(allowed, refresh=kept, beside=beside)


async def _of_code(caller: Presented, market: Market, ports: Ports, report: Report) -> Grant:
    """The grant that a code stands for: of the request whose challenge the shown verifier answers."""
    shown = report.settle(grants.shown_code(caller.form))
    challenge = grants.challenge(shown.verifier)
    with_it = await ports.grants.asked_with(market.name, caller.client.client_id, challenge)
    if not with_it:
        said = "code_verifier is not what the code_challenge of a request was made of"
        raise refused(tokens.CODE_VERIFIER.failed(said), report)
    found = [each.request for each in with_it if each.request.redirect_uri == shown.redirect_uri]
    if not found:
        raise refused(tokens.CODE_REDIRECT.failed("redirect_uri is not that of the authorization request"), report)
    if any(each.details != found[0].details or each.scope != found[0].scope for each in found):
        # RFC 7636 §4.1: a verifier is made for each request; nobody can tell which of them the code is of.
        raise refused(tokens.CODE_CHALLENGE.failed("several requests had the same code_challenge"), report)
    for passed in (tokens.CODE_VERIFIER, tokens.CODE_REDIRECT, tokens.CODE_CHALLENGE):
        report.findings.add(passed.passed)
    return _granted(found[0], ports, report)


def _granted(request: AuthorizationRequest, ports: Ports, report: Report) -> Grant:
    return Grant(
        id=ports.randomness.report_id(),
        market=request.market,
        client_id=request.client_id,
        sub="",
        scope=request.scope,
        details=request.details,
        authenticated_at=report.at,
        granted_at=report.at,
        expires_at=report.at,
    )


async def _of_grant(
    grant: Grant, caller: Presented, context: DetailContext, ports: Ports, report: Report
) -> tuple[Allowed, Mapping[str, str]]:
    """What the request asks for of a grant: the same, or less by its details' types; and what tells the AS so."""
    report.facts["grant"] = grant.id
    types = ports.details.types(grant.market)
    allowed, left = report.settle(grants.of_grant(caller.form, grant, caller.client, types))
    beside = report.settle(grants.narrowing(caller.form, grant, allowed, left))
    if "authorization_details" in caller.form:
        await settle_rules(allowed.details, context, ports, report)
        await settle_narrowing(allowed.details, left, context, ports, report, is_enriched=True)
    return allowed, beside


async def release(
    answer: Mapping[str, JsonValue],
    most: Limit,
    caller: Presented,
    arrival: Arrival,
    market: Market,
    ports: Ports,
    report: Report,
) -> None:
    """Tokens that the AS gave may leave: they are within the limit, and are remembered with the audit row.

    Raises: Misconfigured where the AS gave more than was asked, Unavailable where nobody can tell, Rejected where the
    client is active no more; then nothing leaves.
    """
    given = _Given(
        str(answer["access_token"]),
        *looked_at(lambda: (release_rules.refresh_token(answer), release_rules.lifetime_s(answer)), ENDPOINT, report),
        looked_at(lambda: release_rules.words(answer), ENDPOINT, report),
    )
    try:
        await _settle_new(given, most, caller, market, ports, report)
        known = Known(caller.client, most.allowed.details, caller.identity.x5t_s256)
        await settle_words(given.words, known, arrival, market, ports, report)
    except Misconfigured:
        await withholding.revoke(given.refresh_token or given.access_token, caller, market, ports, report)
        raise
    access, change = _change(given, most, caller, market, report)
    report.decision = "issued"
    registry = Change(audit=audit.record(report, caller.client.client_id), issues=access, ends_token=access.hash)
    if await ports.grants.commit(replace(change, registry=registry)) is not GrantVerdict.STORED:
        raise Door(report, arrival).refuse(gates.ACTIVE.failed("the client is no longer active"))


@dataclass(frozen=True, slots=True)
class _Given:
    """A token answer, read."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    lifetime_s: int | None
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What the gateway knows of a token. `x5t_s256` is None for a refresh token."""

    client: RegisteredClient
    #: The most that it may be good for.
    details: Details
    x5t_s256: str | None = None
    #: What it was released with, though its client may have given that up since.
    scope: tuple[str, ...] = ()


async def settle_words(
    words: tuple[Word, ...], of: Known, arrival: Arrival, market: Market, ports: Ports, report: Report
) -> None:
    """What the AS says of a token is no more than was asked. Raises: Misconfigured, Unavailable."""
    assert market.upstream is not None
    findings, context = Findings(), context_of(of.client, DetailOperation.TOKEN, arrival, report)
    scopes = {*of.client.metadata.scopes, *of.scope}
    release_rules.judge(words, scopes, of.x5t_s256, market.upstream, findings)
    more = {word.place: await exceeding(word.details, of.details, context, ports, is_enriched=True) for word in words}
    release_rules.note_excess(more, findings)
    withholding.settle(findings.judgement(True), market, report)


async def _settle_new(
    given: _Given, most: Limit, caller: Presented, market: Market, ports: Ports, report: Report
) -> None:
    """No token is one that another client has, or that another person granted. Raises: Misconfigured, Unavailable."""
    findings = Findings()
    access = await ports.registry.access_token(token_hash(given.access_token))
    is_old = access is not None and (access.market, access.client_id) != (market.name, caller.client.client_id)
    if given.refresh_token is not None:
        kept = await ports.grants.refresh_token(market.name, token_hash(given.refresh_token))
        is_old = is_old or (kept is not None and (most.grant is None or kept.grant.id != most.grant.id))
    said = "a token was released before, to another client or for another grant" if is_old else None
    findings.settle(release_rules.NEW, said)
    withholding.settle(findings.judgement(True), market, report)


def _change(
    given: _Given, most: Limit, caller: Presented, market: Market, report: Report
) -> tuple[AccessToken, GrantChange]:
    """What is remembered of the tokens that leave, without the registry's part of it."""
    grant, at = most.grant, report.at
    access = AccessToken(
        hash=token_hash(given.access_token),
        market=market.name,
        client_id=caller.client.client_id,
        scope=next((word.scope for word in given.words if word.scope is not None), most.allowed.scope),
        issued_at=at,
        expires_at=at + (given.lifetime_s or market.access_token_lifetime_s),
        x5t_s256=caller.identity.x5t_s256,
        grant=grant.id if grant else None,
        # Not every AS says with a token what it is good for: then it is what was asked for.
        details=next((word.details for word in given.words if word.details), most.allowed.details),
    )
    if grant is None:
        return access, GrantChange()
    shown, refresh_ends = most.refresh, at + market.server.refresh_token_lifetime_s
    hashed = token_hash(given.refresh_token) if given.refresh_token is not None else None
    keeps = RefreshToken(hashed, grant, refresh_ends) if hashed and (shown is None or hashed != shown.hash) else None
    # RFC 6749 §6: a client drops the token that another took the place of, but may have lost the answer with that.
    until = min(shown.expires_at, at + REPLACED_S) if shown is not None and keeps is not None else refresh_ends
    lasts = max(access.expires_at, refresh_ends if shown is not None or keeps is not None else 0)
    return access, GrantChange(
        grants=replace(grant, expires_at=lasts) if most.is_new else None,
        prolongs=None if most.is_new else (grant.id, lasts),
        keeps=keeps,
        ends_refresh=(shown.hash, until) if shown is not None else None,
    )
