"""The stages that creating and updating a client share, each ending in a proven value.

The order matters: the statement is proven before the request's signature, since it names the
request's key set; every local check comes before a question to the directory; scripts come last,
so that they can refuse what the gateway would take but never take what it refuses.
"""

from __future__ import annotations

import re
from dataclasses import replace

from dcrgw.core.certificates.identity import ClientIdentity
from dcrgw.core.checks import Report, gate
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.registration import metadata, request, rules, standing, statement
from dcrgw.core.registration.request import Envelope, RegistrationRequest
from dcrgw.core.registration.rules import Registration
from dcrgw.core.registration.statement import SoftwareStatement
from dcrgw.errors import ErrorCode, Misconfigured, Rejected, Unavailable
from dcrgw.flows import audit
from dcrgw.ports import Ports
from dcrgw.ports.directory import Directories
from dcrgw.ports.keysets import KeySets
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


#: OB UK DCR, client_id: 1 to 36 characters; none that a path, a log or a form would have to escape.
_CLIENT_ID = re.compile(r"[A-Za-z0-9._-]{1,36}")


async def prove_statement(
    envelope: Envelope, market: Market, keysets: KeySets, report: Report
) -> SoftwareStatement | None:
    """The software statement, proven by a key of the directory that it names; None where a market does without."""
    if envelope.statement is None:
        return None
    directory = report.settle(statement.issuer(envelope, market))
    keys = await keysets.of_directory(directory.name, envelope.statement.header.kid)
    proven = report.settle(statement.verify(envelope.statement, keys, directory, market.profile, market, report.at))
    audit.tell_statement(report, proven)
    return proven


async def prove_request(
    envelope: Envelope, proven: SoftwareStatement | None, market: Market, keysets: KeySets, report: Report
) -> RegistrationRequest:
    """The request, signed by a key that the proven statement leads to; the JSON form is not signed."""
    keys = None
    if envelope.token is not None and proven is not None and proven.software_jwks_endpoint is not None:
        keys = await keysets.of_software(proven.directory, proven.software_jwks_endpoint, envelope.token.header.kid)
    return report.settle(request.verify(envelope, keys, market.profile, market, proven, report.at))


def judge_rules(
    identity: ClientIdentity,
    proven: SoftwareStatement | None,
    asked: RegistrationRequest,
    market: Market,
    report: Report,
) -> Registration:
    """The whole registration as it would be stored, within every rule of the market."""
    registration = Registration.of(identity, proven, asked, market)
    report.settle(rules.judge(registration))
    return registration


async def judge_standing(registration: Registration, market: Market, directories: Directories, report: Report) -> None:
    """The directory still vouches for the TPP (and, where configured, for the bank)."""
    proven = registration.statement
    if proven is None or market.profile.standing == "off":
        report.findings.append(STANDING_KNOWN.skipped("this market asks no directory"))
        return
    try:
        if market.directories[proven.directory].check_own_standing:
            own = await directories.own_standing(proven.directory)
            if not (own.found and own.software_active and own.organisation_active):
                raise Misconfigured(f"directory {proven.directory}: our own software statement is not active there")
        answer = await directories.standing(proven.directory, proven.software_id, proven.org_id)
    except Unavailable as unavailable:
        report.findings.append(STANDING_KNOWN.unknown(unavailable.reason))
        raise
    report.findings.append(STANDING_KNOWN.passed)
    asked = registration.metadata
    report.settle(standing.judge(answer, proven, market.profile, asked.scopes, asked.redirect_uris))


async def enrich(registration: Registration, arrival: Arrival, ports: Ports, report: Report) -> ScriptOutcome:
    """What the bank's createClient scripts made of the registration, within every rule again."""
    outcome = await ports.scripts.create_client(
        ScriptCall(
            market=report.market,
            identity=registration.identity,
            certificate=arrival.chain[0],
            statement=registration.statement,
            metadata=registration.metadata,
            request_claims=registration.request.claims,
            client_id=ports.randomness.client_id(),
        )
    )
    if outcome.refusal is not None:
        refusal = outcome.refusal
        finding = SCRIPT_CONSENT.failed(refusal.description, f"scripts run: {', '.join(outcome.ran)}", refusal.code)
        report.findings.append(finding)
        raise Rejected([replace(finding.fault, status=refusal.status)])
    report.findings.append(SCRIPT_CONSENT.passed if outcome.ran else SCRIPT_CONSENT.skipped("no script is enabled"))
    _judge_output(registration, outcome, report)
    return outcome


def _judge_output(registration: Registration, outcome: ScriptOutcome, report: Report) -> None:
    """The TPP's request was good, so metadata that no longer is are the scripts' fault, not the caller's."""
    faults = [] if _CLIENT_ID.fullmatch(outcome.client_id) else ["client_id"]
    if outcome.metadata != registration.metadata:
        # The rules judge members of the right type only, so the types come first.
        judgement = metadata.recheck(outcome.metadata, registration.profile)
        if judgement.value is not None:
            judgement = rules.judge(replace(registration, metadata=outcome.metadata))
        faults += [finding.check.id for finding in judgement.failures]
    if faults:
        ids = ", ".join(faults)
        report.findings.append(SCRIPT_OUTPUT.failed("the registration that the scripts made breaks the rules", ids))
        raise Misconfigured(f"scripts {', '.join(outcome.ran)}: their output fails {ids}")
    report.findings.append(SCRIPT_OUTPUT.passed)
