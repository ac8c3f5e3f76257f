"""The end of an update or a deletion: one change to the version that was judged, or none at all."""

from __future__ import annotations

from dataclasses import replace

from dcrgw.core.certificates.identity import subject_key
from dcrgw.core.checks import Report, gate
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.registration.client import ClientStatus, RegisteredClient
from dcrgw.core.registration.rules import Registration
from dcrgw.errors import ErrorCode, Rejected
from dcrgw.flows import audit, storing
from dcrgw.flows.errands import farewell_now, told_or_left
from dcrgw.flows.managing import Unauthorised, settle_version
from dcrgw.flows.secrets import secrets_of
from dcrgw.ports import Ports
from dcrgw.ports.registry import Change, Committed, CommitVerdict, Registry
from dcrgw.ports.scripts import ScriptOutcome

UNCHANGED = gate(
    "registry.client.unchanged",
    "No other request changed the registration while this one was judged.",
    spec="RFC 9110 §15.5.10",
    code=ErrorCode.INVALID_CLIENT_METADATA,
    status=409,
)

#: How often a deletion runs after updates that overtake it.
_ATTEMPTS = 5


async def replace_client(
    current: RegisteredClient,
    client: RegisteredClient,
    registration: Registration,
    arrival: Arrival,
    ports: Ports,
    report: Report,
) -> RegisteredClient:
    """The new version, `client`, as stored; the bytes that made the present one get it again.

    Raises: Rejected when the jti was used by others, or `current` is no longer the present version.
    """
    report.decision = "updated"
    committed = await ports.registry.commit(
        Change(
            audit=audit.record(report),
            client=client,
            replaces=current.version,
            used=storing.used_tokens(registration, report.at, stored=current.software_statement),
        )
    )
    if committed.verdict is CommitVerdict.STORED:
        report.findings.passed((UNCHANGED, storing.JTI_UNUSED))
        return client
    return await settled(committed, client, arrival, ports.registry, report)


async def settled(
    committed: Committed, client: RegisteredClient, arrival: Arrival, registry: Registry, report: Report
) -> RegisteredClient:
    """What the registry has in place of `client`, which it did not store, where these same bytes made it.

    Raises: Rejected.
    """
    match committed.verdict:
        case CommitVerdict.REPEATED if committed.client is not None:
            return await storing.repeat(committed.client, registry, report)
        case CommitVerdict.CONFLICT:
            await _present(client, arrival, registry, report)
            raise _overtaken(report)
        case refused:
            raise storing.refusal(refused, report)


def successor(
    current: RegisteredClient, registration: Registration, enriched: ScriptOutcome, arrival: Arrival, ports: Ports
) -> RegisteredClient:
    """The client's next version: its id, its age and its party stay, everything asked for is new."""
    proven, identity = registration.statement, registration.identity
    return replace(
        current,
        metadata=enriched.metadata,
        software_statement=proven.jws if proven else None,
        statement_claims=proven.claims if proven else {},
        ssa_jti=proven.jti if proven else None,
        x5t_s256=identity.x5t_s256,
        subject_key=subject_key(identity),
        request_digest=arrival.digest,
        attributes=enriched.attributes,
        secrets=secrets_of(enriched.metadata, current.secrets, ports.randomness),
        version=current.version + 1,
    )


async def remove(client: RegisteredClient, market: Market, arrival: Arrival, ports: Ports, report: Report) -> None:
    """The client is deleted and its tokens are over. An update that comes first only puts the deletion off.

    Then the market's own authorization server is told: now, or by the outbox, however long that takes.
    Raises: Rejected when it is gone already (401), or no longer the version that If-Match names (412).
    """
    is_busy = False
    for _ in range(_ATTEMPTS):
        report.decision = "deleted"
        errand = await farewell_now(client, market, ports, report, is_busy=is_busy)
        committed = await ports.registry.commit(
            Change(
                audit=audit.record(report),
                client=_deleted(client),
                replaces=client.version,
                ends_tokens_of=(client.market, client.client_id),
                begins=errand,
            )
        )
        if committed.verdict is CommitVerdict.STORED:
            report.findings.add(UNCHANGED.passed)
            await told_or_left(errand, market, ports, report)
            return
        is_busy = committed.verdict is CommitVerdict.BUSY
        client = await _present(client, arrival, ports.registry, report)
    raise _overtaken(report)


def _deleted(client: RegisteredClient) -> RegisteredClient:
    """What is kept of a deleted client: who it was. Its secrets are of no more use to anybody."""
    return replace(
        client,
        status=ClientStatus.DELETED,
        secrets={},
        registration_access_token_hash=None,
        version=client.version + 1,
    )


async def _present(client: RegisteredClient, arrival: Arrival, registry: Registry, report: Report) -> RegisteredClient:
    """The client as it stands now, after a conflict. Raises: Rejected when the caller has no more business with it."""
    present = await registry.client(client.market, client.client_id)
    if present is None or present.status is not ClientStatus.ACTIVE:
        raise Unauthorised(report)
    settle_version(arrival, present, report)
    return present


def _overtaken(report: Report) -> Rejected:
    finding = UNCHANGED.failed("another request changed the registration meanwhile: read it and try again")
    report.findings.add(finding)
    return Rejected([finding.fault])
