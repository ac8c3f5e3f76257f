"""Registry and authorization server held against each other: what differs is found, told and mended, no more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from carrying_bank import CarryingBank, carrying_bank
from fake_server import CUT, DOWN, NO, FakeServer

from dcrgw.core.registration.client import ClientStatus
from dcrgw.core.upstream.client import UPSTREAM_SECRET, UpstreamClient, UpstreamRef
from dcrgw.errors import Rejected, Unavailable
from dcrgw.flows.administer import Operation, Order, administer
from dcrgw.flows.reconcile import Mended, Mending, ReconcileDesk


@pytest.fixture(params=["it lists", "it lists none"])
async def bank(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[CarryingBank]:
    async with carrying_bank(tmp_path / "registry.sqlite") as opened:
        opened.server.lists = request.param == "it lists"
        yield opened


def desk(bank: CarryingBank) -> ReconcileDesk:
    return ReconcileDesk({"uk": bank.market}, bank.ports, bank.store)


async def looked(bank: CarryingBank) -> list[tuple[str, str, bool]]:
    found = await desk(bank).look("uk", None, 100)
    return [(each.kind.value, each.client_id, each.is_mendable) for each in found.differences]


async def mended(bank: CarryingBank, client_id: str) -> Mended:
    return await desk(bank).mend(Mending("uk", client_id, "admin:alice", "label", "drill"))


async def test_nothing_is_told_of_what_agrees(bank: CarryingBank) -> None:
    client, _ = await bank.register()
    assert await looked(bank) == []
    assert (await mended(bank, client.client_id)).outcome == "nothing"


def forgets(bank: CarryingBank, client_id: str) -> None:
    del bank.server.clients[client_id]


def changes(bank: CarryingBank, client_id: str) -> None:
    there = bank.server.clients[client_id]
    bank.server.clients[client_id] = replace(there, metadata={**there.metadata, "scope": "everything"})


@pytest.mark.parametrize(("happens", "kind"), [(forgets, "missing"), (changes, "differs")])
async def test_what_differs_there_is_mended(
    bank: CarryingBank, happens: Callable[[CarryingBank, str], None], kind: str
) -> None:
    client, _ = await bank.register()
    happens(bank, client.client_id)
    assert await looked(bank) == [(kind, client.client_id, True)]
    assert bank.count("errands") == 0
    assert (await mended(bank, client.client_id)).outcome == "mended"
    assert await looked(bank) == []
    there, here = bank.server.clients[client.client_id], await bank.present(client.client_id)
    assert here.upstream_ref() == there.ref
    assert (here.version, here.metadata, here.status) == (client.version, client.metadata, ClientStatus.ACTIVE)
    newest = (await bank.store.history("uk", client.client_id))[0]
    assert (newest.operation, newest.decision, newest.author) == ("reconcile", "mended", "admin:alice")
    assert (newest.facts["reason"], newest.facts["difference"]) == ("drill", kind)


@pytest.mark.parametrize("keeps_secrets", [True, False])
async def test_client_that_is_made_again_keeps_its_secret_or_the_operator_hears_of_it(
    bank: CarryingBank, keeps_secrets: bool
) -> None:
    client, _ = await bank.register(bank.body(token_endpoint_auth_method="client_secret_basic"))
    bank.server.clients.clear()
    if not keeps_secrets:
        bank.server.tells = lambda told: replace(told, secret="made-by-the-server-0123456789")
    done = await mended(bank, client.client_id)
    assert done.outcome == "mended"
    here = await bank.present(client.client_id)
    is_kept = here.secrets["client_secret"] == client.secrets["client_secret"]
    assert (is_kept, done.detail == "") == (keeps_secrets, keeps_secrets)
    newest = (await bank.store.history("uk", client.client_id))[0]
    assert ("tpp_must_read" in newest.facts) is not keeps_secrets


async def test_client_from_before_there_was_the_server_is_told_to_it(tmp_path: Path) -> None:
    changes = {"auth_methods": frozenset({"client_secret_basic"})}
    async with carrying_bank(tmp_path / "registry.sqlite", profile="obuk-3.2", changes=changes) as bank:
        has_server = bank.changes.pop("auth_methods")
        bank.is_alone = True
        client, _ = await bank.register()
        assert client.upstream is None
        bank.is_alone = False
        bank.changes["auth_methods"] = has_server
        assert await looked(bank) == [("untold", client.client_id, True)]
        assert (await mended(bank, client.client_id)).outcome == "mended"
        here = await bank.present(client.client_id)
        assert here.secrets[UPSTREAM_SECRET] == bank.server.clients[client.client_id].secret
        assert await looked(bank) == []


async def test_what_is_over_here_and_alive_there_is_deleted(tmp_path: Path) -> None:
    async with carrying_bank(tmp_path / "registry.sqlite") as bank:
        client, _ = await bank.register()
        there = dict(bank.server.clients)
        await administer(Order(Operation.DELETE, "uk", client.client_id, "admin:bob", "label"), bank.ports)
        await bank.again()
        bank.server.clients = there
        assert await looked(bank) == [("alive", client.client_id, True)]
        assert (await mended(bank, client.client_id)).outcome == "mended"
        assert bank.server.clients == {}


def stray(bank: CarryingBank, client_id: str = "made-by-the-gateway") -> None:
    ref = UpstreamRef(client_id, None, "as-token-of-a-stray")
    bank.server.clients[client_id] = UpstreamClient(ref, {"redirect_uris": []})


async def test_what_only_the_server_knows_is_deleted(tmp_path: Path) -> None:
    async with carrying_bank(tmp_path / "registry.sqlite") as bank:
        client, _ = await bank.register()
        stray(bank)
        assert await looked(bank) == [("stray", "made-by-the-gateway", True)]
        assert (await mended(bank, "made-by-the-gateway")).outcome == "mended"
        assert list(bank.server.clients) == [client.client_id]


async def test_client_that_the_server_does_not_list_is_not_the_gateways_to_delete(bank: CarryingBank) -> None:
    await bank.register()
    assert (await mended(bank, "somebody-elses")).outcome == "nothing"
    assert "delete" not in bank.server.calls


async def test_stray_may_be_what_is_under_way_where_the_server_gives_the_ids(tmp_path: Path) -> None:
    server = FakeServer(takes_client_id=False, finds_clients=False, lists=True)
    async with carrying_bank(tmp_path / "registry.sqlite", server=server) as bank:
        server.faults.append(CUT)
        with pytest.raises(Unavailable):
            await bank.register()
        stray(bank)
        assert [kind for kind, *_ in await looked(bank)] == ["waiting", "stray"]
        left = await mended(bank, "made-by-the-gateway")
        assert (left.outcome, left.difference.is_mendable) == ("left", False)
        await bank.again()
        assert (await mended(bank, "made-by-the-gateway")).outcome == "mended"


async def test_missing_client_whose_id_the_server_gave_has_to_register_anew(tmp_path: Path) -> None:
    server = FakeServer(takes_client_id=False, finds_clients=False)
    async with carrying_bank(tmp_path / "registry.sqlite", server=server) as bank:
        client, _ = await bank.register()
        forgets(bank, client.client_id)
        assert await looked(bank) == [("missing", client.client_id, False)]
        assert (await mended(bank, client.client_id)).outcome == "left"
        assert bank.server.made == 1


async def test_what_waits_is_told_and_tried_again_now(bank: CarryingBank) -> None:
    bank.server.faults.append(DOWN)
    with pytest.raises(Unavailable):
        await bank.register()
    errand = await bank.errand()
    assert await looked(bank) == [("waiting", errand.client_id, True)]
    bank.clock.at += bank.upstream.alarm_s
    assert await looked(bank) == [("overdue", errand.client_id, True)]
    assert (await mended(bank, errand.client_id)).outcome == "mended"
    assert (await bank.present(errand.client_id)).status is ClientStatus.ACTIVE


@pytest.mark.parametrize("fault", [CUT, NO])
async def test_mend_that_fails_leaves_the_client_as_it_is_and_says_why(bank: CarryingBank, fault: str) -> None:
    client, _ = await bank.register()
    changes(bank, client.client_id)
    bank.server.faults.extend([None, fault])
    left = await mended(bank, client.client_id)
    assert left.outcome == "left"
    assert left.detail
    assert await bank.present(client.client_id) == client


async def test_every_page_is_looked_at(bank: CarryingBank) -> None:
    ids = sorted([(await bank.register(bank.body(contacts=[f"{n}@tpp.example"])))[0].client_id for n in range(5)])
    for each in ids:
        changes(bank, each)
    seen, after = [], None
    while True:
        found = await desk(bank).look("uk", after, 2)
        seen += [each.client_id for each in found.differences]
        after = found.following
        if after is None:
            break
    assert seen == ids
    assert found.lists is bank.server.lists


async def test_market_without_a_server_has_nothing_to_reconcile(bank: CarryingBank) -> None:
    plain = ReconcileDesk({"uk": replace(bank.market, upstream=None)}, bank.ports, bank.store)
    assert await plain.reconciled() == ()
    with pytest.raises(Rejected):
        await plain.look("uk", None, 10)
