"""What operators do to clients: suspend, restore, delete, end the tokens. Each is one change with its author."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from dcrgw.core.checks import Gate, gate
from dcrgw.core.registration.client import ClientStatus, RegisteredClient
from dcrgw.errors import ErrorCode, Rejected, Unavailable
from dcrgw.flows.errands import farewell
from dcrgw.ports import Ports
from dcrgw.ports.registry import AuditRecord, Change, CommitVerdict

CLIENT_KNOWN = gate(
    "admin.client.known",
    "The market has a client of this client_id",
    spec="docs/operations.md, Clients",
    code=ErrorCode.INVALID_REQUEST,
    status=404,
)
CLIENT_STATUS = gate(
    "admin.client.status",
    "The client's status allows the operation",
    spec="docs/operations.md, Clients",
    code=ErrorCode.INVALID_REQUEST,
    status=409,
)


class Operation(StrEnum):
    """What may be asked for. The values stand in the audit trail and in the API's paths."""

    SUSPEND = "suspend"
    RESTORE = "restore"
    DELETE = "delete"
    REVOKE_TOKENS = "revoke-tokens"


@dataclass(frozen=True, slots=True)
class Order:
    """One operation on one client. `author` is who answers for it, `reason` why, in the author's words."""

    operation: Operation
    market: str
    client_id: str
    author: str
    interaction_id: str
    reason: str = ""


#: From which statuses an operation leads where; None leaves the status alone. What has ended does not come back:
#: a client that was revoked or deleted registers anew.
_LEADS: Mapping[Operation, tuple[frozenset[ClientStatus], ClientStatus | None]] = {
    Operation.SUSPEND: (frozenset({ClientStatus.ACTIVE}), ClientStatus.SUSPENDED),
    Operation.RESTORE: (frozenset({ClientStatus.SUSPENDED}), ClientStatus.ACTIVE),
    Operation.DELETE: (frozenset(ClientStatus) - {ClientStatus.DELETED}, ClientStatus.DELETED),
    Operation.REVOKE_TOKENS: (frozenset(ClientStatus), None),
}

#: A TPP that updates its client at the same moment wins a round or two, not more.
_ATTEMPTS = 5


async def administer(order: Order, ports: Ports) -> RegisteredClient:
    """The client as it stands after the order; unchanged where it stood so before. An audit row tells either.

    Raises: Rejected for an unknown client or a status that does not allow it; Unavailable.
    """
    for _ in range(_ATTEMPTS):
        client = await ports.registry.client(order.market, order.client_id)
        if client is None:
            raise await _refused(order, None, CLIENT_KNOWN, "there is no such client", ports)
        change = await _change(order, client, ports)
        if change is None:
            description = f"the client is {client.status}: {order.operation} is not possible"
            raise await _refused(order, client, CLIENT_STATUS, description, ports)
        committed = await ports.registry.commit(change)
        if committed.verdict is CommitVerdict.STORED:
            return committed.client or client
    raise Unavailable("registry", f"client {order.client_id} changes all the time", retry_after_s=1)


async def _change(order: Order, client: RegisteredClient, ports: Ports) -> Change | None:
    """What the order makes of the client; None where its status does not allow it."""
    sources, target = _LEADS[order.operation]
    if client.status is target:
        return Change(audit=_audit(order, client, "unchanged", ports))
    if client.status not in sources:
        return None
    holder = (client.market, client.client_id)
    if target is None:
        return Change(audit=_audit(order, client, "changed", ports), ends_tokens_of=holder)
    changed = replace(client, status=target, version=client.version + 1)
    record = _audit(order, client, "changed", ports, target)
    ends = target is ClientStatus.DELETED
    return Change(
        audit=record,
        client=changed,
        replaces=client.version,
        ends_tokens_of=holder,
        begins=await farewell(client, record.report_id, record.interaction_id, ports) if ends else None,
    )


async def _refused(
    order: Order, client: RegisteredClient | None, check: Gate, description: str, ports: Ports
) -> Rejected:
    finding = check.failed(description)
    told = (check.id, finding.verdict.value, finding.description, "")
    record = replace(_audit(order, client, "refused", ports), findings=(told,))
    await ports.registry.commit(Change(audit=record))
    return Rejected([finding.fault])


def _audit(
    order: Order, client: RegisteredClient | None, decision: str, ports: Ports, target: ClientStatus | None = None
) -> AuditRecord:
    facts = {"reason": order.reason} if order.reason else {}
    if client is not None:
        facts |= {"status": client.status.value, "version": str(client.version)}
    if target is not None:
        facts["becomes"] = target.value
    return AuditRecord(
        report_id=ports.randomness.report_id(),
        interaction_id=order.interaction_id,
        at=ports.clock.now(),
        operation=order.operation.value,
        market=order.market,
        decision=decision,
        author=order.author,
        client_id=order.client_id,
        org_id=client.org_id if client else None,
        software_id=client.software_id if client else None,
        facts=facts,
    )
