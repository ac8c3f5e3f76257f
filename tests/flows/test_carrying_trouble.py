"""What an authorization server may do to a registration: lie, hang, give up, and fifty at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from carrying_bank import CarryingBank, carrying_bank
from fake_server import CUT, DOWN, LOST, FakeServer
from small_bank import only

from dcrgw.core.checks import Report
from dcrgw.core.registration.client import ClientStatus
from dcrgw.core.upstream import gates
from dcrgw.core.upstream.client import UPSTREAM_SECRET, UpstreamClient, UpstreamRef
from dcrgw.core.upstream.errand import Act, Errand
from dcrgw.core.upstream.server import Gap
from dcrgw.errors import Rejected, Unavailable
from dcrgw.flows.create import create
from dcrgw.flows.errands import carry, claim_s


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[CarryingBank]:
    async with carrying_bank(tmp_path / "registry.sqlite") as opened:
        yield opened


@pytest.fixture
async def its_own_ids(tmp_path: Path) -> AsyncIterator[CarryingBank]:
    server = FakeServer(takes_client_id=False, finds_clients=False)
    async with carrying_bank(tmp_path / "registry.sqlite", server=server) as opened:
        yield opened


def telling(bank: CarryingBank, **members: Any) -> None:
    bank.server.tells = lambda told: replace(told, metadata={**told.metadata, **members})


@pytest.mark.parametrize(
    "members",
    [
        {"redirect_uris": ["https://evil.example/"]},
        {"redirect_uris": None},
        {"token_endpoint_auth_method": "none"},
        {"jwks_uri": "https://evil.example/jwks"},
        {"tls_client_auth_san_dns": "evil.example"},
    ],
)
async def test_registration_that_the_server_lies_about_is_refused_and_undone(
    bank: CarryingBank, members: dict[str, Any]
) -> None:
    telling(bank, **members)
    with pytest.raises(Rejected) as rejected:
        await bank.register()
    assert only(rejected.value)[:2] == ("upstream.members.kept", 400)
    assert (await bank.errand()).act is Act.DELETE
    await bank.again()
    assert bank.server.clients == {}
    assert bank.nothing_left


async def test_harmless_difference_is_told_to_the_operator_alone(bank: CarryingBank) -> None:
    telling(bank, client_name="SHORTENED", contacts=None)
    client, _ = await bank.register()
    assert "client_name" in bank.report.facts["upstream_differs"]
    assert "SHORTENED" not in str(bank.answered.body)
    assert client.status is ClientStatus.ACTIVE


async def test_member_that_the_bank_lets_it_drop_may_be_missing(bank: CarryingBank) -> None:
    bank.changes["may_drop"] = frozenset({"redirect_uris"})
    telling(bank, redirect_uris=None)
    client, _ = await bank.register()
    assert client.status is ClientStatus.ACTIVE


@pytest.mark.parametrize("given", ["x y", "../admin", "", ".hidden", "a" * 37, "ä"])
async def test_client_id_that_no_client_may_have_is_refused(its_own_ids: CarryingBank, given: str) -> None:
    bank = its_own_ids
    bank.server.tells = lambda told: replace(told, ref=UpstreamRef(given))
    with pytest.raises(Rejected) as rejected:
        await bank.register()
    assert only(rejected.value)[0] == "upstream.client_id.given"
    assert bank.nothing_left
    assert "orphan" in bank.report.facts
    assert "delete" not in bank.server.calls


async def test_client_id_of_another_client_is_refused_and_never_deleted(its_own_ids: CarryingBank) -> None:
    bank = its_own_ids
    first, _ = await bank.register()
    bank.server.tells = lambda told: replace(told, ref=replace(told.ref, client_id=first.client_id))
    with pytest.raises(Rejected) as rejected:
        await bank.register(bank.body(client_name="Another"))
    assert only(rejected.value)[0] == "upstream.client_id.given"
    assert await bank.errand() is None
    assert await bank.present(first.client_id) == first
    assert bank.count("clients") == 1
    row = [line.record for line in await bank.store.audit_tail(2)][1]
    assert "orphan" in row.facts


async def test_server_that_does_not_take_our_client_id_is_caught(bank: CarryingBank) -> None:
    def other(told: UpstreamClient) -> UpstreamClient:
        made = replace(told, ref=replace(told.ref, client_id="as-own"))
        bank.server.clients = {"as-own": made}
        return made

    bank.server.tells = other
    with pytest.raises(Rejected) as rejected:
        await bank.register()
    assert only(rejected.value)[0] == "upstream.client_id.given"
    assert bank.nothing_left
    # Nothing shows whose it is.
    assert list(bank.server.clients) == ["as-own"]
    assert "orphan" in bank.report.facts


async def test_client_that_was_there_before_is_never_deleted(its_own_ids: CarryingBank) -> None:
    bank = its_own_ids
    of_the_bank = UpstreamClient(UpstreamRef("intranet", "https://as.example/reg/intranet", "its token"), {})
    bank.server.clients["intranet"] = of_the_bank
    bank.server.tells = lambda told: replace(of_the_bank, is_new=False)
    with pytest.raises(Rejected) as rejected:
        await bank.register()
    assert only(rejected.value)[0] == "upstream.members.kept"
    assert bank.nothing_left
    assert "intranet" in bank.server.clients
    [row] = [line.record for line in await bank.store.audit_tail(1)]
    assert "orphan" in row.facts


async def test_fifty_identical_requests_make_one_client_here_and_there(bank: CarryingBank) -> None:
    body = bank.body()

    async def hold(_call: str) -> None:
        await asyncio.sleep(0.05)

    bank.server.hold = hold
    arrival = bank._arrival(body)

    async def post(number: int) -> str:
        report = Report(f"report-{number}", "label", "create", "uk", bank.clock.at)
        return (await create(arrival, bank.market, bank.ports, report)).client.client_id

    ids = await asyncio.gather(*(post(number) for number in range(50)))
    assert len(set(ids)) == 1
    assert (bank.server.made, len(bank.server.clients), bank.count("clients")) == (1, 1, 1)


async def test_creation_that_was_never_confirmed_is_given_up_and_looked_for(bank: CarryingBank) -> None:
    bank.server.faults.extend([LOST, CUT])
    body = bank.body()
    with pytest.raises(Unavailable):
        await bank.register(body)
    bank.clock.at += bank.upstream.give_up_s
    with pytest.raises(Unavailable):
        await bank.again()
    assert bank.report.decision == "given up"
    assert bank.count("clients") == 0
    [former] = bank.server.clients
    client, _ = await bank.register(body)
    assert client.client_id != former
    await bank.again()
    assert list(bank.server.clients) == [client.client_id]
    assert bank.count("errands") == 0


async def test_what_cannot_be_looked_for_is_told_as_an_orphan(its_own_ids: CarryingBank) -> None:
    bank = its_own_ids
    bank.server.faults.extend([LOST, DOWN])
    with pytest.raises(Unavailable):
        await bank.register()
    bank.clock.at += bank.upstream.give_up_s
    with pytest.raises(Unavailable):
        await bank.again()
    assert bank.nothing_left
    [row] = [line.record for line in await bank.store.audit_tail(1)]
    assert (row.decision, row.author) == ("given up", "gateway")
    assert "orphan" in row.facts


async def test_server_that_was_never_reached_left_no_orphan(its_own_ids: CarryingBank) -> None:
    bank = its_own_ids
    bank.server.faults.extend([DOWN, DOWN])
    with pytest.raises(Unavailable):
        await bank.register()
    bank.clock.at += bank.upstream.give_up_s
    with pytest.raises(Unavailable):
        await bank.again()
    [row] = [line.record for line in await bank.store.audit_tail(1)]
    assert "orphan" not in row.facts


async def test_attempt_that_comes_too_late_never_deletes_what_the_next_one_got(its_own_ids: CarryingBank) -> None:
    bank, made, goes_on = its_own_ids, asyncio.Event(), asyncio.Event()
    bank.server.gives = "as-1"

    async def linger(_call: str) -> None:
        bank.server.hold = None
        made.set()
        await goes_on.wait()

    async def overtake() -> Errand:
        """Its claim runs out while it waits for its answer, and the outbox begins to ask the same."""
        await made.wait()
        errand = await bank.errand()
        bank.clock.at = errand.claimed_until + 1
        claimed = await bank.store.errands.claim(errand.key, claim_s(bank.upstream))
        goes_on.set()
        return claimed

    bank.server.hold = linger
    late, claimed = await asyncio.gather(bank.register(), overtake(), return_exceptions=True)
    assert isinstance(late, Unavailable)
    with pytest.raises(Unavailable):
        await carry(claimed, bank.market, bank.ports, Report("r", "outbox", "create", "uk", bank.clock.at))
    while opened := await bank.store.errands.opened():
        bank.clock.at = max(bank.clock.at, opened[0].due_at) + 0.001
        claimed = await bank.store.errands.claim(opened[0].key, claim_s(bank.upstream))
        await carry(claimed, bank.market, bank.ports, Report("r", "outbox", "create", "uk", bank.clock.at))
    assert (await bank.present("as-1")).status is ClientStatus.ACTIVE
    assert list(bank.server.clients) == ["as-1"]


async def test_hanging_server_costs_no_more_than_an_attempt(bank: CarryingBank) -> None:
    bank.changes["attempt_s"] = 0.02

    async def hang(_call: str) -> None:
        await asyncio.Event().wait()

    bank.server.hold = hang
    with pytest.raises(Unavailable):
        await bank.register()
    bank.server.hold = None
    assert (await bank.again()).status is ClientStatus.ACTIVE
    assert bank.server.made == 1


async def test_method_that_the_server_lacks_is_bridged_by_a_secret_of_ours(tmp_path: Path) -> None:
    changes = {"auth_methods": frozenset({"client_secret_basic"})}
    async with carrying_bank(tmp_path / "registry.sqlite", profile="obuk-3.2", changes=changes) as bank:
        client, _ = await bank.register()
        [there] = bank.server.clients.values()
        assert there.metadata["token_endpoint_auth_method"] == "client_secret_basic"
        assert not [name for name in there.metadata if name.startswith("tls_client_auth")]
        assert there.secret == client.secrets[UPSTREAM_SECRET]
        assert client.metadata.text("token_endpoint_auth_method") == "tls_client_auth"
        assert there.secret not in str(bank.answered.body)


async def test_refusal_that_repeats_the_gateways_secret_tells_nobody(tmp_path: Path) -> None:
    changes = {"auth_methods": frozenset({"client_secret_basic"})}
    async with carrying_bank(tmp_path / "registry.sqlite", profile="obuk-3.2", changes=changes) as bank:

        async def repeat(_call: str) -> None:
            [there] = bank.server.clients.values()
            raise gates.METADATA.rejection(f"client_secret {there.secret} is not welcome")

        bank.server.hold = repeat
        with pytest.raises(Rejected) as rejected:
            await bank.register()
        assert rejected.value.faults[0].description == "client_secret ... is not welcome"
        [there] = bank.server.clients.values()
        assert there.secret not in str(bank.report)


async def test_method_that_the_server_lacks_is_refused_where_the_bank_says_so(tmp_path: Path) -> None:
    changes = {"auth_methods": frozenset({"client_secret_basic"}), "gap": Gap.REFUSE}
    async with carrying_bank(tmp_path / "registry.sqlite", profile="obuk-3.2", changes=changes) as bank:
        with pytest.raises(Rejected) as rejected:
            await bank.register()
        assert only(rejected.value)[0] == "rules.auth_method.offered"
        assert bank.nothing_left
        assert bank.server.calls == []


async def test_second_registration_of_a_software_waits_for_none_that_is_pending(tmp_path: Path) -> None:
    async with carrying_bank(
        tmp_path / "registry.sqlite", profile="obuk-3.2", policy={"duplicates_allowed": False}
    ) as bank:
        bank.server.faults.append(CUT)
        with pytest.raises(Unavailable):
            await bank.register()
        with pytest.raises(Rejected) as rejected:
            await bank.register()
        assert only(rejected.value)[0] == "registry.software.unregistered"


async def test_secret_that_the_server_made_is_the_clients(bank: CarryingBank) -> None:
    bank.server.tells = lambda told: replace(told, secret="made-by-the-server-0123456789")
    client, _ = await bank.register(bank.body(token_endpoint_auth_method="client_secret_basic"))
    assert client.secrets["client_secret"] == "made-by-the-server-0123456789"
    assert bank.answered.body["client_secret"] == "made-by-the-server-0123456789"
