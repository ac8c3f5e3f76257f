"""The stages that creating and changing a client share, each ending in a proven value.

The order matters: the statement is proven before the request's signature, since it names the
request's key set; every local check comes before a question to the directory; scripts come last,
so that they can refuse what the gateway would take but never take what it refuses.
"""

from __future__ import annotations

from dataclasses import replace

from dcrgw.core.certificates.holder import ANY_KIND
from dcrgw.core.certificates.identity import ClientIdentity
from dcrgw.core.certificates.identity import identify as identify_holder
from dcrgw.core.certificates.revocation import Mode
from dcrgw.core.certificates.self_signed import identify as identify_self_signed
from dcrgw.core.checks import Report, gate
from dcrgw.core.evidence import Arrival
from dcrgw.core.jose.keys import KeySet
from dcrgw.core.jose.proving import SharedSecret
from dcrgw.core.jose.reader import Unverified
from dcrgw.core.market import Directory, Market
from dcrgw.core.registration import metadata, request, rules, standing, statement
from dcrgw.core.registration.client import RegisteredClient, is_client_id
from dcrgw.core.registration.request import Envelope, RegistrationRequest
from dcrgw.core.registration.rules import Registration
from dcrgw.core.registration.rules import details as detail_types
from dcrgw.core.registration.statement import SoftwareStatement
from dcrgw.errors import ErrorCode, Misconfigured, Rejected, Unavailable
from dcrgw.flows import audit, ids
from dcrgw.flows.capabilities import capability
from dcrgw.flows.revocation import demand, judge_revocation
from dcrgw.flows.revoked_keys import judge_keys, judge_statement_key
from dcrgw.flows.script_keys import script_keys
from dcrgw.ports import Ports
from dcrgw.ports.details import Details
from dcrgw.ports.directory import Directories
from dcrgw.ports.keysets import KeySets
from dcrgw.ports.revocation import Revocation
from dcrgw.ports.scripts import ScriptCall, ScriptOutcome

STANDING_KNOWN = gate(
    "standing.known",
    "The directory said whether the TPP is still authorised",
    spec="PSD2 RTS art. 34; OB Directory, SCIM OBThirdPartyProviders",
    code=ErrorCode.UNAPPROVED_SOFTWARE_STATEMENT,
)
SCRIPT_CONSENT = gate(
    "script.consent",
    "Every registration script of the bank said yes",
    spec="Interception scripts, createClient and updateClient",
    code=ErrorCode.UNAPPROVED_SOFTWARE_STATEMENT,
)
SCRIPT_OUTPUT = gate(
    "script.output",
    "What the scripts made of the registration still obeys every rule",
    spec="Interception scripts, post-conditions",
    code=ErrorCode.UNAPPROVED_SOFTWARE_STATEMENT,
)


async def identify(
    chain: tuple[bytes, ...], market: Market, port: Revocation, report: Report, *, of_tpp: bool = True
) -> ClientIdentity:
    """Who holds the certificate on the connection, by this market's anchors, and not taken back since.

    A certificate that is not `of_tpp` is the bank's own: of any kind, and known by itself.
    """
    if market.self_signed is not None:
        identity = report.settle(identify_self_signed(chain, market.self_signed, report.at, market.leaf))
        audit.tell_identity(report, identity)
        return identity
    kinds = market.profile.identity if of_tpp else ANY_KIND
    identity = report.settle(identify_holder(chain, market.anchors, report.at, kinds, market.leaf))
    audit.tell_identity(report, identity)
    await _judge_revocation(chain, market, port, report)
    return identity


async def _judge_revocation(chain: tuple[bytes, ...], market: Market, port: Revocation, report: Report) -> None:
    if market.revocation.mode is Mode.OFF:
        return
    judged = await judge_revocation(chain, market.name, market.anchors, market.revocation, port, report.at)
    report.findings.take(judged.findings)
    demand(judged)


async def prove_statement(
    envelope: Envelope, market: Market, ports: Ports, report: Report, current: RegisteredClient | None = None
) -> SoftwareStatement | None:
    """The software statement, proven by a key of the directory that it names; None where a market does without.

    In an update of a `current` client its own statement may come again, however old, where the market says so.
    """
    token = envelope.statement
    if token is None:
        return None
    directory = report.settle(statement.issuer(envelope, market))
    keys = await _statement_keys(token, directory, market, ports, report)
    takes_own = current is not None and market.profile.update_takes_stored_statement
    own = current.software_statement if current is not None and takes_own else None
    judged = statement.verify(token, keys, directory, market.profile, market, report.at, is_stored=token.text == own)
    proven = report.settle(judged)
    await judge_statement_key(directory, keys, token, ports.keysets, report)
    audit.tell_statement(report, proven)
    return proven


async def prove_request(
    envelope: Envelope, proven: SoftwareStatement | None, market: Market, ports: Ports, report: Report
) -> RegistrationRequest:
    """The request, signed by a key that the proven statement leads to; the JSON form is not signed."""
    keys = await _request_keys(envelope, proven, market, ports, report)
    return report.settle(request.verify(envelope, keys, market.profile, market, proven, report.at))


async def judge_key_use(
    arrival: Arrival,
    proven: SoftwareStatement | None,
    asked: RegistrationRequest,
    market: Market,
    keysets: KeySets,
    report: Report,
) -> None:
    """Neither the connection nor the request rests on a key that the directory took back."""
    if proven is not None:
        judged = await judge_keys(arrival, proven.claims, proven.directory, market, keysets, signer=asked.signer)
        report.settle(judged)


async def _statement_keys(
    token: Unverified, directory: Directory, market: Market, ports: Ports, report: Report
) -> KeySet | SharedSecret:
    """The directory's keys, or for a directory that is set so, the bank's script's."""
    if not directory.keys_by_script:
        return await ports.keysets.of_directory(directory.name, token.header.kid)
    policy = statement.jose_policy(market.profile)
    keys = await script_keys(token, "statement", directory.name, policy, ports, report)
    if keys is None:
        raise Misconfigured(f"directory {directory.name}: its keys are a script's, and no script gives any")
    return keys


async def _request_keys(
    envelope: Envelope, proven: SoftwareStatement | None, market: Market, ports: Ports, report: Report
) -> KeySet | SharedSecret | None:
    """The software's keys, or the bank's script's where it gives any for a directory that is set so."""
    token = envelope.token
    if token is None or proven is None:
        return None
    if market.directories[proven.directory].keys_by_script:
        policy = request.jose_policy(market.profile)
        keys = await script_keys(token, "request", proven.directory, policy, ports, report, proven)
        if keys is not None:
            return keys
    if proven.software_jwks_endpoint is None:
        return None
    return await ports.keysets.of_software(proven.directory, proven.software_jwks_endpoint, token.header.kid)


def judge_rules(
    identity: ClientIdentity,
    proven: SoftwareStatement | None,
    asked: RegistrationRequest,
    market: Market,
    details: Details,
    report: Report,
) -> Registration:
    """The whole registration as it would be stored, within every rule of the market."""
    registration = Registration.of(identity, proven, asked, market)
    report.settle(rules.judge(registration))
    return report.settle(detail_types.judge(registration, details.types(market.name)))


async def judge_standing(registration: Registration, market: Market, directories: Directories, report: Report) -> None:
    """The directory still vouches for the TPP (and, where configured, for the bank)."""
    proven = registration.statement
    if proven is None or market.profile.standing == "off":
        report.findings.add(STANDING_KNOWN.skipped("this market asks no directory"))
        return
    try:
        if market.directories[proven.directory].check_own_standing:
            own = await directories.own_standing(proven.directory)
            if not (own.found and own.software_active and own.organisation_active):
                raise Misconfigured(f"directory {proven.directory}: our own software statement is not active there")
        answer = await directories.standing(proven.directory, proven.software_id, proven.org_id)
    except Unavailable as unavailable:
        report.findings.add(STANDING_KNOWN.unknown(unavailable.reason))
        raise
    report.findings.settle(STANDING_KNOWN, None)
    asked = registration.metadata
    report.settle(standing.judge(answer, proven, market.profile, asked.scopes, asked.redirect_uris))


async def enrich(
    registration: Registration, arrival: Arrival, ports: Ports, report: Report, current: RegisteredClient | None = None
) -> ScriptOutcome:
    """What the bank's createClient scripts made of the registration, within every rule again.

    In an update it is updateClient: the scripts see the bank's attributes of the `current` client, not its metadata.
    """
    run = ports.scripts.create_client if current is None else ports.scripts.update_client
    outcome = await run(
        ScriptCall(
            market=report.market,
            identity=registration.identity,
            certificate=arrival.chain[0],
            statement=registration.statement,
            metadata=registration.metadata,
            request_claims=registration.request.claims,
            client_id=await ids.new_client_id(arrival, ports, report) if current is None else current.client_id,
            attributes={} if current is None else current.attributes,
            request_jws=_signed(registration, arrival),
            http=arrival.http_facts(),
            operation=report.operation,
            report_id=report.report_id,
            interaction_id=report.interaction_id,
        ),
        capability(ports, () if registration.statement is None else (registration.statement.directory,)),
    )
    if outcome.refusal is not None:
        refusal = outcome.refusal
        finding = SCRIPT_CONSENT.failed(refusal.description, f"scripts run: {', '.join(outcome.ran)}", refusal.code)
        report.findings.add(finding)
        raise Rejected([replace(finding.fault, status=refusal.status)])
    report.findings.add(SCRIPT_CONSENT.passed if outcome.ran else SCRIPT_CONSENT.skipped("no script is enabled"))
    _judge_output(registration, outcome, report, current)
    return outcome


def _signed(registration: Registration, arrival: Arrival) -> str | None:
    """The request as it was signed; the JSON form is not."""
    return arrival.body.decode("ascii").strip() if registration.request.alg else None


def _judge_output(
    registration: Registration, outcome: ScriptOutcome, report: Report, current: RegisteredClient | None
) -> None:
    """The TPP's request was good, so metadata that no longer is are the scripts' fault, not the caller's."""
    right = is_client_id(outcome.client_id) if current is None else outcome.client_id == current.client_id
    faults = [] if right else ["client_id"]
    if outcome.metadata != registration.metadata:
        # The rules judge members of the right type only, so the types come first.
        judgement = metadata.recheck(outcome.metadata, registration.profile)
        if judgement.value is not None:
            judgement = rules.judge(replace(registration, metadata=outcome.metadata))
        faults += [finding.check.id for finding in judgement.failures]
    if faults:
        ids = ", ".join(faults)
        report.findings.add(SCRIPT_OUTPUT.failed("the registration that the scripts made breaks the rules", ids))
        raise Misconfigured(f"scripts {', '.join(outcome.ran)}: their output fails {ids}")
    report.findings.settle(SCRIPT_OUTPUT, None)
