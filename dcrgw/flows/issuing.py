"""What a token request ends in: tokens made and stored in one change, or a grant that ends because it was replayed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from dcrgw.core.authorization import gates
from dcrgw.core.authorization.client_authentication import Authenticated
from dcrgw.core.authorization.details import Details
from dcrgw.core.authorization.grants import Allowed
from dcrgw.core.authorization.interaction import Code, Grant
from dcrgw.core.authorization.minting import (
    ACCESS_TOKEN_TYPE,
    ID_TOKEN_TYPE,
    access_token_claims,
    beside_token,
    id_token_claims,
)
from dcrgw.core.authorization.tokens import AccessToken, token_hash
from dcrgw.core.certificates.identity import ClientIdentity
from dcrgw.core.checks import Gate, Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.flows import audit
from dcrgw.flows.authentication import Door
from dcrgw.flows.details import context_of
from dcrgw.flows.enriching import enriched_claims
from dcrgw.flows.using import refused, used_assertion
from dcrgw.ports import Ports
from dcrgw.ports.details import DetailContext, DetailOperation
from dcrgw.ports.grants import GrantChange, GrantVerdict
from dcrgw.ports.registry import Change


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
class TokenRequest:
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
        return context_of(self.proven.client, DetailOperation.TOKEN, self.arrival, self.report)

    @property
    def detail_types(self) -> tuple[str, ...]:
        return self.ports.details.types(self.market.name)


async def minted(allowed: Allowed, request: TokenRequest) -> tuple[str, AccessToken]:
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


async def id_token(code: Code, access_token: str, request: TokenRequest) -> str:
    claims = id_token_claims(code.grant, code.nonce, request.market, request.report.at) | beside_token(access_token)
    return await request.ports.signer.sign(claims, ID_TOKEN_TYPE)


def registry_change(access: AccessToken, request: TokenRequest) -> Change:
    """The registry's part: the token, the assertion used up, the audit row; a refused request burns no assertion."""
    request.report.decision = "issued"
    record = audit.record(request.report, access.client_id)
    return Change(audit=record, used=used_assertion(request.proven), issues=access)


async def revoke(grant: Grant, request: TokenRequest) -> None:
    """End a grant whose code or refresh token came twice: one of the two who have it stole it (RFC 9700 §4.14.2)."""
    report = request.report
    report.facts["revoked_grant"] = grant.id
    report.decision = "revoked"
    change = GrantChange(Change(audit=audit.record(report, grant.client_id)), revokes=grant.id)
    await request.ports.grants.commit(change)


async def commit(change: GrantChange, replayed: Grant | None, said: tuple[Gate, str], request: TokenRequest) -> None:
    """Apply it. Of two who use the same at once the second is a replay: `replayed` ends, as for any later one."""
    verdict = await request.ports.grants.commit(change)
    if verdict is GrantVerdict.GONE:
        if replayed is not None:
            await revoke(replayed, request)
        raise refused(said[0].failed(said[1]), request.report)
    settle_verdict(verdict is GrantVerdict.TOKEN_USED, verdict is GrantVerdict.STORED, request)


def settle_verdict(is_replay: bool, is_stored: bool, request: TokenRequest) -> None:
    """What the store said of the client's proof. Raises: Rejected."""
    report, door = request.report, Door(request.report, request.arrival)
    if is_replay:
        raise door.refuse(gates.ASSERTION_UNUSED.failed("the assertion's jti was used before"))
    if not is_stored:
        raise door.refuse(gates.ACTIVE.failed("the client is no longer active"))
    used = request.proven.assertion
    report.findings.add(gates.ASSERTION_UNUSED.passed if used else gates.ASSERTION_UNUSED.skipped("no assertion"))
    report.findings.add(gates.AUTHENTICATED.passed)
