"""The end of a creation, an update or a deletion in a market with an authorization server (AS) of its own.

First the registry knows what is going to be, and the AS is told after that: see `flows.errands`.
"""

from __future__ import annotations

from dataclasses import replace

from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.registration.client import ClientStatus, RegisteredClient
from dcrgw.core.registration.rules import Registration
from dcrgw.core.upstream import gates, wanting
from dcrgw.core.upstream.client import UPSTREAM_SECRET
from dcrgw.core.upstream.errand import Act, Errand, errand_key
from dcrgw.core.upstream.server import UpstreamServer
from dcrgw.errors import Misconfigured, Rejected, Unavailable
from dcrgw.flows import audit, replacing, storing
from dcrgw.flows.errands import carry, claim_s, server_of
from dcrgw.flows.managing import Unauthorised
from dcrgw.ports import Ports
from dcrgw.ports.registry import Change, CommitVerdict, UsedToken
from dcrgw.ports.tokens import Randomness

#: How often it is looked again what became of an errand that somebody else carries.
_ROUNDS = 3


async def register(
    client: RegisteredClient, registration: Registration, ports: Ports, report: Report
) -> RegisteredClient:
    """The client as stored and as the AS confirmed it, or the one that the same bytes made meanwhile.

    Raises: Rejected as `storing.store`, and where the AS says no; Unavailable where nobody knows: then it is pending.
    """
    market = registration.market
    server = server_of(market)
    pending = replace(with_secret(client, server, ports.randomness), status=ClientStatus.PENDING)
    used = storing.used_tokens(registration, report.at)
    key = errand_key(Act.CREATE, market.name, client.request_digest, client.subject_key)
    errand = _errand(Act.CREATE, key, pending, used, server, ports, report)
    report.decision = "pending"
    committed = await ports.registry.commit(
        Change(
            audit=audit.record(report, pending.client_id),
            client=pending,
            used=used,
            duplicates_allowed=market.profile.duplicates_allowed,
            begins=errand,
        )
    )
    if committed.verdict is CommitVerdict.STORED:
        storing.note_stored(report)
        return _still_there(await carry(errand, market, ports, report))
    if committed.verdict is CommitVerdict.BUSY:
        raise Unavailable("upstream", "what became of the same request before is being undone", retry_after_s=2)
    earlier = storing.earlier_or_refusal(committed, report)
    return await storing.repeat(await completed(earlier, market, ports, report), ports.registry, report)


async def completed(earlier: RegisteredClient, market: Market, ports: Ports, report: Report) -> RegisteredClient:
    """The client that the same bytes made before, as the AS confirmed it: now, where it has not yet.

    Raises: Rejected where the AS says no; Unavailable where nobody knows, or somebody else is at it for too long.
    """
    if earlier.status is not ClientStatus.PENDING:
        return earlier
    lasts_s = claim_s(server_of(market))
    for _ in range(_ROUNDS):
        errand = await ports.errands.of_client(market.name, earlier.client_id)
        if errand is not None and errand.act is Act.CREATE:
            claimed = await ports.errands.claim(errand.key, lasts_s)
            if claimed is not None:
                return _still_there(await carry(claimed, market, ports, report))
            await ports.errands.settled(errand.key, lasts_s)
        found = await ports.registry.repeated(market.name, earlier.request_digest, earlier.subject_key)
        if found is None:
            break
        if found.status is ClientStatus.ACTIVE:
            return found
    raise Unavailable("upstream", "the same request is being carried to the authorization server", retry_after_s=1)


async def replace_client(
    current: RegisteredClient,
    client: RegisteredClient,
    registration: Registration,
    arrival: Arrival,
    ports: Ports,
    report: Report,
) -> RegisteredClient:
    """The new version, `client`, as stored once the AS has it; until then the present one stays as it is.

    Raises: Rejected as `replacing.replace_client`, where an earlier change waits for the AS, and where the AS says no.
    """
    market = registration.market
    server = server_of(market)
    if current.upstream is None and not server.takes_client_id:
        # It would be another client there, under another id than its TPP's.
        raise Misconfigured(f"client {current.client_id} is older than its authorization server: it registers anew")
    client = with_secret(client, server, ports.randomness)
    used = storing.used_tokens(registration, report.at, stored=current.software_statement)
    key = errand_key(Act.UPDATE, market.name, client.client_id, str(client.version), client.request_digest)
    errand = _errand(Act.UPDATE, key, client, used, server, ports, report)
    # What only gives the server the client as it stands here makes way for this; what it left in doubt remains so.
    yielding = await ports.errands.of_client(market.name, client.client_id)
    unsure = yielding is not None and yielding.yields and yielding.unsure
    errand = replace(
        errand, ref=current.upstream_ref(), successor=client, unsure=unsure, over_digest=current.request_digest
    )
    report.decision = "pending"
    committed = await ports.registry.commit(Change(audit=audit.record(report), used=used, begins=errand))
    match committed.verdict:
        case CommitVerdict.STORED:
            report.findings.passed((replacing.UNCHANGED, storing.JTI_UNUSED, gates.ALONE))
            return await _changed(errand, market, ports, report)
        case CommitVerdict.BUSY:
            return await _joined(client, market, ports, report)
        case _:
            return await replacing.settled(committed, client, arrival, ports.registry, report)


async def _changed(errand: Errand, market: Market, ports: Ports, report: Report) -> RegisteredClient:
    """The client once the AS has it so. Raises: Rejected, as for any client that is gone, where it ended meanwhile."""
    try:
        return _still_there(await carry(errand, market, ports, report))
    except Unavailable:
        present = await ports.registry.client(market.name, errand.client_id)
        if present is None or present.status is ClientStatus.DELETED:
            raise Unauthorised(report) from None
        raise


async def _joined(client: RegisteredClient, market: Market, ports: Ports, report: Report) -> RegisteredClient:
    """What becomes of the errand that is open for the client, where it is for these same bytes.

    Raises: Rejected for other bytes; Unavailable.
    """
    lasts_s = claim_s(server_of(market))
    errand = await ports.errands.of_client(market.name, client.client_id)
    if errand is not None:
        if (errand.request_digest, errand.subject_key) != (client.request_digest, client.subject_key):
            finding = gates.ALONE.failed("an earlier change has not reached the bank's authorization server yet")
            report.findings.add(finding)
            raise Rejected([finding.fault])
        claimed = await ports.errands.claim(errand.key, lasts_s)
        if claimed is not None:
            return await _changed(claimed, market, ports, report)
        await ports.errands.settled(errand.key, lasts_s)
    present = await ports.registry.client(market.name, client.client_id)
    same = present is not None and present.status is ClientStatus.ACTIVE
    if present is not None and same and present.request_digest == client.request_digest:
        return await storing.repeat(present, ports.registry, report)
    raise Unavailable("upstream", "a change is being carried to the authorization server", retry_after_s=1)


def with_secret(client: RegisteredClient, server: UpstreamServer, randomness: Randomness) -> RegisteredClient:
    """The client with what the gateway shows the AS for it, where the gateway authenticates it in the AS's place."""
    if not wanting.is_bridged(client.metadata, server) or UPSTREAM_SECRET in client.secrets:
        return client
    return replace(client, secrets={**client.secrets, UPSTREAM_SECRET: randomness.client_secret()})


def _errand(
    act: Act,
    key: str,
    client: RegisteredClient,
    used: tuple[UsedToken, ...],
    server: UpstreamServer,
    ports: Ports,
    report: Report,
) -> Errand:
    """An errand that its own request carries first. Raises: Rejected where the AS cannot have such a client."""
    now = ports.clock.now()
    return Errand(
        key,
        act,
        client.market,
        client.client_id,
        report.report_id,
        report.interaction_id,
        begun_at=now,
        due_at=now,
        wanted=report.settle(wanting.want(client, server, key)),
        request_digest=client.request_digest,
        subject_key=client.subject_key,
        used=tuple((each.kind, each.issuer, each.jti) for each in used),
        attempts=1,
        claimed_until=now + claim_s(server),
    )


def _still_there(client: RegisteredClient | None) -> RegisteredClient:
    assert client is not None, "only a deletion ends without a client"
    return client
