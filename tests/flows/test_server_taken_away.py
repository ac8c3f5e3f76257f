"""`[market.upstream]` taken out of the configuration: nothing is done that the server does not hear of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from carrying_bank import CarryingBank, carrying_bank
from fake_server import CUT, DOWN, LOST

from dcrgw.core.checks import Report
from dcrgw.core.registration.client import ClientStatus
from dcrgw.errors import Rejected, Unavailable
from dcrgw.flows.administer import Operation, Order, administer
from dcrgw.flows.create import create
from dcrgw.flows.reconcile import ReconcileDesk


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[CarryingBank]:
    async with carrying_bank(tmp_path / "registry.sqlite") as bank:
        yield bank


def desk(bank: CarryingBank) -> ReconcileDesk:
    return ReconcileDesk({"uk": bank.market}, bank.ports, bank.store)


async def test_the_same_bytes_of_a_pending_client_wait_for_the_bank_and_are_registered_once_it_is_back(
    bank: CarryingBank,
) -> None:
    body = bank.body()
    bank.server.faults.append(DOWN)
    with pytest.raises(Unavailable):
        await bank.register(body)
    bank.is_alone = True
    with pytest.raises(Unavailable) as waits:
        await bank.register(body)
    assert waits.value.retry_after_s >= 60
    assert (bank.server.clients, bank.count("errands"), bank.count("clients")) == ({}, 1, 1)
    bank.is_alone = False
    bank.clock.at += 60
    client, _ = await bank.register(body)
    assert list(bank.server.clients) == [client.client_id]
    assert client.status is ClientStatus.ACTIVE


class LooksTooEarly:
    """A registry as seen by a request that looked before the other one of the same bytes was stored."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def repeated(self, *_: str) -> None:
        return None


async def test_a_pending_client_is_never_told_as_registered(bank: CarryingBank) -> None:
    body = bank.body()
    bank.server.faults.append(DOWN)
    with pytest.raises(Unavailable):
        await bank.register(body)
    bank.is_alone = True
    ports = replace(bank.ports, registry=LooksTooEarly(bank.store))
    report = Report("report-9", "label", "create", "uk", bank.clock.at)
    with pytest.raises(Unavailable):
        await create(bank._arrival(body), bank.market, ports, report)
    assert (bank.count("clients"), bank.count("errands")) == (1, 1)


async def test_an_update_of_a_client_that_the_server_has_is_not_made_behind_its_back(bank: CarryingBank) -> None:
    client, token = await bank.register()
    bank.is_alone = True
    with pytest.raises(Unavailable):
        await bank.put(client.client_id, token)
    assert (await bank.present(client.client_id)) == client
    bank.is_alone = False
    await bank.put(client.client_id, token)


async def test_an_end_waits_for_nobody_and_is_told_later(bank: CarryingBank) -> None:
    client, token = await bank.register()
    bank.is_alone = True
    await bank.delete(client.client_id, token)
    assert (await bank.present(client.client_id)).status is ClientStatus.DELETED
    bank.is_alone = False
    await bank.again()
    assert bank.server.clients == {}


@pytest.mark.parametrize("fault", [DOWN, CUT, LOST])
async def test_a_client_that_ended_meanwhile_takes_its_update_along(bank: CarryingBank, fault: str) -> None:
    bank.is_alone = True
    client, token = await bank.register()
    bank.is_alone = False
    bank.server.faults.append(fault)
    with pytest.raises(Unavailable):
        await bank.put(client.client_id, token)
    bank.is_alone = True
    await bank.delete(client.client_id, token)
    bank.is_alone = False
    await bank.again()
    assert (bank.server.clients, await bank.errand()) == ({}, None)
    assert (await bank.present(client.client_id)).status is ClientStatus.DELETED


async def test_what_waits_for_a_server_that_is_gone_is_listed_and_not_mended(bank: CarryingBank) -> None:
    client, _ = await bank.register()
    await administer(Order(Operation.DELETE, "uk", client.client_id, "admin:alice", "label"), bank.ports)
    bank.is_alone = True
    assert await desk(bank).reconciled() == ("uk",)
    [found] = (await desk(bank).look("uk", None, 10)).differences
    assert (found.kind, found.client_id, found.is_mendable) == ("overdue", client.client_id, False)


async def test_a_market_taken_out_whole_is_listed_too(bank: CarryingBank) -> None:
    client, _ = await bank.register()
    await administer(Order(Operation.DELETE, "uk", client.client_id, "admin:alice", "label"), bank.ports)
    none = replace(desk(bank), markets={})
    assert await none.reconciled() == ("uk",)
    assert len((await none.look("uk", None, 10)).differences) == 1
    with pytest.raises(Rejected):
        await none.look("another", None, 10)
