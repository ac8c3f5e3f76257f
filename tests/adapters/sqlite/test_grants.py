"""The store of authorizations: what is consumed once, what goes with what, and what several nodes see of each other."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from registry_builders import NOW, FakeClock, audit, change, client, registry

from dcrgw.adapters.sqlite.registry import PURGE_INTERVAL_S, SqliteRegistry
from dcrgw.core.authorization.details import AuthorizationDetail, DetailText
from dcrgw.core.authorization.interaction import (
    AuthorizationRequest,
    Code,
    Customer,
    Grant,
    Interaction,
    PushedRequest,
    RefreshToken,
    SingleUse,
)
from dcrgw.core.authorization.tokens import AccessToken
from dcrgw.core.registration.client import ClientStatus
from dcrgw.ports.grants import GrantChange, GrantVerdict, SignIn
from dcrgw.ports.registry import Change, UsedToken

DETAILS = (AuthorizationDetail("payment", {"type": "payment", "amount": {"value": "1.50"}, "note": "Zoë 💷"}),)
REQUEST = AuthorizationRequest(
    market="uk",
    client_id="client-1",
    redirect_uri="https://tpp.example/cb",
    scope=("openid", "payments"),
    code_challenge="c" * 43,
    state="s",
    nonce="n",
    prompt=frozenset({"login", "consent"}),
    max_age=5,
    ui_locales=("cy", "en"),
    login_hint="mary",
    details=DETAILS,
    once=SingleUse("jti", NOW + 60),
)
PUSHED = PushedRequest("pushed", REQUEST, NOW + 90)
INTERACTION = Interaction(
    "interaction-1", "key", REQUEST, (DetailText(0, "payment", "Pay £1.50", "note"),), "pushed", NOW, NOW + 600
)
GRANT = Grant("grant-1", "uk", "client-1", "sub", ("openid",), DETAILS, NOW, NOW, NOW + 60)
CODE = Code("code", GRANT, "https://tpp.example/cb", "c" * 43, "n", NOW + 60)
REFRESH = RefreshToken("refresh", GRANT, NOW + 1_000)
ACCESS = AccessToken("access", "uk", "client-1", ("openid",), NOW, NOW + 300, "x5t", "grant-1", "sub", DETAILS)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(tmp_path: Path, clock: FakeClock) -> AsyncIterator[SqliteRegistry]:
    async with registry(tmp_path / "r.sqlite", clock=clock) as opened:
        await opened.commit(change())
        yield opened


def row(**changes: Any) -> Change:
    return replace(Change(audit()), **changes)


async def applied(store: SqliteRegistry, *changes: GrantChange) -> list[GrantVerdict]:
    return [await store.grants.commit(each) for each in changes]


async def approved(store: SqliteRegistry) -> None:
    assert await applied(store, GrantChange(row(), grants=GRANT, issues=CODE)) == [GrantVerdict.STORED]


async def test_what_is_stored_is_read_back_equal(store: SqliteRegistry) -> None:
    grants = store.grants
    everything = GrantChange(row(), pushes=PUSHED, opens=INTERACTION, grants=GRANT, issues=CODE, keeps=REFRESH)
    assert await applied(store, everything) == [GrantVerdict.STORED]
    assert await grants.pushed("uk", "pushed") == PUSHED
    assert await grants.interaction("uk", "interaction-1") == INTERACTION
    assert await grants.grant("uk", "grant-1") == GRANT
    assert await grants.code("uk", "code") == CODE
    assert await grants.refresh_token("uk", "refresh") == REFRESH
    assert await applied(store, GrantChange(row(issues=ACCESS))) == [GrantVerdict.STORED]
    assert await store.access_token("access") == ACCESS


@pytest.mark.parametrize("market", ["us", ""])
async def test_another_market_sees_nothing(store: SqliteRegistry, market: str) -> None:
    await applied(store, GrantChange(pushes=PUSHED, opens=INTERACTION, grants=GRANT, issues=CODE, keeps=REFRESH))
    grants = store.grants
    assert await grants.pushed(market, "pushed") is None
    assert await grants.interaction(market, "interaction-1") is None
    assert await grants.grant(market, "grant-1") is None
    assert await grants.code(market, "code") is None
    assert await grants.refresh_token(market, "refresh") is None


async def test_sign_in_gives_customer_and_key(store: SqliteRegistry) -> None:
    signed = SignIn("interaction-1", "key", "new key", Customer("sub", "Mary"), NOW + 1)
    await applied(store, GrantChange(opens=INTERACTION))
    assert await applied(store, GrantChange(signs_in=signed), GrantChange(signs_in=signed)) == [
        GrantVerdict.STORED,
        GrantVerdict.GONE,
    ]
    found = await store.grants.interaction("uk", "interaction-1")
    assert found == replace(INTERACTION, key_hash="new key", customer=Customer("sub", "Mary"), authenticated_at=NOW + 1)


@pytest.mark.parametrize(
    "consuming",
    [
        GrantChange(settles=("interaction-1", "key")),
        GrantChange(consumes="pushed"),
        GrantChange(redeems="code"),
        GrantChange(rotates="refresh"),
    ],
)
async def test_of_many_at_once_one_consumes(store: SqliteRegistry, consuming: GrantChange) -> None:
    await applied(store, GrantChange(pushes=PUSHED, opens=INTERACTION, grants=GRANT, issues=CODE, keeps=REFRESH))
    verdicts = await asyncio.gather(*(store.grants.commit(consuming) for _ in range(8)))
    assert sorted(verdicts) == [GrantVerdict.GONE] * 7 + [GrantVerdict.STORED]


@pytest.mark.parametrize(
    "gone",
    [
        {"settles": ("interaction-1", "key")},
        {"settles": ("interaction-2", "key")},
        {"consumes": "pushed"},
        {"redeems": "code"},
        {"rotates": "refresh"},
        {"prolongs": ("grant-2", NOW)},
    ],
)
async def test_change_of_what_is_gone_changes_nothing_else(store: SqliteRegistry, gone: dict[str, Any]) -> None:
    used = (UsedToken("client_assertion", "client-1", "j", NOW + 60),)
    token = replace(ACCESS, grant=None)
    failing = GrantChange(row(used=used, issues=token), pushes=replace(PUSHED, hash="other"), **gone)
    assert await applied(store, failing) == [GrantVerdict.GONE]
    assert await store.access_token("access") is None
    assert await store.grants.pushed("uk", "other") is None
    assert await applied(store, GrantChange(row(used=used))) == [GrantVerdict.STORED]


async def test_wrong_key_settles_nothing(store: SqliteRegistry) -> None:
    await applied(store, GrantChange(opens=INTERACTION))
    assert await applied(store, GrantChange(settles=("interaction-1", "other"))) == [GrantVerdict.GONE]
    assert await store.grants.interaction("uk", "interaction-1") is not None


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [("client_assertion", GrantVerdict.TOKEN_USED), ("request_object", GrantVerdict.OBJECT_USED)],
)
async def test_jti_is_burnt_once(store: SqliteRegistry, kind: str, verdict: GrantVerdict) -> None:
    burning = GrantChange(row(used=(UsedToken(kind, "client-1", "j", NOW + 60),)))
    assert await applied(store, burning, burning) == [GrantVerdict.STORED, verdict]


@pytest.mark.parametrize(
    "given", [{"pushes": PUSHED}, {"opens": INTERACTION}, {"grants": GRANT}, {"grants": GRANT, "issues": CODE}]
)
async def test_client_that_is_not_active_is_given_nothing(store: SqliteRegistry, given: dict[str, Any]) -> None:
    suspended = client(status=ClientStatus.SUSPENDED, version=2)
    await store.commit(Change(audit(), client=suspended, replaces=1))
    assert await applied(store, GrantChange(row(), **given)) == [GrantVerdict.CONFLICT]


async def test_token_of_a_grant_that_ended_is_not_issued(store: SqliteRegistry) -> None:
    assert await applied(store, GrantChange(row(issues=ACCESS))) == [GrantVerdict.CONFLICT]
    assert await store.access_token("access") is None


async def test_revoked_grant_takes_codes_and_tokens_with_it(store: SqliteRegistry) -> None:
    await approved(store)
    await applied(store, GrantChange(row(issues=ACCESS), keeps=REFRESH))
    own = replace(ACCESS, hash="own", grant=None, sub=None)
    await applied(store, GrantChange(row(issues=own)))
    assert await applied(store, GrantChange(row(), revokes="grant-1")) == [GrantVerdict.STORED]
    assert await store.grants.code("uk", "code") is None
    assert await store.grants.refresh_token("uk", "refresh") is None
    assert await store.access_token("access") is None
    assert await store.access_token("own") == own


@pytest.mark.parametrize("status", [ClientStatus.SUSPENDED, ClientStatus.REVOKED, ClientStatus.DELETED])
async def test_client_that_ends_takes_its_authorizations_with_it(store: SqliteRegistry, status: ClientStatus) -> None:
    await applied(store, GrantChange(pushes=PUSHED, opens=INTERACTION, grants=GRANT, issues=CODE, keeps=REFRESH))
    await store.commit(Change(audit(), client=client(status=status, version=2), replaces=1))
    grants = store.grants
    assert await grants.pushed("uk", "pushed") is None
    assert await grants.interaction("uk", "interaction-1") is None
    assert await grants.code("uk", "code") is None


async def test_ending_a_clients_tokens_ends_its_grants(store: SqliteRegistry) -> None:
    await approved(store)
    await store.commit(Change(audit(), ends_tokens_of=("uk", "client-1")))
    assert await store.grants.grant("uk", "grant-1") is None


async def test_what_has_expired_is_not_found(store: SqliteRegistry, clock: FakeClock) -> None:
    await applied(store, GrantChange(pushes=PUSHED, opens=INTERACTION, grants=GRANT, issues=CODE))
    clock.at = NOW + 90
    assert await store.grants.pushed("uk", "pushed") is None
    assert await store.grants.grant("uk", "grant-1") is None
    assert await applied(store, GrantChange(redeems="code")) == [GrantVerdict.GONE]
    # It may still be the one of an interaction that began before.
    assert await applied(store, GrantChange(consumes="pushed")) == [GrantVerdict.STORED]
    clock.at = NOW + 600
    assert await store.grants.interaction("uk", "interaction-1") is None
    assert await applied(store, GrantChange(settles=("interaction-1", "key"))) == [GrantVerdict.GONE]


async def test_used_code_is_remembered_while_its_grant_lives(store: SqliteRegistry, clock: FakeClock) -> None:
    await approved(store)
    await applied(store, GrantChange(redeems="code", prolongs=("grant-1", NOW + 5_000)))
    clock.at = NOW + 4_000
    found = await store.grants.code("uk", "code")
    assert found is not None
    assert (found.is_used, found.grant.expires_at) == (True, NOW + 5_000)
    await applied(store, GrantChange(row(), prolongs=("grant-1", NOW)))
    assert (await store.grants.grant("uk", "grant-1") or GRANT).expires_at == NOW + 5_000


async def test_what_is_over_is_purged(store: SqliteRegistry, clock: FakeClock, tmp_path: Path) -> None:
    await applied(
        store,
        GrantChange(pushes=PUSHED, opens=INTERACTION, grants=GRANT, issues=CODE, keeps=REFRESH),
        GrantChange(row(issues=ACCESS)),
    )
    clock.at = NOW + 5_000 + PURGE_INTERVAL_S
    await store.commit(Change(audit()))
    tables = ("pushed_requests", "interactions", "grants", "codes", "refresh_tokens", "access_tokens")
    with sqlite3.connect(tmp_path / "r.sqlite") as connection:
        counts = [connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables]
    connection.close()
    assert counts == [0] * len(tables)


async def test_nodes_on_one_file_see_each_other(tmp_path: Path) -> None:
    async with AsyncExitStack() as opened:
        first, second = [await opened.enter_async_context(registry(tmp_path / "r.sqlite")) for _ in range(2)]
        await first.commit(change())
        await applied(first, GrantChange(pushes=PUSHED))
        assert await second.grants.pushed("uk", "pushed") == PUSHED
        assert await applied(second, GrantChange(consumes="pushed")) == [GrantVerdict.STORED]
        assert await applied(first, GrantChange(consumes="pushed")) == [GrantVerdict.GONE]


async def test_cancelled_caller_leaves_whole_or_nothing(store: SqliteRegistry) -> None:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(store.grants.commit(GrantChange(row(issues=ACCESS), grants=GRANT, issues=CODE)))
        await asyncio.sleep(0)
        task.cancel()
    await applied(store, GrantChange(row()))
    found = await store.grants.code("uk", "code"), await store.access_token("access")
    assert found in ((CODE, ACCESS), (None, None))
