"""Clients that change and end, and the tokens that they hold."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from registry_builders import NOW, FakeClock, audit, change, client, jti, registry

from dcrgw.adapters.sqlite import commit
from dcrgw.core.authorization.tokens import AccessToken, token_hash
from dcrgw.core.registration.client import ClientStatus, RegisteredClient
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.ports.registry import Change, CommitVerdict


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "registry.db"


def update(standing: RegisteredClient, body: str, **changes: Any) -> Change:
    """A PUT of other bytes with a jti of its own."""
    new = replace(
        standing,
        metadata=ClientMetadata({"redirect_uris": [f"https://tpp.example/{body}"]}),
        request_digest=f"digest-of-{body}",
        version=standing.version + 1,
    )
    plain = Change(
        audit=audit(operation="update", client_id=new.client_id),
        client=new,
        replaces=standing.version,
        used=(jti(f"jti-of-{body}"),),
    )
    return replace(plain, **changes)


def status(standing: RegisteredClient, status: ClientStatus) -> Change:
    new = replace(standing, status=status, version=standing.version + 1)
    return Change(audit=audit(operation=status.value, client_id=new.client_id), client=new, replaces=standing.version)


def token(value: str = "token-1", **changes: Any) -> AccessToken:
    plain = AccessToken(token_hash(value), "uk", "client-1", ("openid", "accounts"), NOW, NOW + 300, "thumb")
    return replace(plain, **changes)


def issue(value: str = "token-1", **changes: Any) -> Change:
    issued = token(value, **changes)
    return Change(audit=audit(operation="token", client_id=issued.client_id), issues=issued)


async def test_update_takes_the_place_of_the_version_it_was_judged_by(path: Path) -> None:
    async with registry(path) as store:
        await store.commit(change())
        changed = update(
            replace(client(), software_statement="new.new.new", statement_claims={"a": 1}, secrets={"s": "x"}),
            "put",
        )
        committed = await store.commit(changed)
        assert (committed.verdict, committed.client) == (CommitVerdict.STORED, changed.client)
        assert await store.client("uk", "client-1") == changed.client
        assert len(await store.audit_tail(10)) == 2


@pytest.mark.parametrize("replaces", [1, 3])
async def test_update_of_another_version_is_a_conflict_and_burns_no_jti(path: Path, replaces: int) -> None:
    async with registry(path) as store:
        await store.commit(change())
        second = (await store.commit(update(client(), "first"))).client
        assert second is not None
        stale = update(replace(second, version=replaces), "stale")
        assert (await store.commit(stale)).verdict is CommitVerdict.CONFLICT
        assert await store.client("uk", "client-1") == second
        assert (await store.commit(update(second, "stale"))).verdict is CommitVerdict.STORED


async def test_update_of_an_unknown_or_foreign_client_is_a_conflict(path: Path) -> None:
    async with registry(path) as store:
        await store.commit(change())
        for unknown in (client("other"), client(market="br")):
            assert (await store.commit(update(unknown, "put"))).verdict is CommitVerdict.CONFLICT
            assert await store.client(unknown.market, unknown.client_id) is None


async def test_of_two_updates_at_once_one_wins_whole(path: Path) -> None:
    async with registry(path) as store:
        await store.commit(change())
        for round_ in range(10):
            standing = await store.client("uk", "client-1")
            assert standing is not None
            rivals = [update(standing, f"{name}-{round_}", ends_tokens_of=None) for name in ("a", "b", "c")]
            ended = await asyncio.gather(*map(store.commit, rivals))
            assert sorted(committed.verdict for committed in ended) == ["conflict", "conflict", "stored"]
            winner = next(c.client for c in ended if c.verdict is CommitVerdict.STORED)
            assert await store.client("uk", "client-1") == winner


async def test_client_deleted_during_an_update_is_not_resurrected(path: Path) -> None:
    async with registry(path) as store:
        await store.commit(change())
        standing = client()
        deleted, late = await asyncio.gather(
            store.commit(status(standing, ClientStatus.DELETED)), store.commit(update(standing, "late"))
        )
        assert (deleted.verdict, late.verdict) == (CommitVerdict.STORED, CommitVerdict.CONFLICT)
        # Nor by an update that knows the version of the deletion.
        gone = await store.client("uk", "client-1")
        assert gone is not None
        assert gone.status is ClientStatus.DELETED
        revived = update(replace(gone, status=ClientStatus.ACTIVE), "revived")
        assert (await store.commit(revived)).verdict is CommitVerdict.CONFLICT
        assert await store.client("uk", "client-1") == gone


async def test_version_that_does_not_follow_is_a_bug(path: Path) -> None:
    async with registry(path) as store:
        await store.commit(change())
        skipping = replace(update(client(), "put"), replaces=2)
        with pytest.raises(ValueError, match="next version"):
            await store.commit(skipping)
        assert await store.client("uk", "client-1") == client()


async def test_repeated_update_gets_the_stored_version_and_changes_nothing(path: Path) -> None:
    async with registry(path) as store:
        await store.commit(change())
        second = (await store.commit(update(client(), "put"))).client
        assert second is not None
        again = update(second, "put")
        committed = await store.commit(again)
        assert (committed.verdict, committed.client) == (CommitVerdict.REPEATED, second)
        # Also when it was judged by the version before.
        assert (await store.commit(update(client(), "put"))).verdict is CommitVerdict.REPEATED


async def test_update_of_other_bytes_or_another_subject_with_a_used_jti_is_refused(path: Path) -> None:
    async with registry(path) as store:
        await store.commit(change())
        second = (await store.commit(update(client(), "put"))).client
        assert second is not None
        other = update(second, "other", used=(jti("jti-of-put"),))
        assert (await store.commit(other)).verdict is CommitVerdict.TOKEN_USED
        stolen = update(replace(second, subject_key="subject-2"), "put")
        assert (await store.commit(stolen)).verdict is CommitVerdict.TOKEN_USED
        assert await store.client("uk", "client-1") == second


async def test_replayed_older_update_does_not_turn_the_client_back(path: Path) -> None:
    async with registry(path) as store:
        await store.commit(change())
        second = (await store.commit(update(client(), "first"))).client
        third = (await store.commit(update(second, "second"))).client
        assert third is not None
        for body in ("first", "client-1"):
            assert (await store.commit(update(third, body))).verdict is CommitVerdict.TOKEN_USED
        assert await store.client("uk", "client-1") == third


async def test_bytes_of_an_update_register_nobody(path: Path) -> None:
    async with registry(path) as store:
        await store.commit(change())
        await store.commit(update(client(), "put"))
        posted = client("second", request_digest="digest-of-put")
        committed = await store.commit(change("second", client=posted, used=(jti("jti-of-put"),)))
        assert committed.verdict is CommitVerdict.TOKEN_USED


async def test_repeated_registration_gets_the_client_as_it_stands_now(path: Path) -> None:
    async with registry(path) as store:
        await store.commit(change())
        second = (await store.commit(update(client(), "put"))).client
        assert await store.repeated("uk", "digest-of-client-1", "subject-1") == second


async def test_suspension_is_no_repeat_of_the_request_that_it_carries_along(path: Path) -> None:
    async with registry(path) as store:
        await store.commit(change())
        suspended = (await store.commit(status(client(), ClientStatus.SUSPENDED))).client
        assert suspended is not None
        assert suspended == await store.client("uk", "client-1")
        restored = (await store.commit(status(suspended, ClientStatus.ACTIVE))).client
        assert await store.client("uk", "client-1") == restored


async def test_deleted_client_loses_its_secrets_and_keeps_what_an_audit_needs(path: Path) -> None:
    full = client(
        metadata=ClientMetadata({"client_name": "Z", "redirect_uris": ["https://a/"], "jwks_uri": "https://k/"}),
        secrets={"client_secret": "s", "registration_access_token": "r"},
        registration_access_token_hash=token_hash("r"),
    )
    async with registry(path) as store:
        await store.commit(change(client=full))
        assert await store.client("uk", "client-1") == full
        committed = await store.commit(status(full, ClientStatus.DELETED))
        gone = await store.client("uk", "client-1")
        assert gone is not None
        assert committed.client == gone
        assert (gone.status, gone.version, gone.software_statement) == (
            ClientStatus.DELETED,
            2,
            full.software_statement,
        )
        assert (dict(gone.secrets), dict(gone.attributes), gone.registration_access_token_hash) == ({}, {}, None)
        assert dict(gone.metadata.members) == {"client_name": "Z", "redirect_uris": ["https://a/"]}
    assert 'secrets":{}' in rows(path, "SELECT document FROM clients")[0][0]


async def test_issued_token_is_found_by_its_hash_until_it_expires(path: Path) -> None:
    clock = FakeClock()
    async with registry(path, clock=clock) as store:
        await store.commit(change())
        assert (await store.commit(issue())).verdict is CommitVerdict.STORED
        assert await store.access_token(token_hash("token-1")) == token()
        assert await store.access_token(token_hash("token-2")) is None
        clock.at = NOW + 299
        assert await store.access_token(token_hash("token-1")) is not None
        clock.at = NOW + 300
        assert await store.access_token(token_hash("token-1")) is None


async def test_unbound_token_without_scope_is_read_back_equal(path: Path) -> None:
    async with registry(path) as store:
        await store.commit(change())
        await store.commit(issue(scope=(), x5t_s256=None))
        assert await store.access_token(token_hash("token-1")) == token(scope=(), x5t_s256=None)


@pytest.mark.parametrize("held", [s for s in ClientStatus if s is not ClientStatus.ACTIVE])
async def test_client_that_is_not_active_gets_no_token(path: Path, held: ClientStatus) -> None:
    async with registry(path) as store:
        await store.commit(change(client=client(status=held)))
        spent = replace(issue(), used=(jti("a", kind="client_assertion"),))
        assert (await store.commit(spent)).verdict is CommitVerdict.CONFLICT
        assert await store.access_token(token_hash("token-1")) is None
        assert len(await store.audit_tail(10)) == 1


async def test_unknown_client_gets_no_token(path: Path) -> None:
    async with registry(path) as store:
        await store.commit(change())
        for issued in (issue(client_id="other"), issue(market="br")):
            assert (await store.commit(issued)).verdict is CommitVerdict.CONFLICT


async def test_client_assertion_serves_once_also_with_the_same_bytes_and_after_reopening(path: Path) -> None:
    asserted = (jti("a", kind="client_assertion"),)
    async with registry(path) as store:
        await store.commit(change())
        first, second = await asyncio.gather(
            store.commit(replace(issue("one"), used=asserted)), store.commit(replace(issue("two"), used=asserted))
        )
        assert (first.verdict, second.verdict) == (CommitVerdict.STORED, CommitVerdict.TOKEN_USED)
        assert await store.access_token(token_hash("two")) is None
    async with registry(path) as store:
        assert (await store.commit(replace(issue("three"), used=asserted))).verdict is CommitVerdict.TOKEN_USED


async def test_one_token_ends_alone_and_all_of_a_client_end_together(path: Path) -> None:
    async with registry(path) as store:
        for name in ("client-1", "client-2"):
            await store.commit(change(name))
        for value, holder in [("a", "client-1"), ("b", "client-1"), ("c", "client-1"), ("d", "client-2")]:
            await store.commit(issue(value, client_id=holder))
        await store.commit(Change(audit=audit(), ends_token=token_hash("a")))
        assert await alive(store, "abcd") == "bcd"
        await store.commit(Change(audit=audit(), ends_tokens_of=("br", "client-1")))
        assert await alive(store, "abcd") == "bcd"
        await store.commit(Change(audit=audit(), ends_tokens_of=("uk", "client-1")))
        assert await alive(store, "abcd") == "d"


@pytest.mark.parametrize("ending", [ClientStatus.SUSPENDED, ClientStatus.REVOKED, ClientStatus.DELETED])
async def test_client_that_is_no_longer_active_loses_its_tokens(path: Path, ending: ClientStatus) -> None:
    async with registry(path) as store:
        await store.commit(change())
        await store.commit(issue())
        await store.commit(status(client(), ending))
        assert await store.access_token(token_hash("token-1")) is None


async def test_refused_change_ends_no_token(path: Path) -> None:
    async with registry(path) as store:
        await store.commit(change())
        await store.commit(issue())
        stale = replace(update(replace(client(), version=7), "put"), ends_tokens_of=("uk", "client-1"))
        assert (await store.commit(stale)).verdict is CommitVerdict.CONFLICT
        assert await store.access_token(token_hash("token-1")) == token()


async def test_expired_tokens_are_deleted_in_passing_a_few_at_a_change(path: Path) -> None:
    clock = FakeClock()
    async with registry(path, clock=clock) as store:
        await store.commit(change())
        async with asyncio.TaskGroup() as group:
            for n in range(commit.PURGE_LIMIT + 3):
                group.create_task(store.commit(issue(f"token-{n}")))
        await store.commit(issue("kept", expires_at=NOW + 1e6))
        clock.at = NOW + 10_000
        left = []
        for _ in range(3):
            await store.commit(Change(audit=audit()))
            left.append(rows(path, "SELECT count(*) FROM access_tokens")[0][0])
    assert left == [4, 1, 1]


async def alive(store: Any, values: str) -> str:
    return "".join([value for value in values if await store.access_token(token_hash(value)) is not None])


def rows(path: Path, sql: str) -> list[tuple]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()
