"""Updates, deletions and operators' orders in front of an authorization server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from carrying_bank import CarryingBank, carrying_bank
from fake_server import CUT, DOWN, LOST, NO, STRANGER
from small_bank import only

from dcrgw.core.registration.client import ClientStatus
from dcrgw.core.upstream.client import UpstreamClient
from dcrgw.core.upstream.errand import Act
from dcrgw.errors import Misconfigured, Rejected, Unavailable
from dcrgw.flows.administer import Operation, Order, administer


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[CarryingBank]:
    async with carrying_bank(tmp_path / "registry.sqlite") as opened:
        yield opened


def renamed(bank: CarryingBank, client_id: str, name: str = "Another name") -> bytes:
    return bank.body(client_id=client_id, client_name=name)


async def there(bank: CarryingBank) -> UpstreamClient:
    [found] = bank.server.clients.values()
    return found


async def agree(bank: CarryingBank, client_id: str) -> bool:
    """Registry and server say the same of the one client, and the token that we hold is its token of today."""
    client = await bank.present(client_id)
    known = await there(bank)
    same = known.metadata["client_name"] == client.metadata.text("client_name")
    return same and client.upstream_ref() == known.ref and await bank.errand() is None


async def test_update_takes_the_clients_place_once_the_server_has_it(bank: CarryingBank) -> None:
    client, token = await bank.register()
    updated = await bank.put(client.client_id, token, renamed(bank, client.client_id))
    assert (updated.version, updated.metadata.text("client_name")) == (2, "Another name")
    assert await agree(bank, client.client_id)


@pytest.mark.parametrize("fault", [DOWN, CUT, LOST])
async def test_client_stays_as_it_is_until_the_server_confirms_its_update(bank: CarryingBank, fault: str) -> None:
    client, token = await bank.register()
    body = renamed(bank, client.client_id)
    bank.server.faults.append(fault)
    with pytest.raises(Unavailable):
        await bank.put(client.client_id, token, body)
    assert await bank.get(client.client_id, token) == client
    with pytest.raises(Rejected) as rejected:
        await bank.put(client.client_id, token, renamed(bank, client.client_id, "A third name"))
    assert only(rejected.value)[:2] == ("upstream.change.alone", 409)
    updated = await bank.put(client.client_id, token, body)
    assert updated.metadata.text("client_name") == "Another name"
    assert await agree(bank, client.client_id)
    again = await bank.put(client.client_id, token, body)
    assert again.metadata == updated.metadata


async def test_update_is_carried_on_by_the_outbox(bank: CarryingBank) -> None:
    client, token = await bank.register()
    bank.server.faults.append(CUT)
    with pytest.raises(Unavailable):
        await bank.put(client.client_id, token, renamed(bank, client.client_id))
    carried = await bank.again()
    assert carried.version == 2
    assert await agree(bank, client.client_id)


@pytest.mark.parametrize(("fault", "failure"), [(NO, Rejected), (STRANGER, Misconfigured)])
async def test_refused_update_changes_nothing(bank: CarryingBank, fault: str, failure: type[Exception]) -> None:
    client, token = await bank.register()
    bank.server.faults.append(fault)
    body = renamed(bank, client.client_id)
    with pytest.raises(failure):
        await bank.put(client.client_id, token, body)
    assert await bank.present(client.client_id) == client
    assert await agree(bank, client.client_id)
    assert (await bank.put(client.client_id, token, body)).version == 2


async def test_server_that_lies_about_an_update_gets_the_client_back_as_it_was(bank: CarryingBank) -> None:
    client, token = await bank.register()
    bank.server.tells = lambda told: replace(
        told, metadata={**told.metadata, "redirect_uris": ["https://evil.example/"]}
    )
    with pytest.raises(Rejected) as rejected:
        await bank.put(client.client_id, token, renamed(bank, client.client_id))
    assert only(rejected.value)[:2] == ("upstream.members.kept", 400)
    bank.server.tells = lambda told: told
    assert (await there(bank)).metadata["client_name"] == "Another name"
    # Its token is that of the update, which must not be lost.
    assert (await bank.present(client.client_id)).upstream_ref() == (await there(bank)).ref
    await bank.again()
    assert await agree(bank, client.client_id)
    assert (await bank.present(client.client_id)).version == 1


async def test_update_of_a_client_that_is_suspended_meanwhile_leaves_it_suspended(bank: CarryingBank) -> None:
    client, token = await bank.register()
    bank.server.faults.append(CUT)
    with pytest.raises(Unavailable):
        await bank.put(client.client_id, token, renamed(bank, client.client_id))
    await administer(order(client.client_id, Operation.SUSPEND), bank.ports)
    updated = await bank.again()
    assert (updated.status, updated.version) == (ClientStatus.SUSPENDED, 3)
    assert updated.metadata.text("client_name") == "Another name"


async def test_deleted_client_is_refused_at_once_and_deleted_there_afterwards(bank: CarryingBank) -> None:
    client, token = await bank.register()
    bank.server.faults.extend([CUT, STRANGER])
    await bank.delete(client.client_id, token)
    with pytest.raises(Rejected):
        await bank.get(client.client_id, token)
    assert len(bank.server.clients) == 1
    with pytest.raises(Unavailable):
        await bank.again()
    await bank.again()
    assert bank.server.clients == {}
    assert await bank.errand() is None
    history = await bank.store.history("uk", client.client_id)
    assert [(row.decision, row.author) for row in history[:2]] == [("deleted", "gateway"), ("deleted", "tpp")]


@pytest.mark.parametrize("fault", [CUT, LOST])
async def test_deletion_takes_the_place_of_an_open_update(bank: CarryingBank, fault: str) -> None:
    client, token = await bank.register()
    bank.server.faults.append(fault)
    with pytest.raises(Unavailable):
        await bank.put(client.client_id, token, renamed(bank, client.client_id))
    await bank.delete(client.client_id, token)
    errand = await bank.errand()
    assert (errand.act, errand.unsure) == (Act.DELETE, True)
    await bank.again()
    assert bank.server.clients == {}


async def test_deletion_during_an_update_knows_the_token_that_the_update_got(bank: CarryingBank) -> None:
    client, token = await bank.register()

    async def overtake(call: str) -> None:
        if call == "update":
            await bank_delete(bank, client.client_id)

    bank.server.hold = overtake
    with pytest.raises(Rejected):
        await bank.put(client.client_id, token, renamed(bank, client.client_id))
    bank.server.hold = None
    errand = await bank.errand()
    assert errand.act is Act.DELETE
    assert errand.ref == (await there(bank)).ref
    await bank.again()
    assert bank.server.clients == {}
    assert (await bank.present(client.client_id)).status is ClientStatus.DELETED


async def test_deletion_during_a_creation_deletes_what_was_made(bank: CarryingBank) -> None:
    async def overtake(call: str) -> None:
        if call == "create":
            errand = await bank.errand()
            await bank_delete(bank, errand.client_id)

    bank.server.hold = overtake
    with pytest.raises(Unavailable):
        await bank.register()
    bank.server.hold = None
    await bank.again()
    assert bank.server.clients == {}
    assert await bank.errand() is None


async def test_deletion_is_told_before_it_is_answered(bank: CarryingBank) -> None:
    client, token = await bank.register()
    await bank.delete(client.client_id, token)
    assert bank.server.clients == {}
    assert await bank.errand() is None
    assert bank.report.decision == "deleted"


async def test_client_older_than_its_server_is_told_to_it_by_its_update(bank: CarryingBank) -> None:
    bank.is_alone = True
    client, token = await bank.register()
    bank.is_alone = False
    assert bank.server.clients == {}
    await bank.put(client.client_id, token, renamed(bank, client.client_id))
    assert await agree(bank, client.client_id)


async def test_client_older_than_a_server_with_ids_of_its_own_registers_anew(bank: CarryingBank) -> None:
    bank.is_alone = True
    client, token = await bank.register()
    bank.is_alone = False
    bank.server.takes_client_id = bank.server.finds_clients = False
    with pytest.raises(Misconfigured):
        await bank.put(client.client_id, token, renamed(bank, client.client_id))
    assert (bank.server.clients, await bank.errand()) == ({}, None)
    await bank.delete(client.client_id, token)


async def test_update_from_before_the_server_was_away_changes_nothing_any_more(bank: CarryingBank) -> None:
    bank.is_alone = True
    client, token = await bank.register()
    bank.is_alone = False
    bank.server.faults.append(DOWN)
    with pytest.raises(Unavailable):
        await bank.put(client.client_id, token, renamed(bank, client.client_id))
    bank.is_alone = True
    await bank.put(client.client_id, token, renamed(bank, client.client_id, "Name of today"))
    bank.is_alone = False
    with pytest.raises(Unavailable):
        await bank.again()
    assert (await bank.errand(), bank.server.clients) == (None, {})
    assert (await bank.present(client.client_id)).metadata.members["client_name"] == "Name of today"


async def test_client_that_ends_while_the_server_is_away_ends_there_later(bank: CarryingBank) -> None:
    client, token = await bank.register()
    bank.is_alone = True
    await bank.delete(client.client_id, token)
    bank.is_alone = False
    assert len(bank.server.clients) == 1
    await bank.again()
    assert bank.server.clients == {}


async def test_suspension_is_the_gateways_own(bank: CarryingBank) -> None:
    client, _ = await bank.register()
    calls = list(bank.server.calls)
    await administer(order(client.client_id, Operation.SUSPEND), bank.ports)
    await administer(order(client.client_id, Operation.RESTORE), bank.ports)
    assert bank.server.calls == calls


async def test_operators_deletion_reaches_the_server(bank: CarryingBank) -> None:
    client, _ = await bank.register()
    await bank_delete(bank, client.client_id)
    await bank.again()
    assert bank.server.clients == {}


async def bank_delete(bank: CarryingBank, client_id: str) -> None:
    await administer(order(client_id, Operation.DELETE), bank.ports)


def order(client_id: str, operation: Operation, **changes: Any) -> Order:
    return replace(Order(operation, "uk", client_id, "admin:alice", "label"), **changes)
