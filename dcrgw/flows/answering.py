"""What a TPP is told of its registration: the client information, and what the bank's script adds to it.

It is made before anything is committed: an answer that cannot be given must not leave a client behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dcrgw.core.authorization.management import bearer
from dcrgw.core.certificates.identity import ClientIdentity
from dcrgw.core.checks import Report, gate
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.registration import information
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.strict_json import JsonValue
from dcrgw.errors import ErrorCode, Misconfigured
from dcrgw.flows.occasions import occasion_of, questions_of
from dcrgw.flows.secrets import CLIENT_SECRET, REGISTRATION_TOKEN
from dcrgw.ports import Ports
from dcrgw.ports.scripts import ClientCall

SCRIPT_ANSWER = gate(
    "script.answer",
    "What a script made of an answer only adds to it: what is registered, ids and credentials stay as they are",
    spec="RFC 7591 §3.2.1; RFC 7592 §3; Interception scripts, modifyPostResponse and its like",
    code=ErrorCode.INVALID_CLIENT_METADATA,
)


@dataclass(frozen=True, slots=True)
class Answered:
    """A registration with the body of the answer about it, credentials and all."""

    client: RegisteredClient
    body: Mapping[str, JsonValue] = field(repr=False)


async def answered_with(
    answered: Answered,
    stored: RegisteredClient,
    arrival: Arrival,
    identity: ClientIdentity,
    market: Market,
    ports: Ports,
    report: Report,
) -> Answered:
    """The answer about the client as `stored`: the one already made, unless something in it is another now."""
    made = answered.client
    if stored is made:
        return answered
    if _shown(stored) == _shown(made):
        return Answered(stored, answered.body)
    return await answer(stored, arrival, identity, market, ports, report)


def _shown(client: RegisteredClient) -> tuple[object, ...]:
    """What an answer is made of."""
    credentials = [client.secrets.get(name) for name in (CLIENT_SECRET, REGISTRATION_TOKEN)]
    return client.client_id, client.client_id_issued_at, client.metadata, client.software_statement, *credentials


async def answer(
    client: RegisteredClient, arrival: Arrival, identity: ClientIdentity, market: Market, ports: Ports, report: Report
) -> Answered:
    """The answer about a client. Raises: Misconfigured where the bank's script goes too far, Unavailable."""
    # A registration's token is told once; the others show theirs, of which only the hash is kept.
    token = client.secrets.get(REGISTRATION_TOKEN) if arrival.method == "POST" else bearer(arrival).value
    body = information.client_information(client, market.profile)
    body |= information.registration_management(client, market, token)
    shown = information.without_credentials(body)
    call = ClientCall(occasion_of(arrival, report), client, identity, arrival.chain[0])
    changed = await ports.scripts.modify_response(call, shown, questions_of(client.directory, ports))
    if changed is None:
        return Answered(client, body)
    added, faults = information.additions(shown, changed)
    if faults:
        names = ", ".join(faults)
        report.findings.add(SCRIPT_ANSWER.failed("a script changed what an answer must say", names))
        raise Misconfigured(f"a script's changed answer touches {names}, which is not its own")
    report.findings.add(SCRIPT_ANSWER.passed)
    return Answered(client, body | added)
