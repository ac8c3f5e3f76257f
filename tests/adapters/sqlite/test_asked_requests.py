"""What went on to another server: found by its name and by its challenge, bounded, gone with its client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from registry_builders import NOW, FakeClock, audit, change, client, registry

from dcrgw.adapters.sqlite.grants import MOST_OF_A_CHALLENGE
from dcrgw.adapters.sqlite.registry import SqliteRegistry
from dcrgw.core.authorization.details import AuthorizationDetail
from dcrgw.core.authorization.interaction import AskedRequest, AuthorizationRequest, Grant, RefreshToken
from dcrgw.core.registration.client import ClientStatus
from dcrgw.ports.grants import GrantChange, GrantVerdict
from dcrgw.ports.registry import Change

CHALLENGE = "c" * 43
DETAILS = (AuthorizationDetail("payment", {"type": "payment", "amount": {"value": "1.50"}, "note": "Zoë 💷"}),)
REQUEST = AuthorizationRequest(
    market="uk",
    client_id="client-1",
    redirect_uri="https://tpp.example/cb",
    scope=("openid", "payments"),
    code_challenge=CHALLENGE,
    prompt=frozenset({"login"}),
    details=DETAILS,
)
ASKED = AskedRequest("name", REQUEST, NOW + 90)
GRANT = Grant("grant-1", "uk", "client-1", "", ("openid",), DETAILS, NOW, NOW, NOW + 600)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(tmp_path: Path, clock: FakeClock) -> AsyncIterator[SqliteRegistry]:
    async with registry(tmp_path / "r.sqlite", clock=clock) as opened:
        await opened.commit(change())
        await opened.commit(change("client-2", used=()))
        yield opened


async def ask(store: SqliteRegistry, asked: AskedRequest) -> GrantVerdict:
    return await store.grants.commit(GrantChange(asks=asked))


async def test_it_is_found_by_its_name_and_by_its_challenge(store: SqliteRegistry) -> None:
    assert await ask(store, ASKED) is GrantVerdict.STORED
    assert await store.grants.asked("uk", "name") == ASKED
    assert await store.grants.asked_with("uk", "client-1", CHALLENGE) == (ASKED,)


@pytest.mark.parametrize(
    ("market", "client_id", "challenge"),
    [("br", "client-1", CHALLENGE), ("uk", "client-2", CHALLENGE), ("uk", "client-1", "d" * 43)],
)
async def test_it_is_nobody_elses(store: SqliteRegistry, market: str, client_id: str, challenge: str) -> None:
    await ask(store, ASKED)
    assert await store.grants.asked_with(market, client_id, challenge) == ()
    assert await store.grants.asked("br", "name") is None


async def test_the_same_again_lasts_as_long_as_the_later_one(store: SqliteRegistry) -> None:
    for ends in (NOW + 90, NOW + 190, NOW + 10):
        assert await ask(store, replace(ASKED, expires_at=ends)) is GrantVerdict.STORED
    assert await store.grants.asked_with("uk", "client-1", CHALLENGE) == (replace(ASKED, expires_at=NOW + 190),)


async def test_another_request_by_the_same_name_is_not_taken(store: SqliteRegistry) -> None:
    await ask(store, ASKED)
    assert await ask(store, replace(ASKED, request=replace(REQUEST, details=()))) is GrantVerdict.CONFLICT
    assert await store.grants.asked("uk", "name") == ASKED


async def test_it_passes(store: SqliteRegistry, clock: FakeClock) -> None:
    await ask(store, ASKED)
    clock.at = NOW + 90
    assert await store.grants.asked("uk", "name") is None
    assert await store.grants.asked_with("uk", "client-1", CHALLENGE) == ()


async def test_no_number_of_them_with_one_challenge_is_read_whole(store: SqliteRegistry) -> None:
    for number in range(MOST_OF_A_CHALLENGE + 5):
        await ask(store, replace(ASKED, hash=f"name-{number}"))
    found = await store.grants.asked_with("uk", "client-1", CHALLENGE)
    assert [each.hash for each in found] == [f"name-{number}" for number in range(24, 4, -1)]


async def test_it_is_forgotten_at_will(store: SqliteRegistry) -> None:
    await ask(store, ASKED)
    await store.grants.commit(GrantChange(forgets=("name", "never was")))
    assert await store.grants.asked("uk", "name") is None


@pytest.mark.parametrize("status", [ClientStatus.SUSPENDED, ClientStatus.REVOKED, ClientStatus.DELETED])
async def test_who_is_not_active_has_none_and_asks_none(store: SqliteRegistry, status: ClientStatus) -> None:
    await ask(store, ASKED)
    await store.commit(Change(audit(), client=replace(client(), status=status, version=2), replaces=1))
    assert await store.grants.asked("uk", "name") is None
    assert await ask(store, ASKED) is GrantVerdict.CONFLICT


async def test_a_refresh_token_ends_when_it_is_said_to(store: SqliteRegistry) -> None:
    await store.grants.commit(GrantChange(grants=GRANT, keeps=RefreshToken("rt", GRANT, NOW + 500)))
    await store.grants.commit(GrantChange(ends_refresh=("rt", NOW + 20)))
    kept = await store.grants.refresh_token("uk", "rt")
    assert kept is not None
    assert kept.expires_at == NOW + 20


async def test_a_refresh_token_comes_again_for_its_own_grant_alone(store: SqliteRegistry) -> None:
    await store.grants.commit(GrantChange(grants=GRANT, keeps=RefreshToken("rt", GRANT, NOW + 500)))
    again = GrantChange(keeps=RefreshToken("rt", GRANT, NOW + 600))
    assert await store.grants.commit(again) is GrantVerdict.STORED
    other = replace(GRANT, id="grant-2")
    taken = GrantChange(grants=other, keeps=RefreshToken("rt", other, NOW + 700))
    assert await store.grants.commit(taken) is GrantVerdict.CONFLICT
    assert await store.grants.grant("uk", "grant-2") is None
