"""Operators' orders over fakes: which status leads where, what is recorded, and who wins a race."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from small_bank import UK, Bank, Memory

from dcrgw.core.registration.client import ClientStatus, RegisteredClient
from dcrgw.errors import Rejected, Unavailable
from dcrgw.flows.administer import Operation, Order, administer
from dcrgw.ports.registry import Change, Committed

S, O = ClientStatus, Operation  # noqa: E741 - a table's column heads


@pytest.fixture
async def bank() -> Bank:
    bank = Bank(UK)
    await bank.register()
    return bank


def stored(bank: Bank) -> RegisteredClient:
    [client] = bank.registry.clients.values()
    return client


def order(bank: Bank, operation: Operation, **changes: Any) -> Order:
    client = stored(bank)
    plain = Order(operation, client.market, client.client_id, "admin:alice", "label", "drill")
    return replace(plain, **changes)


def put(bank: Bank, **changes: Any) -> None:
    [key] = bank.registry.clients
    bank.registry.clients[key] = replace(bank.registry.clients[key], **changes)


@pytest.mark.parametrize(
    ("before", "operation", "after"),
    [
        (S.ACTIVE, O.SUSPEND, S.SUSPENDED),
        (S.SUSPENDED, O.SUSPEND, S.SUSPENDED),
        (S.PENDING, O.SUSPEND, None),
        (S.REVOKED, O.SUSPEND, None),
        (S.DELETED, O.SUSPEND, None),
        (S.SUSPENDED, O.RESTORE, S.ACTIVE),
        (S.ACTIVE, O.RESTORE, S.ACTIVE),
        (S.PENDING, O.RESTORE, None),
        (S.REVOKED, O.RESTORE, None),
        (S.DELETED, O.RESTORE, None),
        (S.PENDING, O.DELETE, S.DELETED),
        (S.ACTIVE, O.DELETE, S.DELETED),
        (S.SUSPENDED, O.DELETE, S.DELETED),
        (S.REVOKED, O.DELETE, S.DELETED),
        (S.DELETED, O.DELETE, S.DELETED),
        *((status, O.REVOKE_TOKENS, status) for status in S),
    ],
)
async def test_status_leads_where_the_table_says(
    bank: Bank, before: ClientStatus, operation: Operation, after: ClientStatus | None
) -> None:
    put(bank, status=before)
    version, changes = stored(bank).version, len(bank.registry.changes)
    if after is None:
        with pytest.raises(Rejected) as caught:
            await administer(order(bank, operation), bank.ports)
        assert [(fault.check, fault.status) for fault in caught.value.faults] == [("admin.client.status", 409)]
        decision = "refused"
    else:
        assert (await administer(order(bank, operation), bank.ports)).status is after
        decision = "unchanged" if after is before and operation is not O.REVOKE_TOKENS else "changed"
    [change] = bank.registry.changes[changes:]
    row = change.audit
    assert (row.operation, row.decision, row.author) == (operation.value, decision, "admin:alice")
    assert (row.facts["status"], row.facts["reason"]) == (before.value, "drill")
    assert stored(bank).status is (after or before)
    assert stored(bank).version == version + (after is not None and after is not before)
    assert (change.ends_tokens_of is not None) == (decision == "changed")


async def test_unknown_client_is_refused_and_the_attempt_recorded(bank: Bank) -> None:
    with pytest.raises(Rejected) as caught:
        await administer(order(bank, O.DELETE, client_id="nobody"), bank.ports)
    assert [(fault.check, fault.status) for fault in caught.value.faults] == [("admin.client.known", 404)]
    row = bank.registry.changes[-1].audit
    assert (row.decision, row.client_id, row.findings[0][0]) == ("refused", "nobody", "admin.client.known")


class Overtaken(Memory):
    """A registry where the TPP updates its client just before each of the operator's changes, `times` times."""

    times = 0

    async def commit(self, change: Change) -> Committed:
        if change.replaces is not None and self.times:
            self.times -= 1
            [(key, client)] = self.clients.items()
            self.clients[key] = replace(client, version=client.version + 1, request_digest=f"put-{self.times}")
        return await super().commit(change)


def overtaken(bank: Bank, times: int) -> Bank:
    racing = Overtaken(**{name: getattr(bank.registry, name) for name in ("clients", "tokens", "used", "changes")})
    racing.times = times
    bank.registry = racing
    return bank


async def test_an_update_that_comes_first_only_puts_the_order_off(bank: Bank) -> None:
    overtaken(bank, 3)
    client = await administer(order(bank, O.SUSPEND), bank.ports)
    assert (client.status, client.version, client.request_digest) == (S.SUSPENDED, 5, "put-0")


async def test_a_client_that_never_stands_still_is_unavailable(bank: Bank) -> None:
    overtaken(bank, 1000)
    with pytest.raises(Unavailable):
        await administer(order(bank, O.SUSPEND), bank.ports)
    assert stored(bank).status is S.ACTIVE


async def test_nothing_is_ordered_while_the_registry_is_down(bank: Bank) -> None:
    bank.registry.is_down = True
    with pytest.raises(Unavailable):
        await administer(order(bank, O.SUSPEND), bank.ports)
    assert stored(bank).status is S.ACTIVE
