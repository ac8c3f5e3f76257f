"""The end of a creation: one change, applied whole, and what to say when the registry says no."""

from __future__ import annotations

from dcrgw.core.authorization.management import uses_registration_tokens
from dcrgw.core.authorization.tokens import token_hash
from dcrgw.core.checks import Gate, Report, gate
from dcrgw.core.evidence import Arrival
from dcrgw.core.registration.client import ClientStatus, RegisteredClient
from dcrgw.core.registration.rules import Registration
from dcrgw.errors import ErrorCode, Rejected, Unavailable
from dcrgw.flows import audit
from dcrgw.flows.secrets import REGISTRATION_TOKEN, secrets_of
from dcrgw.ports import Ports
from dcrgw.ports.registry import Change, Committed, CommitVerdict, Registry, UsedToken
from dcrgw.ports.scripts import ScriptOutcome

JTI_UNUSED = gate(
    "registry.jti.unused",
    "The request's jti (and the statement's, where a market says so) was not used by other bytes before",
    spec="OB UK DCR 3.2, claims of the request, jti; RFC 7519 §4.1.7",
    code=ErrorCode.INVALID_CLIENT_METADATA,
)
CLIENT_ACTIVE = gate(
    "registry.client.active",
    "The registration that these same bytes made before, if any, is still active",
    spec="RFC 7591 §3.2",
    code=ErrorCode.UNAPPROVED_SOFTWARE_STATEMENT,
)
CLIENT_ID_FREE = gate(
    "registry.client_id.free",
    "The client_id is not taken",
    spec="RFC 7591 §3.2.1, client_id",
    code=ErrorCode.INVALID_CLIENT_METADATA,
)
SOFTWARE_UNREGISTERED = gate(
    "registry.software.unregistered",
    "The software has no active registration yet, where a market allows one only",
    spec="Open Finance Brasil DCR 1.0 §7; CDR Register, software_id",
    code=ErrorCode.UNAPPROVED_SOFTWARE_STATEMENT,
)

_REFUSALS: dict[CommitVerdict, tuple[Gate, str]] = {
    CommitVerdict.REPEATED: (CLIENT_ACTIVE, "these bytes made a registration that is no longer active"),
    CommitVerdict.TOKEN_USED: (JTI_UNUSED, "jti was used before by another request; send a new one"),
    CommitVerdict.CLIENT_ID_TAKEN: (CLIENT_ID_FREE, "the client_id that the bank chose for this TPP is taken"),
    CommitVerdict.DUPLICATE_SOFTWARE: (SOFTWARE_UNREGISTERED, "software_id is registered already in this market"),
}
_TO_BE_HAD = frozenset({ClientStatus.ACTIVE, ClientStatus.PENDING})
_GATES = tuple(check for check, _ in _REFUSALS.values())


async def store(client: RegisteredClient, registration: Registration, ports: Ports, report: Report) -> RegisteredClient:
    """The client as stored: `client` itself, or the one that the same bytes made meanwhile.

    Raises: Rejected when the registry knows its jti, its client_id or its software; Unavailable.
    """
    report.decision = "registered"
    committed = await ports.registry.commit(
        Change(
            audit=audit.record(report, client.client_id),
            client=client,
            used=used_tokens(registration, report.at),
            duplicates_allowed=registration.market.profile.duplicates_allowed,
        )
    )
    if committed.verdict is CommitVerdict.STORED:
        note_stored(report)
        report.facts["client_id"] = client.client_id
        return client
    earlier = earlier_or_refusal(committed, report)
    if earlier.status is ClientStatus.PENDING:
        # A generation before this one had an authorization server behind the market, and began it just now.
        raise Unavailable("upstream", "the same request waits for an authorization server that the market has no more")
    return await repeat(earlier, ports.registry, report)


def note_stored(report: Report) -> None:
    """State that nothing in the registry stood against the client."""
    report.findings.passed(_GATES)


def earlier_or_refusal(committed: Committed, report: Report) -> RegisteredClient:
    """The client that these same bytes made before and that still may be had. Raises: Rejected."""
    earlier = committed.client
    if committed.verdict is CommitVerdict.REPEATED and earlier is not None and earlier.status in _TO_BE_HAD:
        return earlier
    raise refusal(committed.verdict, report)


def refusal(verdict: CommitVerdict, report: Report) -> Rejected:
    """What the caller is told of a change that the registry did not take."""
    check, description = _REFUSALS[verdict]
    finding = check.failed(description)
    report.findings.add(finding)
    return Rejected([finding.fault])


async def repeat(earlier: RegisteredClient, registry: Registry, report: Report) -> RegisteredClient:
    """The registration that these same bytes made before: a lost answer is cured by asking again."""
    report.decision = "repeated"
    report.facts["client_id"] = earlier.client_id
    await registry.commit(Change(audit=audit.record(report, earlier.client_id)))
    return earlier


def client_of(
    registration: Registration,
    enriched: ScriptOutcome,
    arrival: Arrival,
    caller: str,
    ports: Ports,
    report: Report,
) -> RegisteredClient:
    """The client as it is about to be stored."""
    proven = registration.statement
    given = {}
    if uses_registration_tokens(registration.market):
        given[REGISTRATION_TOKEN] = ports.randomness.token()
    return RegisteredClient(
        client_id=enriched.client_id,
        client_id_issued_at=int(report.at),
        market=registration.market.name,
        metadata=enriched.metadata,
        software_id=proven.software_id if proven else None,
        org_id=proven.org_id if proven else None,
        directory=proven.directory if proven else None,
        software_statement=proven.jws if proven else None,
        statement_claims=proven.claims if proven else {},
        ssa_jti=proven.jti if proven else None,
        x5t_s256=registration.identity.x5t_s256,
        subject_key=caller,
        request_digest=arrival.digest,
        attributes=enriched.attributes,
        secrets=secrets_of(enriched.metadata, given, ports.randomness),
        registration_access_token_hash=token_hash(given[REGISTRATION_TOKEN]) if given else None,
    )


def used_tokens(registration: Registration, at: float, *, stored: str | None = None) -> tuple[UsedToken, ...]:
    """The jtis that it uses up; a refused request burns none, a client's `stored` statement is its own."""
    asked, proven, market = registration.request, registration.statement, registration.market
    used = []
    if asked.jti is not None and asked.exp is not None:
        used.append(UsedToken("request", asked.iss or "", asked.jti, asked.exp + market.leeway_s))
    is_new = proven is not None and proven.jws != stored
    if market.profile.statement.single_use and is_new and proven is not None and proven.jti is not None:
        expires_at = proven.exp or (proven.iat or at) + market.profile.statement.max_age_s
        used.append(UsedToken("statement", proven.iss, proven.jti, expires_at + market.leeway_s))
    return tuple(used)
