"""What the bank's introspection scripts add to what is told of a token, and to JWT access tokens."""

from __future__ import annotations

from collections.abc import Mapping

from dcrgw.core.authorization import introspection
from dcrgw.core.checks import Report, gate
from dcrgw.core.evidence import Arrival
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.strict_json import JsonValue
from dcrgw.errors import ErrorCode, Misconfigured
from dcrgw.flows.occasions import occasion_of
from dcrgw.ports import Ports
from dcrgw.ports.scripts import IntrospectionCall, IntrospectionOutcome

SCRIPT_INTROSPECTION = gate(
    "script.introspection",
    "What a script made of what is told of a token leaves alone what only the server knows",
    spec="RFC 7662 §2.2; Interception scripts, modifyResponse",
    code=ErrorCode.INVALID_REQUEST,
)

#: The client's attribute that lets introspection scripts shape its JWT access tokens.
BEFORE_JWT = "run_introspection_script_before_jwt_creation"


async def enriched(
    answer: dict[str, JsonValue], arrival: Arrival, ports: Ports, report: Report
) -> dict[str, JsonValue]:
    """The answer about an active access token, as the scripts of its client made it.

    Raises: Misconfigured where a script fails or goes too far; Unavailable where one that the client names does not
    serve.
    """
    client = await ports.registry.client(report.market, str(answer["client_id"]))
    outcome = None if client is None else await _outcome(answer, client, arrival, ports, report)
    return answer if outcome is None else dict(outcome.response)


async def enriched_claims(
    claims: dict[str, JsonValue], client: RegisteredClient, arrival: Arrival, ports: Ports, report: Report
) -> dict[str, JsonValue]:
    """The claims of a JWT access token, where its client lets introspection scripts shape them. Raises: as above."""
    if client.attributes.get(BEFORE_JWT) is not True:
        return claims
    outcome = await _outcome(claims, client, arrival, ports, report)
    return claims if outcome is None else dict(outcome.into_jwt)


async def _outcome(
    told: Mapping[str, JsonValue], client: RegisteredClient, arrival: Arrival, ports: Ports, report: Report
) -> IntrospectionOutcome | None:
    outcome = await ports.scripts.modify_introspection(IntrospectionCall(occasion_of(arrival, report), client, told))
    if not outcome.ran:
        return None
    faults = introspection.overstepped(told, outcome.response)
    if faults:
        names = ", ".join(faults)
        report.findings.add(SCRIPT_INTROSPECTION.failed("a script changed what only the server knows", names))
        raise Misconfigured(f"introspection scripts {', '.join(outcome.ran)} touch {names}, which is not theirs")
    report.findings.add(SCRIPT_INTROSPECTION.passed)
    return outcome
