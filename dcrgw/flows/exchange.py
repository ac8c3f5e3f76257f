"""POST /token: a client that proves who it is gets an access token, bound to its certificate."""

from __future__ import annotations

from dataclasses import dataclass, field

from dcrgw.core.authorization import form as forms
from dcrgw.core.authorization import gates, grants
from dcrgw.core.authorization.client_authentication import Authenticated
from dcrgw.core.authorization.grants import Grant
from dcrgw.core.authorization.tokens import AccessToken, token_hash
from dcrgw.core.certificates.identity import ClientIdentity
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.flows import audit, stages
from dcrgw.flows.authentication import Door, authenticate
from dcrgw.ports import Ports
from dcrgw.ports.registry import Change, CommitVerdict, UsedToken


@dataclass(frozen=True, slots=True)
class Issued:
    """An access token as its client gets it: the only time that it is seen whole."""

    token: str = field(repr=False)
    scope: tuple[str, ...]
    lifetime_s: int


async def exchange(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Issued:
    """An access token for one request. Every line is a stage of docs/checks.md; one audit row tells the end.

    Raises: Rejected, Unavailable, Misconfigured.
    """
    async with audit.of_failures(report, ports.registry):
        identity = await stages.identify(arrival.chain, market, ports.revocation, report)
        form = report.settle(forms.read(arrival.body, arrival.media_type, arrival.query))
        proven = await authenticate(form, arrival, identity, market, ports, report)
        grant = report.settle(grants.judge(form, proven.client, market))
        return await _issue(proven, grant, identity, Door(report, arrival), ports, report)


async def _issue(
    proven: Authenticated, grant: Grant, identity: ClientIdentity, door: Door, ports: Ports, report: Report
) -> Issued:
    """One change: the token, the assertion used up, the audit row; a refused request burns no assertion."""
    token = ports.randomness.token()
    client = proven.client
    access = AccessToken(
        hash=token_hash(token),
        market=client.market,
        client_id=client.client_id,
        scope=grant.scope,
        issued_at=report.at,
        expires_at=report.at + grant.lifetime_s,
        x5t_s256=identity.x5t_s256,
    )
    used = proven.assertion
    report.decision = "issued"
    committed = await ports.registry.commit(
        Change(
            audit=audit.record(report, client.client_id),
            used=(UsedToken("client_assertion", client.client_id, used.jti, used.expires_at),) if used else (),
            issues=access,
        )
    )
    if committed.verdict is CommitVerdict.TOKEN_USED:
        raise door.refuse(gates.ASSERTION_UNUSED.failed("the assertion's jti was used before"))
    if committed.verdict is not CommitVerdict.STORED:
        raise door.refuse(gates.ACTIVE.failed("the client is no longer active"))
    report.findings.append(gates.ASSERTION_UNUSED.passed if used else gates.ASSERTION_UNUSED.skipped("no assertion"))
    report.findings.append(gates.AUTHENTICATED.passed)
    return Issued(token, grant.scope, grant.lifetime_s)
