"""Which client_id a new client gets: the bank's generator's, or a random one."""

from __future__ import annotations

from dcrgw.core.checks import Report, gate
from dcrgw.core.evidence import Arrival
from dcrgw.core.registration.client import is_client_id
from dcrgw.errors import ErrorCode, Misconfigured
from dcrgw.flows.occasions import occasion_of
from dcrgw.ports import Ports

SCRIPT_ID = gate(
    "script.id",
    "An id that a script generates is one that a client may have",
    spec="OB UK DCR, client_id; Interception scripts, generateId",
    code=ErrorCode.INVALID_CLIENT_METADATA,
)


async def new_client_id(arrival: Arrival, ports: Ports, report: Report) -> str:
    """A client_id. Raises: Misconfigured where the bank's generator makes one that no client may have."""
    made = await ports.scripts.generate_id(occasion_of(arrival, report), "client")
    if made is None:
        return ports.randomness.client_id()
    if not is_client_id(made):
        report.findings.add(SCRIPT_ID.failed("the generated id is none that a client may have"))
        raise Misconfigured("the id_generator script made a client_id that no client may have")
    report.findings.add(SCRIPT_ID.passed)
    return made
