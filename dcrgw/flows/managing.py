"""Reading, updating and deleting begin alike: this caller may manage this client, by this method, in this version."""

from __future__ import annotations

from dcrgw.core.authorization import management
from dcrgw.core.authorization.management import Claim
from dcrgw.core.authorization.tokens import AccessToken, token_hash
from dcrgw.core.certificates.identity import ClientIdentity
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.registration.client import RegisteredClient, claimed_id, is_client_id
from dcrgw.core.registration.version import is_expected
from dcrgw.errors import Rejected
from dcrgw.flows.upstream_tokens import access_token
from dcrgw.ports import Ports

_SAID = "the token is not one that may manage this client over this connection"


class Unauthorised(Rejected):
    """The one 401 for unknown, foreign and deleted clients. `ends_token` is the hash of an access token to end."""

    def __init__(self, report: Report, ends_token: str | None = None) -> None:
        finding = management.AUTHORISED.failed(_SAID)
        report.findings.add(finding)
        super().__init__([finding.fault])
        self.ends_token = ends_token


async def authorise(
    arrival: Arrival, identity: ClientIdentity, market: Market, ports: Ports, report: Report
) -> RegisteredClient:
    """The client, when token and certificate are its own and the market offers the method.

    Raises: Rejected: 401 before anything else, then 403, then 405 with Allow, then 412.
    """
    client, token = await _owner(arrival, identity, market, ports, report)
    report.facts["client_id"] = client.client_id
    report.facts |= {name: value for name, value in _party(client).items() if value is not None}
    _settle_scope(token, market, report)
    _settle_method(arrival, market, report)
    settle_version(arrival, client, report)
    return client


async def _owner(
    arrival: Arrival, identity: ClientIdentity, market: Market, ports: Ports, report: Report
) -> tuple[RegisteredClient, AccessToken | None]:
    shown = _token(arrival, report)
    hashed = token_hash(shown)
    client_id = arrival.client_id or ""
    by_registration_token = management.uses_registration_tokens(market)
    addressed = await ports.registry.client(market.name, client_id) if is_client_id(client_id) else None
    report.facts["addressed"] = claimed_id(client_id, addressed)
    claim = Claim(
        arrival=arrival,
        token_hash=hashed,
        token=None if by_registration_token else await _access_token(shown, market, ports),
        client=addressed,
        identity=identity,
        market=market,
        at=report.at,
    )
    judged = management.judge(claim)
    report.findings.take(judged.findings)
    if judged.value is None:
        raise Unauthorised(report, hashed if claim.is_misused else None)
    report.findings.add(management.AUTHORISED.passed)
    return judged.value, claim.token


async def _access_token(token: str, market: Market, ports: Ports) -> AccessToken | None:
    """Where the market has a server of its own, that one says so too, or the token is none. Raises: Unavailable."""
    if market.upstream is not None:
        return await access_token(token, market, ports)
    return await ports.registry.access_token(token_hash(token))


def _token(arrival: Arrival, report: Report) -> str:
    judged = management.bearer(arrival)
    report.findings.take(judged.findings)
    if judged.value is not None:
        return judged.value
    # RFC 6750 §3.1: a request that brings no token is told of the scheme and of no error.
    is_absent = any(finding.check is management.PRESENT for finding in judged.failures)
    headers = {"WWW-Authenticate": "Bearer"} if is_absent else {}
    raise Rejected([finding.fault for finding in judged.failures], headers=headers)


def _settle_scope(token: AccessToken | None, market: Market, report: Report) -> None:
    """The token is the client's own by now; whether it is for this is no secret. Raises: Rejected (403)."""
    needed = market.profile.management_scope
    if not needed or token is None:
        report.findings.add(management.SCOPE.skipped("the market needs no scope for it"))
    elif needed in token.scope:
        report.findings.add(management.SCOPE.passed)
    else:
        finding = management.SCOPE.failed(f"the token needs the scope {needed}")
        report.findings.add(finding)
        challenge = f'Bearer error="insufficient_scope", scope="{needed}"'
        raise Rejected([finding.fault], headers={"WWW-Authenticate": challenge})


def _settle_method(arrival: Arrival, market: Market, report: Report) -> None:
    offered = market.profile.management_methods
    if arrival.method in offered:
        report.findings.add(management.METHOD.passed)
        return
    finding = management.METHOD.failed(f"a registration has {', '.join(sorted(offered)) or 'no method at all'}")
    report.findings.add(finding)
    raise Rejected([finding.fault], headers={"Allow": ", ".join(sorted(offered))})


def settle_version(arrival: Arrival, client: RegisteredClient, report: Report) -> None:
    """If-Match, where the caller sent it, names the client's version. Raises: Rejected (412)."""
    if is_expected(arrival.if_match, client.version):
        report.findings.add(management.EXPECTED_VERSION.passed)
        return
    finding = management.EXPECTED_VERSION.failed("the registration has another version: read it again")
    report.findings.add(finding)
    raise Rejected([finding.fault])


def _party(client: RegisteredClient) -> dict[str, str | None]:
    return {"software_id": client.software_id, "org_id": client.org_id, "directory": client.directory}
