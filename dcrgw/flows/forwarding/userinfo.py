"""GET, POST /userinfo with an authorization server (AS) behind: for whom the token is, over whose certificate.

Spec: OpenID Connect Core 1.0 §5.3; RFC 6750; RFC 8705 §3.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dcrgw.core.authorization import management
from dcrgw.core.authorization.tokens import AccessToken
from dcrgw.core.certificates.identity import ClientIdentity
from dcrgw.core.checks import Findings, Judgement, Report, gate
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.registration import holders
from dcrgw.core.registration.client import ClientStatus, RegisteredClient
from dcrgw.core.upstream import answers
from dcrgw.errors import ErrorCode
from dcrgw.flows import audit, stages
from dcrgw.flows.forwarding.asking import fetch, looked_at
from dcrgw.flows.upstream_tokens import access_token
from dcrgw.ports import Ports

ENDPOINT = "userinfo_endpoint"

TOKEN = gate(
    "userinfo.token",
    "The access token is an active client's, granted openid, and comes over the certificate that it is bound to.",
    spec="OpenID Connect Core 1.0 §5.3.1; RFC 6750 §3.1; RFC 8705 §3",
    code=ErrorCode.INVALID_TOKEN,
    status=401,
)


@dataclass(frozen=True, slots=True)
class Told:
    """What the AS tells of a person: a JSON object, or a signed or encrypted JWT as its client registered."""

    media_type: str
    body: bytes = field(repr=False)


async def userinfo(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Told:
    """What the AS tells of the person whose token it is. An answer leaves no audit row, a refusal does.

    Raises: Rejected, Unavailable, Misconfigured.
    """
    async with audit.of_failures(report, ports.registry):
        identity = await stages.identify(arrival.chain, market, ports.revocation, report)
        # DIVERGENCE: RFC 6750 §2.2 lets a form bring the token.
        token = report.settle(management.bearer(arrival))
        access = await access_token(token, market, ports)
        client = None if access is None else await ports.registry.client(market.name, access.client_id)
        report.settle(_judge(access, client, identity, market, report.at))
        told = await fetch(ENDPOINT, ports, report, arrival, ("Authorization", f"Bearer {token}"))
        kind, body = looked_at(lambda: answers.userinfo(told.status, told.headers, told.body), ENDPOINT, report)
        report.findings.add(answers.AGREES.passed)
        report.decision = "answered"
        return Told(kind, body)


def _judge(
    access: AccessToken | None, client: RegisteredClient | None, identity: ClientIdentity, market: Market, at: float
) -> Judgement[RegisteredClient]:
    """One answer for every no: what the token is, is nobody's to hear but its own client's."""
    findings = Findings()
    good = (
        access is not None
        and client is not None
        and client.status is ClientStatus.ACTIVE
        and at < access.expires_at
        and "openid" in access.scope
        and access.x5t_s256 == identity.x5t_s256
        and holders.client_fault(identity, client, market.profile) is None
    )
    findings.settle(TOKEN, None if good else "the token is not one that tells of a person over this connection")
    return findings.judgement(client)
