"""Errands in the registry's file: one a client, one holder at a time, gone with what they end."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from registry_builders import KEY, FakeClock, audit, client, registry

from dcrgw.adapters.sealer import Sealer, key_id
from dcrgw.adapters.sqlite import errand_rows
from dcrgw.adapters.sqlite.registry import SqliteRegistry
from dcrgw.core.registration.client import ClientStatus
from dcrgw.core.upstream.client import UPSTREAM_TOKEN, UpstreamRef, WantedClient
from dcrgw.core.upstream.errand import Act, Errand
from dcrgw.errors import Misconfigured
from dcrgw.ports.registry import Change, CommitVerdict, UsedToken

NOW = FakeClock().at
PENDING = client(status=ClientStatus.PENDING)
USED = UsedToken("request", "software-1", "jti-1", NOW + 60)


def errand(act: Act = Act.CREATE, **changes: Any) -> Errand:
    plain = Errand(
        f"key-{act}",
        act,
        "uk",
        "client-1",
        "report-1",
        "label",
        begun_at=NOW,
        due_at=NOW,
        wanted=WantedClient("key", "client-1", {"redirect_uris": ["https://tpp.example/💷"]}, "secret-of-ours"),
        ref=UpstreamRef("client-1", "https://as.example/reg/client-1", "token-of-the-server"),
        request_digest=PENDING.request_digest,
        subject_key=PENDING.subject_key,
        used=((USED.kind, USED.issuer, USED.jti),),
        attempts=1,
        claimed_until=NOW + 10,
    )
    return replace(plain, **changes)


async def begun(store: SqliteRegistry, **changes: Any) -> CommitVerdict:
    change = Change(audit=audit(), client=PENDING, used=(USED,), begins=errand(), **changes)
    return (await store.commit(change)).verdict


async def test_errand_is_read_back_as_it_was_begun(tmp_path: Path) -> None:
    begins = errand(Act.UPDATE, successor=client(version=2, secrets={UPSTREAM_TOKEN: "t"}, upstream=errand().ref))
    async with registry(tmp_path / "db") as store:
        await store.commit(Change(audit=audit(), client=client()))
        assert (await store.commit(Change(audit=audit(), begins=begins))).verdict is CommitVerdict.STORED
        # Until its holder says otherwise nobody knows what comes of the attempt.
        assert await store.errands.of_client("uk", "client-1") == replace(begins, unsure=True)
        assert (await store.errands.opened("uk"))[0].key == begins.key
        assert await store.errands.opened("elsewhere") == ()


async def test_nothing_of_an_errand_can_be_read_without_the_sealing_key(tmp_path: Path) -> None:
    async with registry(tmp_path / "db") as store:
        await begun(store)
        assert await store.sealed_with() == {key_id(KEY)}
    assert b"token-of-the-server" not in (tmp_path / "db").read_bytes()
    async with registry(tmp_path / "db", keys=(bytes(reversed(range(32))),)) as store:
        with pytest.raises(Misconfigured):
            await store.errands.of_client("uk", "client-1")


async def test_claim_is_held_by_one_until_it_runs_out(tmp_path: Path) -> None:
    clock = FakeClock()
    async with registry(tmp_path / "db", clock=clock) as store:
        await begun(store)
        assert await store.errands.claim("key-create", 10) is None
        assert not await store.errands.settled("key-create", 0.01)
        clock.at += 10
        assert await store.errands.settled("key-create", 0.01)
        claimed = await asyncio.gather(*(store.errands.claim("key-create", 10) for _ in range(5)))
        [won] = [each for each in claimed if each is not None]
        assert (won.attempts, won.unsure) == (2, True)
        assert await store.errands.claim("key-of-nobody", 10) is None


async def test_claim_of_a_clock_that_was_set_back_holds_nobody_up(tmp_path: Path) -> None:
    clock = FakeClock()
    async with registry(tmp_path / "db", clock=clock) as store:
        await begun(store)
        clock.at -= 86_400
        assert await store.errands.settled("key-create", 0.01)
        [outlook] = await store.errands.outlook()
        assert (outlook.waiting, outlook.oldest_at) == (1, NOW)
        assert (await store.errands.claim("key-create", 10)).attempts == 2


async def test_pause_of_a_clock_that_was_set_back_holds_nothing_up(tmp_path: Path) -> None:
    clock = FakeClock()
    async with registry(tmp_path / "db", clock=clock) as store:
        await begun(store)
        await store.errands.put_off(("key-create", 1), NOW + 5, "down", False)
        clock.at -= 86_400
        assert [each.key for each in await store.errands.due("uk")] == ["key-create"]
        assert (await store.errands.outlook())[0].next_at is None


async def of(store: SqliteRegistry, client_id: str, due_at: float, attempts: int = 0, **whose: Any) -> None:
    """An errand of a client, and whose client it is."""
    its = client(client_id, status=ClientStatus.PENDING, request_digest=f"digest of {client_id}", **whose)
    begins = errand(
        key=f"key of {client_id}", client_id=client_id, due_at=due_at, attempts=attempts, claimed_until=0.0, used=()
    )
    change = Change(audit=audit(), client=its, begins=begins, duplicates_allowed=True)
    assert (await store.commit(change)).verdict is CommitVerdict.STORED


async def test_each_party_has_one_errand_due_the_one_that_was_tried_least(tmp_path: Path) -> None:
    async with registry(tmp_path / "db") as store:
        await of(store, "often-tried", NOW - 60, attempts=9, org_id="org-1")
        await of(store, "of-another-subject", NOW - 50, org_id="org-1", subject_key="another")
        await of(store, "later", NOW - 40, org_id="org-1")
        await of(store, "of-another", NOW - 30, org_id="org-2")
        await of(store, "of-nobody-known", NOW - 20, org_id=None, subject_key="its subject")
        await of(store, "not-yet", NOW + 20, org_id="org-3")
        due = await store.errands.due("uk")
        assert [each.key for each in due] == [
            "key of of-another-subject",
            "key of of-another",
            "key of of-nobody-known",
        ]
        assert len({each.party for each in due}) == 3
        [outlook] = await store.errands.outlook()
        assert (outlook.waiting, outlook.pending, outlook.next_at) == (6, 6, NOW + 20)


async def test_what_undoes_forgotten_clients_is_one_party(tmp_path: Path) -> None:
    """However many a TPP made the gateway undo, they take no turns of others'."""
    async with registry(tmp_path / "db") as store:
        for number in range(3):
            begins = errand(
                key=f"key-{number}", client_id=f"forgotten-{number}", act=Act.DELETE, due_at=NOW, claimed_until=0.0
            )
            await store.commit(Change(audit=audit(), begins=begins))
        assert len(await store.errands.due("uk")) == 1


async def test_errand_that_was_put_off_is_due_later(tmp_path: Path) -> None:
    clock = FakeClock()
    async with registry(tmp_path / "db", clock=clock) as store:
        await begun(store)
        store.errands.stirred.clear()
        await store.errands.put_off(("key-create", 1), NOW + 5, "down", False)
        assert store.errands.stirred.is_set()
        assert await store.errands.due("uk") == ()
        assert (await store.errands.outlook())[0].next_at == NOW + 5
        clock.at += 5
        assert [each.key for each in await store.errands.due("uk")] == ["key-create"]
        claimed = await store.errands.claim("key-create", 10)
        assert (claimed.trouble, claimed.unsure) == ("down", False)
        await store.errands.put_off(("key-create", 1), NOW, "too late", False)
        assert (await store.errands.of_client("uk", "client-1")).trouble == "down"


async def test_who_waits_is_told_when_it_is_over(tmp_path: Path) -> None:
    async with registry(tmp_path / "db") as store:
        await begun(store)
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(store.errands.settled("key-create", 30))
            await asyncio.sleep(0)
            await store.commit(Change(audit=audit(), ends=("key-create", 1), undoes=errand()))
        assert waiting.result()


async def test_only_the_latest_claim_ends_an_errand(tmp_path: Path) -> None:
    clock = FakeClock()
    async with registry(tmp_path / "db", clock=clock) as store:
        await begun(store)
        clock.at += 10
        await store.errands.claim("key-create", 10)
        active = replace(PENDING, status=ClientStatus.ACTIVE)
        late = Change(audit=audit(), client=active, replaces=1, ends=("key-create", 1))
        assert (await store.commit(late)).verdict is CommitVerdict.LOST
        assert (await store.client("uk", "client-1")).status is ClientStatus.PENDING
        assert (await store.commit(replace(late, ends=("key-create", 2)))).verdict is CommitVerdict.STORED
        assert await store.client("uk", "client-1") == active
        assert await store.errands.opened() == ()


async def test_confirmed_client_gets_the_id_that_the_server_gave(tmp_path: Path) -> None:
    async with registry(tmp_path / "db") as store:
        await begun(store)
        named = replace(PENDING, client_id="as-1", status=ClientStatus.ACTIVE, upstream=UpstreamRef("as-1"))
        change = Change(audit=audit(client_id="as-1"), client=named, replaces=1, ends=("key-create", 1))
        assert (await store.commit(change)).verdict is CommitVerdict.STORED
        assert await store.client("uk", "client-1") is None
        assert await store.client("uk", "as-1") == named
        assert await store.repeated("uk", PENDING.request_digest, PENDING.subject_key) == named


async def test_id_that_is_taken_here_is_nobodys_elses(tmp_path: Path) -> None:
    async with registry(tmp_path / "db") as store:
        await store.commit(Change(audit=audit(), client=client("as-1")))
        await begun(store)
        named = replace(PENDING, client_id="as-1", status=ClientStatus.ACTIVE)
        change = Change(audit=audit(), client=named, replaces=1, ends=("key-create", 1))
        assert (await store.commit(change)).verdict is CommitVerdict.CLIENT_ID_TAKEN
        assert len(await store.errands.opened()) == 1


async def test_undone_request_may_come_again(tmp_path: Path) -> None:
    async with registry(tmp_path / "db") as store:
        await begun(store)
        assert (await begun(store)) is CommitVerdict.REPEATED
        await store.commit(Change(audit=audit(), ends=("key-create", 1), undoes=errand()))
        assert await store.client("uk", "client-1") is None
        assert (await begun(store)) is CommitVerdict.STORED


async def test_undone_request_frees_no_jti_of_others(tmp_path: Path) -> None:
    async with registry(tmp_path / "db") as store:
        others = client("client-2", request_digest="other", subject_key="other")
        await store.commit(Change(audit=audit(), client=others, used=(USED,)))
        await store.commit(Change(audit=audit(), client=PENDING, begins=errand()))
        await store.commit(Change(audit=audit(), ends=("key-create", 1), undoes=errand()))
        third = Change(audit=audit(), client=client("client-3"), used=(USED,))
        assert (await store.commit(third)).verdict is CommitVerdict.TOKEN_USED


async def test_client_has_one_errand_which_only_its_end_takes_the_place_of(tmp_path: Path) -> None:
    async with registry(tmp_path / "db") as store:
        await store.commit(Change(audit=audit(), client=client()))
        first = errand(Act.UPDATE, successor=client(version=2))
        await store.commit(Change(audit=audit(), begins=first))
        second = Change(audit=audit(), begins=replace(first, key="key-2"))
        assert (await store.commit(second)).verdict is CommitVerdict.BUSY
        gone = replace(client(), status=ClientStatus.DELETED, version=2)
        bare = Change(audit=audit(), client=gone, replaces=1)
        assert (await store.commit(bare)).verdict is CommitVerdict.BUSY
        ends = errand(Act.DELETE, claimed_until=0.0, attempts=0)
        assert (await store.commit(replace(bare, begins=ends))).verdict is CommitVerdict.STORED
        now_open = await store.errands.of_client("uk", "client-1")
        # It waits for the attempt under way, whose claim is void.
        assert (now_open.act, now_open.due_at, now_open.unsure) == (Act.DELETE, NOW + 10, True)
        assert now_open.claim != first.claim


async def test_request_comes_before_what_only_restores(tmp_path: Path) -> None:
    async with registry(tmp_path / "db") as store:
        await store.commit(Change(audit=audit(), client=client()))
        restoring = errand(Act.UPDATE, key="restoring", claimed_until=0.0, unsure=True)
        await store.commit(Change(audit=audit(), begins=restoring))
        asked = errand(Act.UPDATE, successor=client(version=2))
        assert (await store.commit(Change(audit=audit(), begins=asked))).verdict is CommitVerdict.BUSY
        knowing = replace(asked, unsure=True)
        assert (await store.commit(Change(audit=audit(), begins=knowing))).verdict is CommitVerdict.STORED
        assert (await store.errands.of_client("uk", "client-1")).key == asked.key


@pytest.mark.parametrize(("act", "status"), [(Act.DELETE, ClientStatus.ACTIVE), (Act.UPDATE, ClientStatus.DELETED)])
async def test_server_is_never_told_the_contrary_of_the_registry(
    tmp_path: Path, act: Act, status: ClientStatus
) -> None:
    async with registry(tmp_path / "db") as store:
        await store.commit(Change(audit=audit(), client=client()))
        if status is ClientStatus.DELETED:
            await store.commit(Change(audit=audit(), client=replace(client(), status=status, version=2), replaces=1))
        assert (await store.commit(Change(audit=audit(), begins=errand(act)))).verdict is CommitVerdict.CONFLICT
        assert await store.errands.opened() == ()


async def test_update_begins_over_the_version_that_was_judged(tmp_path: Path) -> None:
    async with registry(tmp_path / "db") as store:
        await store.commit(Change(audit=audit(), client=client()))
        ahead = errand(Act.UPDATE, successor=client(version=3))
        assert (await store.commit(Change(audit=audit(), begins=ahead))).verdict is CommitVerdict.CONFLICT


async def test_backup_holds_what_is_open(tmp_path: Path) -> None:
    async with registry(tmp_path / "db") as store:
        await begun(store)
        await store.backup(tmp_path / "copy")
    async with registry(tmp_path / "copy") as store:
        assert [each.key for each in await store.errands.opened()] == ["key-create"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=50)
@given(st.dictionaries(st.text(max_size=8), JSON, max_size=4), st.text(max_size=20), st.none() | st.text(max_size=20))
def test_whatever_an_errand_holds_is_read_back(members: dict[str, Any], trouble: str, token: str | None) -> None:
    made = errand(trouble=trouble, wanted=WantedClient("k", "c", members), ref=UpstreamRef("c", None, token))
    sealer = Sealer([KEY])
    row = errand_rows.prepare_errand(made, None, None, sealer).begins
    columns = [each.strip() for each in errand_rows.ERRAND_COLUMNS.split(",")]
    assert errand_rows.errand_of(tuple(row[name] for name in columns), sealer) == replace(made, unsure=True)
