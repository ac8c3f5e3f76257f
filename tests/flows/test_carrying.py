"""Registrations in front of an authorization server: never half done, whatever it does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from carrying_bank import CarryingBank, carrying_bank
from fake_server import CUT, DOWN, LOST, NO, STRANGER, FakeServer
from small_bank import UK, only

from dcrgw.core.registration.client import ClientStatus
from dcrgw.core.upstream.errand import Act
from dcrgw.errors import Misconfigured, Rejected, Unavailable

ANY_ID = {"takes_client_id": False, "finds_clients": False}


@pytest.fixture(params=["plain", "uk", "its own ids"])
async def bank(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[CarryingBank]:
    profile = {"profile": UK} if request.param == "uk" else {}
    server = FakeServer(**ANY_ID) if request.param == "its own ids" else FakeServer()
    async with carrying_bank(tmp_path / "registry.sqlite", server=server, **profile) as opened:
        yield opened


async def test_client_is_active_once_the_server_has_it(bank: CarryingBank) -> None:
    client, _ = await bank.register()
    [there] = bank.server.clients.values()
    assert client.status is ClientStatus.ACTIVE
    assert client.client_id == there.ref.client_id == bank.answered.body["client_id"]
    assert client.upstream_ref() == there.ref
    assert await bank.present(client.client_id) == client
    assert (await bank.errand(), client.version) == (None, 1)
    history = await bank.store.history("uk", client.client_id)
    assert [row.decision for row in history][:1] == ["registered"]
    if bank.server.takes_client_id:
        assert [row.decision for row in history] == ["registered", "pending"]


async def test_answer_shows_nothing_of_the_servers_credentials(bank: CarryingBank) -> None:
    client, _ = await bank.register()
    [there] = bank.server.clients.values()
    text = str(bank.answered.body)
    assert there.ref.token not in text
    assert there.ref.uri not in text
    assert "as-token" not in repr(client)


@pytest.mark.parametrize("fault", [DOWN, CUT, LOST])
async def test_unknown_outcome_is_carried_on_by_the_outbox(bank: CarryingBank, fault: str) -> None:
    bank.server.faults.append(fault)
    body = bank.body()
    with pytest.raises(Unavailable) as unavailable:
        await bank.register(body)
    assert unavailable.value.retry_after_s >= 1
    errand = await bank.errand()
    assert errand is not None
    assert (errand.act, errand.unsure, errand.claimed_until) == (Act.CREATE, fault != DOWN, 0)
    assert (await bank.present(errand.client_id)).status is ClientStatus.PENDING
    carried = await bank.again()
    assert carried.status is ClientStatus.ACTIVE
    client, _ = await bank.register(body)
    assert client == carried
    assert bank.report.decision == "repeated"
    assert bank.count("clients") == 1
    if bank.server.finds_clients:
        assert bank.server.made == 1
        assert len(bank.server.clients) == 1


@pytest.mark.parametrize("fault", [DOWN, CUT, LOST])
async def test_same_bytes_again_drive_the_same_errand(bank: CarryingBank, fault: str) -> None:
    bank.server.faults.append(fault)
    body = bank.body()
    with pytest.raises(Unavailable):
        await bank.register(body)
    client, _ = await bank.register(body)
    assert client.status is ClientStatus.ACTIVE
    assert await bank.errand() is None
    assert bank.count("clients") == 1


async def test_other_bytes_of_the_same_jti_are_refused_while_it_is_pending(tmp_path: Path) -> None:
    async with carrying_bank(tmp_path / "registry.sqlite", profile=UK) as bank:
        bank.server.faults.append(CUT)
        with pytest.raises(Unavailable):
            await bank.register(bank.body(jti="d5b9fc5f-6b0a-4b5c-9a2d-0f0f0f0f0f0f"))
        with pytest.raises(Rejected) as rejected:
            await bank.register(bank.body(jti="d5b9fc5f-6b0a-4b5c-9a2d-0f0f0f0f0f0f", scope="openid"))
        assert only(rejected.value)[0] == "registry.jti.unused"


async def test_refusal_leaves_nothing_behind_and_burns_no_jti(bank: CarryingBank) -> None:
    bank.server.faults.append(NO)
    body = bank.body()
    with pytest.raises(Rejected) as rejected:
        await bank.register(body)
    assert only(rejected.value) == ("upstream.redirect_uris", 400, "invalid_redirect_uri")
    assert bank.nothing_left
    assert [line.record.decision for line in await bank.store.audit_tail(9)] == ["refused", "undone", "pending"]
    client, _ = await bank.register(body)
    assert client.status is ClientStatus.ACTIVE
    if bank.server.takes_client_id:
        # The row of the refused one is the new client's, its history is not.
        assert len(await bank.store.history("uk", client.client_id)) == 2


async def test_server_that_turns_the_gateway_away_is_the_banks_fault(bank: CarryingBank) -> None:
    bank.server.faults.append(STRANGER)
    with pytest.raises(Misconfigured):
        await bank.register()
    assert bank.nothing_left


async def test_what_the_outbox_hears_refused_is_undone_too(bank: CarryingBank) -> None:
    bank.server.faults.extend([CUT, *([None] if bank.server.finds_clients else []), NO])
    with pytest.raises(Unavailable):
        await bank.register()
    with pytest.raises(Rejected):
        await bank.again()
    [row] = [line.record for line in await bank.store.audit_tail(1)]
    assert (row.author, row.decision) == ("gateway", "undone")
    assert ("orphan" in row.facts) is not bank.server.finds_clients
    assert bank.count("clients") == 0
    if bank.server.finds_clients:  # the first attempt may have made what is refused now
        await bank.again()
    assert bank.nothing_left


async def test_pending_client_is_nobody(bank: CarryingBank) -> None:
    bank.server.faults.append(CUT)
    with pytest.raises(Unavailable):
        await bank.register()
    errand = await bank.errand()
    with pytest.raises(Rejected) as rejected:
        await bank.get(errand.client_id, "any-token")
    assert only(rejected.value)[:2] == ("management.authorised", 401)
