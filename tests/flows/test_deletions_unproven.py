"""A deletion that the server answers with "I know none by this token": gone, or alive by a token of later."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from carrying_bank import CarryingBank, carrying_bank
from fake_server import CUT, NO, FakeServer

from dcrgw.core.registration.client import ClientStatus
from dcrgw.core.upstream.client import UpstreamRef


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[CarryingBank]:
    async with carrying_bank(tmp_path / "registry.sqlite") as bank:
        yield bank


@pytest.fixture
async def its_own_ids(tmp_path: Path) -> AsyncIterator[CarryingBank]:
    server = FakeServer(takes_client_id=False, finds_clients=False, lists=False)
    async with carrying_bank(tmp_path / "registry.sqlite", server=server) as bank:
        yield bank


def rotates(bank: CarryingBank, client_id: str) -> None:
    """The token that we hold is one of before."""
    there = bank.server.clients[client_id]
    token = UpstreamRef(client_id, there.ref.uri, "as-token-of-somebody-else")
    bank.server.clients[client_id] = replace(there, ref=token)


async def facts(bank: CarryingBank) -> dict[str, str]:
    [line] = await bank.store.audit_tail(1)
    return dict(line.record.facts)


async def test_client_that_lives_by_a_later_token_is_found_again_and_deleted(bank: CarryingBank) -> None:
    client, token = await bank.register()
    rotates(bank, client.client_id)
    await bank.delete(client.client_id, token)
    assert (bank.server.clients, await bank.errand()) == ({}, None)
    assert "orphan" not in await facts(bank)


async def test_client_that_is_gone_there_is_gone(bank: CarryingBank) -> None:
    client, token = await bank.register()
    bank.server.clients.clear()
    await bank.delete(client.client_id, token)
    assert await bank.errand() is None
    assert "orphan" not in await facts(bank)


async def test_where_the_server_cannot_be_asked_the_operator_hears_of_it(its_own_ids: CarryingBank) -> None:
    bank = its_own_ids
    client, token = await bank.register()
    rotates(bank, client.client_id)
    await bank.delete(client.client_id, token)
    assert list(bank.server.clients) == [client.client_id]
    assert await bank.errand() is None
    assert (await bank.present(client.client_id)).status is ClientStatus.DELETED
    assert "orphan" in await facts(bank)


async def test_deletion_that_is_certain_tells_of_no_orphan(its_own_ids: CarryingBank) -> None:
    client, token = await its_own_ids.register()
    await its_own_ids.delete(client.client_id, token)
    assert its_own_ids.server.clients == {}
    assert "orphan" not in await facts(its_own_ids)


async def test_server_that_takes_such_a_client_no_more_leaves_an_orphan(bank: CarryingBank) -> None:
    client, token = await bank.register()
    rotates(bank, client.client_id)
    bank.server.faults.extend((None, NO))
    await bank.delete(client.client_id, token)
    assert await bank.errand() is None
    assert "orphan" in await facts(bank)


async def test_search_that_comes_to_nothing_is_made_again(bank: CarryingBank) -> None:
    client, token = await bank.register()
    rotates(bank, client.client_id)
    bank.server.faults.extend((None, CUT))
    await bank.delete(client.client_id, token)
    assert await bank.errand() is not None
    await bank.again()
    assert (bank.server.clients, await bank.errand()) == ({}, None)
