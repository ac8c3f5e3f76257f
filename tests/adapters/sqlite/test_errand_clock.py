"""Which errands may be carried when: one holder at a time, whatever the clock does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from registry_builders import NOW, FakeClock, audit, registry

from dcrgw.adapters.sqlite.registry import SqliteRegistry
from dcrgw.core.upstream.client import UpstreamRef
from dcrgw.core.upstream.errand import Act, Errand
from dcrgw.ports.registry import Change, CommitVerdict

DELETION = Errand("key-1", Act.DELETE, "uk", "client-1", "r", "i", NOW, NOW, ref=UpstreamRef("client-1", None, "token"))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(tmp_path: Path, clock: FakeClock) -> AsyncIterator[SqliteRegistry]:
    async with registry(tmp_path / "r.sqlite", clock=clock) as opened:
        assert await begin(opened, DELETION) is CommitVerdict.STORED
        yield opened


async def begin(store: SqliteRegistry, errand: Errand) -> CommitVerdict:
    return (await store.commit(Change(audit=audit(), begins=errand))).verdict


async def test_claimed_errand_is_nobody_elses_until_its_claim_has_run_out(
    store: SqliteRegistry, clock: FakeClock
) -> None:
    first = await store.errands.claim("key-1", 35)
    assert (first.attempts, first.claimed_until) == (1, NOW + 35)
    assert await store.errands.claim("key-1", 35) is None
    assert store.errands.due("uk", 10) == ()
    clock.at += 35
    assert store.errands.due("uk", 10) == ("key-1",)
    second = await store.errands.claim("key-1", 35)
    ended = await store.commit(Change(audit=audit(), ends=first.claim))
    assert ended.verdict is CommitVerdict.LOST
    await store.errands.put_off(first.claim, NOW, "too late", False)
    assert await store.errands.of_client("uk", "client-1") == second


async def test_errand_that_was_put_off_is_due_then(store: SqliteRegistry, clock: FakeClock) -> None:
    claimed = await store.errands.claim("key-1", 35)
    await store.errands.put_off(claimed.claim, NOW + 60, "nobody answered", False)
    assert store.errands.due("uk", 10) == ()
    assert [(each.waiting, each.next_at) for each in store.errands.outlook()] == [(1, NOW + 60)]
    clock.at = NOW + 60
    assert store.errands.due("uk", 10) == ("key-1",)


@pytest.mark.parametrize("is_claimed", [True, False])
async def test_clock_that_is_set_back_holds_nothing_up(
    store: SqliteRegistry, clock: FakeClock, is_claimed: bool
) -> None:
    claimed = await store.errands.claim("key-1", 35)
    if not is_claimed:
        await store.errands.put_off(claimed.claim, NOW + 60, "nobody answered", False)
    clock.at = NOW - 86_400
    assert store.errands.due("uk", 10) == ("key-1",)
    assert store.errands.outlook()[0].next_at <= clock.at
    assert await store.errands.claim("key-1", 35) is not None


async def test_deletion_takes_the_place_of_what_is_open_and_voids_its_claim(store: SqliteRegistry) -> None:
    assert await begin(store, replace(DELETION, key="key-2")) is CommitVerdict.STORED
    assert await store.errands.of_client("uk", "client-1") == replace(DELETION, key="key-2", attempts=1)
