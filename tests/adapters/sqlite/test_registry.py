"""What the registry answers: verdicts, reads, the audit trail."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from registry_builders import KEY, NOW, FakeClock, audit, change, client, jti, registry

from dcrgw.adapters.sealer import Sealer
from dcrgw.adapters.sqlite import commit
from dcrgw.adapters.sqlite.rows import CLIENT_COLUMNS, CLIENT_SOURCE, client_of, prepare
from dcrgw.core.registration.client import ClientStatus
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.errors import Misconfigured, Unavailable
from dcrgw.ports.registry import Change, CommitVerdict


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "registry.db"


async def test_stored_client_is_read_back_equal(path: Path) -> None:
    full = client(secrets={"client_secret": "s3cret"}, status=ClientStatus.PENDING, version=7)
    async with registry(path) as store:
        assert (await store.commit(change(client=full))).verdict is CommitVerdict.STORED
    async with registry(path) as store:
        found = await store.client("uk", "client-1")
    assert found == full
    assert found.software_statement == full.software_statement
    assert list(found.metadata.members) == list(full.metadata.members)


async def test_client_without_statement_is_read_back_equal(path: Path) -> None:
    plain = client(
        software_statement=None, statement_claims={}, software_id=None, org_id=None, directory=None, ssa_jti=None
    )
    async with registry(path) as store:
        await store.commit(change(client=plain))
        assert await store.client("uk", "client-1") == plain


async def test_unknown_client_and_client_of_another_market_are_none(path: Path) -> None:
    async with registry(path) as store:
        await store.commit(change())
        assert await store.client("uk", "client-2") is None
        assert await store.client("br", "client-1") is None


async def test_same_bytes_from_same_subject_are_repeated(path: Path) -> None:
    async with registry(path) as store:
        await store.commit(change("first"))
        again = change("second", client=client("second", request_digest="digest-of-first"))
        committed = await store.commit(again)
        assert committed.verdict is CommitVerdict.REPEATED
        assert committed.client == client("first")
        assert await store.client("uk", "second") is None
        assert len(await store.audit_tail(10)) == 1


async def test_repeated_finds_the_registration_of_these_bytes_and_this_subject_only(path: Path) -> None:
    async with registry(path) as store:
        await store.commit(change())
        assert await store.repeated("uk", "digest-of-client-1", "subject-1") == client()
        assert await store.repeated("uk", "digest-of-client-1", "subject-2") is None
        assert await store.repeated("uk", "digest-of-client-2", "subject-1") is None
        assert await store.repeated("br", "digest-of-client-1", "subject-1") is None


async def test_same_jti_with_other_bytes_is_refused_also_after_reopening(path: Path) -> None:
    async with registry(path) as store:
        await store.commit(change("first", used=(jti("shared"),)))
        committed = await store.commit(change("second", used=(jti("shared"),)))
        assert committed.verdict is CommitVerdict.TOKEN_USED
    async with registry(path) as store:
        committed = await store.commit(change("third", used=(jti("shared"),)))
        assert committed.verdict is CommitVerdict.TOKEN_USED
        assert await store.client("uk", "third") is None


async def test_same_jti_and_bytes_from_another_subject_is_refused(path: Path) -> None:
    async with registry(path) as store:
        await store.commit(change("first", used=(jti("shared"),)))
        stolen = client("second", request_digest="digest-of-first", subject_key="subject-2")
        committed = await store.commit(change("second", client=stolen, used=(jti("shared"),)))
        assert committed.verdict is CommitVerdict.TOKEN_USED


@pytest.mark.parametrize("differs", [{"kind": "statement"}, {"issuer": "software-2"}])
async def test_same_jti_of_another_kind_or_issuer_is_another_token(path: Path, differs: dict[str, str]) -> None:
    async with registry(path) as store:
        await store.commit(change("first", used=(jti("shared"),)))
        committed = await store.commit(change("second", used=(jti("shared", **differs),)))
        assert committed.verdict is CommitVerdict.STORED


async def test_refused_change_burns_no_jti(path: Path) -> None:
    async with registry(path) as store:
        await store.commit(change("taken"))
        refused = change("taken", client=client("taken", request_digest="other"), used=(jti("a"), jti("b")))
        assert (await store.commit(refused)).verdict is CommitVerdict.CLIENT_ID_TAKEN
        committed = await store.commit(change("free", used=(jti("a"), jti("b"))))
        assert committed.verdict is CommitVerdict.STORED


async def test_second_of_two_tokens_used_burns_not_the_first(path: Path) -> None:
    async with registry(path) as store:
        await store.commit(change("first", used=(jti("b"),)))
        assert (await store.commit(change("second", used=(jti("a"), jti("b"))))).verdict is CommitVerdict.TOKEN_USED
        assert (await store.commit(change("third", used=(jti("a"),)))).verdict is CommitVerdict.STORED


async def test_jti_is_kept_until_its_end_and_then_forgotten(path: Path) -> None:
    clock = FakeClock()
    async with registry(path, clock=clock) as store:
        await store.commit(change("first", used=(jti("shared"),)))
        clock.at = NOW + 3600 + commit.GRACE_S - 1
        committed = await store.commit(change("second", used=(jti("shared"),)))
        assert committed.verdict is CommitVerdict.TOKEN_USED
        clock.at = NOW + 3600 + commit.GRACE_S + 1
        committed = await store.commit(change("third", used=(jti("shared", expires_at=clock.at + 60),)))
        assert committed.verdict is CommitVerdict.STORED


async def test_expired_jtis_are_deleted_in_passing(path: Path) -> None:
    clock = FakeClock()
    async with registry(path, clock=clock) as store:
        await store.commit(change("first", used=(jti("a"), jti("b"), jti("kept", expires_at=float("inf")))))
        clock.at = NOW + 10_000
        await store.commit(Change(audit=audit()))
    assert rows(path, "SELECT jti FROM used_tokens") == [("kept",)]


async def test_many_expired_jtis_are_deleted_a_few_at_a_change(path: Path) -> None:
    clock = FakeClock()
    async with registry(path, clock=clock) as store:
        many = tuple(jti(f"jti-{n}") for n in range(2 * commit.PURGE_LIMIT + 1))
        await store.commit(change("first", used=many))
        clock.at = NOW + 10_000
        left = []
        for _ in range(4):
            await store.commit(Change(audit=audit()))
            left.append(rows(path, "SELECT count(*) FROM used_tokens")[0][0])
    assert left == [commit.PURGE_LIMIT + 1, 1, 0, 0]


async def test_taken_client_id_is_refused_and_free_in_another_market(path: Path) -> None:
    async with registry(path) as store:
        await store.commit(change())
        committed = await store.commit(change(client=client(request_digest="other"), used=()))
        assert committed.verdict is CommitVerdict.CLIENT_ID_TAKEN
        abroad = client(market="br", request_digest="other")
        assert (await store.commit(change(client=abroad, used=()))).verdict is CommitVerdict.STORED


async def test_duplicate_software_is_refused_where_the_market_says_so(path: Path) -> None:
    async with registry(path) as store:
        await store.commit(change("first"))
        committed = await store.commit(change("second", duplicates_allowed=False))
        assert committed.verdict is CommitVerdict.DUPLICATE_SOFTWARE
        assert (await store.commit(change("third"))).verdict is CommitVerdict.STORED


@pytest.mark.parametrize("differs", [{"market": "br"}, {"directory": "other"}, {"software_id": "software-2"}])
async def test_software_of_another_market_or_directory_is_no_duplicate(path: Path, differs: dict[str, str]) -> None:
    async with registry(path) as store:
        await store.commit(change("first"))
        other = change("second", client=client("second", **differs), duplicates_allowed=False)
        assert (await store.commit(other)).verdict is CommitVerdict.STORED


async def test_suspension_is_not_lifted_by_registering_anew(path: Path) -> None:
    async with registry(path) as store:
        await store.commit(change("first", client=client("first", status=ClientStatus.SUSPENDED)))
        committed = await store.commit(change("second", duplicates_allowed=False))
        assert committed.verdict is CommitVerdict.DUPLICATE_SOFTWARE


async def test_deleted_client_stands_in_nobodys_way(path: Path) -> None:
    async with registry(path) as store:
        await store.commit(change("first"))
        execute(path, "UPDATE clients SET status = 'deleted'")
        assert await store.repeated("uk", "digest-of-first", "subject-1") is None
        again = client("second", request_digest="digest-of-first")
        committed = await store.commit(
            change("second", client=again, used=(jti("jti-of-first"),), duplicates_allowed=False)
        )
        assert committed.verdict is CommitVerdict.STORED
        assert await store.repeated("uk", "digest-of-first", "subject-1") == again


async def test_verdicts_come_in_order(path: Path) -> None:
    """A change with everything against it hears the first of: repeated, token, client_id, software."""
    async with registry(path) as store:
        await store.commit(change("first", used=(jti("shared"),)))
        seen = []
        for digest, used, client_id in [
            ("digest-of-first", ("shared",), "first"),
            ("other", ("shared",), "first"),
            ("other", (), "first"),
            ("other", (), "second"),
        ]:
            against = change(
                client=client(client_id, request_digest=digest),
                used=tuple(jti(value) for value in used),
                duplicates_allowed=False,
            )
            seen.append((await store.commit(against)).verdict)
    assert seen == [
        CommitVerdict.REPEATED,
        CommitVerdict.TOKEN_USED,
        CommitVerdict.CLIENT_ID_TAKEN,
        CommitVerdict.DUPLICATE_SOFTWARE,
    ]


async def test_change_without_client_stores_its_audit_row_alone(path: Path) -> None:
    refused = audit(decision="rejected", report_id="refused")
    async with registry(path) as store:
        committed = await store.commit(Change(audit=refused, used=(jti("a"),)))
        assert committed.verdict is CommitVerdict.STORED
        assert committed.client is None
        assert [line.record for line in await store.audit_tail(10)] == [refused]
        assert (await store.commit(change("second", used=(jti("a"),)))).verdict is CommitVerdict.STORED


async def test_audit_tail_is_numbered_without_gaps_newest_first(path: Path) -> None:
    async with registry(path) as store:
        for name in ("a", "b", "a", "c"):
            await store.commit(change(name))
        tail = await store.audit_tail(2)
    assert [(line.sequence, line.record.client_id) for line in tail] == [(3, "c"), (2, "b")]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit SET decision = 'x'",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit (sequence, report_id, interaction_id, at, operation, market, decision, author,"
        " findings, facts) SELECT sequence, report_id, interaction_id, at, operation, market, 'x', author, findings,"
        " facts FROM audit",
    ],
)
async def test_audit_trail_is_append_only(path: Path, sql: str) -> None:
    async with registry(path) as store:
        await store.commit(change())
        with pytest.raises(sqlite3.IntegrityError):
            execute(path, sql)
        assert [line.record.decision for line in await store.audit_tail(10)] == ["registered"]


async def test_fifty_identical_changes_in_parallel_store_one_client(path: Path) -> None:
    async with registry(path) as store:
        changes = [
            change(f"try-{n}", client=client(f"try-{n}", request_digest="same"), used=(jti("same"),)) for n in range(50)
        ]
        committed = await asyncio.gather(*map(store.commit, changes))
    verdicts = Counter(answer.verdict for answer in committed)
    assert verdicts == {CommitVerdict.STORED: 1, CommitVerdict.REPEATED: 49}
    assert len({answer.client.client_id for answer in committed}) == 1
    assert rows(path, "SELECT count(*) FROM clients") == [(1,)]
    assert rows(path, "SELECT count(*) FROM audit") == [(1,)]


async def test_statement_stands_once_however_many_clients_it_registers(path: Path) -> None:
    async with registry(path) as store:
        for n in range(5):
            await store.commit(change(f"client-{n}"))
        assert (await store.client("uk", "client-4")).statement_claims == client().statement_claims
    assert rows(path, "SELECT count(*) FROM statements") == [(1,)]
    assert rows(path, "SELECT count(*) FROM clients WHERE document LIKE '%e30.e30%'") == [(0,)]


async def test_no_secret_stands_in_plain_in_the_files(path: Path) -> None:
    canary = "canary-4f8a2b"
    secret_client = client(secrets={"client_secret": canary})
    async with registry(path) as store:
        await store.commit(change(client=secret_client))
        files = list(path.parent.glob("registry.db*"))
        assert {file.name for file in files} >= {"registry.db", "registry.db-wal"}
        assert all(canary.encode() not in file.read_bytes() for file in files)
        assert b"client-1" in (path.parent / "registry.db-wal").read_bytes()
        assert await store.client("uk", "client-1") == secret_client


async def test_secret_opens_after_key_rotation_and_not_without_its_key(path: Path) -> None:
    new_key = bytes(range(100, 132))
    secret_client = client(secrets={"client_secret": "s"})
    async with registry(path) as store:
        await store.commit(change(client=secret_client))
    async with registry(path, keys=(new_key, KEY)) as store:
        assert await store.client("uk", "client-1") == secret_client
    async with registry(path, keys=(new_key,)) as store:
        with pytest.raises(Misconfigured):
            await store.client("uk", "client-1")


async def test_secret_without_any_sealing_key_is_not_stored(path: Path) -> None:
    async with registry(path, keys=()) as store:
        with pytest.raises(Misconfigured):
            await store.commit(change(client=client(secrets={"client_secret": "s"})))
        assert await store.client("uk", "client-1") is None
        assert await store.audit_tail(1) == ()


async def test_closed_registry_is_unavailable(path: Path) -> None:
    async with registry(path) as store:
        pass
    with pytest.raises(Unavailable):
        await store.commit(change())
    with pytest.raises(Unavailable):
        await store.client("uk", "client-1")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
json_objects = st.dictionaries(st.text(max_size=8), json_values, max_size=4)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(members=json_objects, attributes=json_objects, claims=json_objects, secret=st.text())
def test_any_client_is_rebuilt_equal_from_its_row(
    database: sqlite3.Connection, members: dict, attributes: dict, claims: dict, secret: str
) -> None:
    sealer = Sealer((KEY,))
    secrets = {"client_secret": secret} if secret.isprintable() else {}
    original = client(metadata=ClientMetadata(members), attributes=attributes, statement_claims=claims, secrets=secrets)
    database.execute("BEGIN")
    commit.apply(database, prepare(change(client=original), sealer), NOW)
    row = database.execute(f"SELECT {CLIENT_COLUMNS} FROM {CLIENT_SOURCE}").fetchone()
    database.execute("ROLLBACK")
    assert client_of(row, sealer) == original


@pytest.fixture
async def database(path: Path) -> sqlite3.Connection:
    async with registry(path):
        pass
    connection = sqlite3.connect(path, isolation_level=None)
    yield connection
    connection.close()


def rows(path: Path, sql: str) -> list[tuple]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def execute(path: Path, sql: str) -> None:
    connection = sqlite3.connect(path)
    try:
        with connection:
            connection.execute(sql)
    finally:
        connection.close()
