"""What operators read: searches that walk an index however many clients there are, and a client's history."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from registry_builders import audit, change, client, registry

from dcrgw.adapters.sqlite import searching
from dcrgw.adapters.sqlite.migrations import MIGRATIONS
from dcrgw.core.registration.client import ClientStatus
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.ports.registry import Change, ClientQuery


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "registry.db"


async def found(store: Any, **query: Any) -> list[str]:
    return [f"{c.market}/{c.client_id}" for c in await store.search(ClientQuery(**query))]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["br/c", "uk/a", "uk/b", "uk/d"]),
        ({"market": "uk"}, ["uk/a", "uk/b", "uk/d"]),
        ({"market": "nowhere"}, []),
        ({"status": "active"}, ["br/c", "uk/a", "uk/b"]),
        ({"status": "suspended"}, ["uk/d"]),
        ({"org_id": "org-2"}, ["br/c", "uk/b"]),
        ({"org_id": "org-2", "market": "br"}, ["br/c"]),
        ({"software_id": "software-9"}, ["uk/d"]),
        ({"text": "ZOË"}, ["br/c", "uk/a", "uk/d"]),
        ({"text": "Acme"}, ["uk/b"]),
        ({"text": "bank of 100%"}, ["uk/d"]),
        ({"text": "%"}, ["uk/d"]),
        ({"text": "WARE-9"}, ["uk/d"]),
        ({"text": "nobody"}, []),
        ({"limit": 2}, ["br/c", "uk/a"]),
        ({"limit": 0}, []),
        ({"limit": -1}, []),
        ({"after": ("br", "c"), "limit": 2}, ["uk/a", "uk/b"]),
        ({"after": ("uk", "a"), "market": "uk"}, ["uk/b", "uk/d"]),
        ({"after": ("uk", "a"), "market": "br"}, []),
        ({"after": ("br", "c"), "market": "uk"}, ["uk/a", "uk/b", "uk/d"]),
        ({"after": ("uk", "b"), "text": "zoë"}, ["uk/d"]),
    ],
)
async def test_search_finds_what_holds_in_order(path: Path, query: dict[str, Any], expected: list[str]) -> None:
    async with registry(path) as store:
        await store.commit(change("b", client=client("b", org_id="org-2", metadata=named("ACME payments"))))
        await store.commit(change("c", client=client("c", market="br", org_id="org-2")))
        await store.commit(change("a"))
        claims = {"org_name": "Bank of 100% <ltd>"}
        held = client("d", software_id="software-9", status=ClientStatus.SUSPENDED, statement_claims=claims)
        other_statement = {"software_statement": "other.other.other"}
        await store.commit(change("d", client=replace(held, **other_statement)))
        assert await found(store, **query) == expected


async def test_search_opens_no_secret(path: Path) -> None:
    async with registry(path) as store:
        await store.commit(change(client=client(secrets={"client_secret": "s"})))
    async with registry(path, keys=()) as store:
        assert await store.search(ClientQuery()) == (client(),)


async def test_client_found_under_its_new_name_after_an_update(path: Path) -> None:
    async with registry(path) as store:
        await store.commit(change())
        renamed = client(metadata=named("Later"), version=2)
        await store.commit(Change(audit=audit(), client=renamed, replaces=1))
        assert await found(store, text="later") == ["uk/client-1"]
        assert await found(store, text="zoë") == []


async def test_history_is_of_one_client_newest_first(path: Path) -> None:
    async with registry(path) as store:
        await store.commit(change("a"))
        await store.commit(change("b"))
        for operation in ("update", "suspend"):
            await store.commit(Change(audit=audit(operation=operation, client_id="a")))
        await store.commit(Change(audit=audit(operation="update", client_id="a", market="br")))
        await store.commit(Change(audit=audit(operation="refused", client_id=None)))
        told = await store.history("uk", "a")
        assert [(row.operation, row.client_id) for row in told] == [("suspend", "a"), ("update", "a"), ("create", "a")]
        assert [row.operation for row in await store.history("uk", "a", 1)] == ["suspend"]
        assert await store.history("uk", "nobody") == ()


async def test_client_stored_before_the_search_existed_is_found(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(MIGRATIONS[0].sql)
    connection.execute("CREATE TABLE schema_versions (number, name, checksum, applied_at)")
    first = MIGRATIONS[0]
    connection.execute("INSERT INTO schema_versions VALUES (1, ?, ?, 0)", (first.name, first.checksum))
    connection.execute(
        "INSERT INTO audit (report_id, interaction_id, at, operation, market, decision, author, client_id, findings,"
        " facts) VALUES ('r', 'i', 1, 'create', 'uk', 'registered', 'tpp', 'Old-1', '[]', '{}')"
    )
    connection.execute("INSERT INTO statements VALUES (1, 'd', 'a.b.c', '{\"org_name\": \"Older Ltd\"}')")
    connection.execute(
        "INSERT INTO clients VALUES (1, 'uk', 'Old-1', 'active', 1, 5, 'ob', 'org', 'soft', 1, NULL, 'x', 's', 'r', ?)",
        ('{"metadata": {"client_name": "Aged App"}, "attributes": {}, "secrets": {}}',),
    )
    connection.execute(
        "INSERT INTO clients VALUES (2, 'uk', 'Old-2', 'active', 1, 5, NULL, NULL, NULL, NULL, NULL, 'x', 's', 't', ?)",
        ('{"metadata": {}, "attributes": {}, "secrets": {}}',),
    )
    connection.commit()
    connection.close()
    async with registry(path) as store:
        for text in ("aged", "OLD-1", "older ltd", "soft"):
            assert await found(store, text=text) == ["uk/Old-1"]
        assert await found(store, market="uk") == ["uk/Old-1", "uk/Old-2"]
        assert [row.report_id for row in await store.history("uk", "Old-1")] == ["r"]
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute("UPDATE audit SET decision = 'x'")


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """A hundred thousand clients, without going through as many commits."""
    connection = sqlite3.connect(tmp_path_factory.mktemp("crowd") / "registry.db", isolation_level=None)
    for step in MIGRATIONS:
        connection.executescript(step.sql)
    connection.execute("BEGIN")
    connection.execute(
        """
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
        INSERT INTO clients (market, client_id, status, version, issued_at, directory, org_id, software_id, x5t_s256,
                             subject_key, request_digest, document)
        SELECT iif(i % 2, 'uk', 'br'), 'c' || i, iif(i % 1000, 'active', 'suspended'), 1, 5, 'ob', 'o' || (i % 500),
               's' || i, 'x', 's', 'r' || i, '{"metadata":{},"attributes":{},"secrets":{}}'
        FROM n
        """
    )
    connection.execute(
        "INSERT INTO client_texts"
        " SELECT id, market, client_id, client_id || ' name' || substr(client_id, 2) FROM clients"
    )
    connection.execute("COMMIT")
    yield connection
    connection.close()


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ({}, "sqlite_autoindex_clients_1"),
        ({"after": ("uk", "c7")}, "sqlite_autoindex_clients_1 ((market,client_id)>(?,?))"),
        ({"market": "uk"}, "(market=?)"),
        ({"market": "uk", "after": ("uk", "c7")}, "(market=? AND client_id>?)"),
        ({"org_id": "o7"}, "clients_by_organisation (org_id=?)"),
        ({"org_id": "o7", "market": "uk"}, "clients_by_organisation (org_id=? AND market=?)"),
        ({"org_id": "o0", "status": "suspended"}, "(org_id=?"),
        ({"software_id": "s7"}, "clients_by_software (software_id=?)"),
        ({"status": "suspended"}, "clients_not_active (status=?)"),
        ({"status": "suspended", "market": "br"}, "clients_not_active (status=? AND market=?)"),
    ],
)
def test_search_among_many_walks_an_index_and_sorts_only_the_page(
    crowd: sqlite3.Connection, query: dict[str, Any], index: str
) -> None:
    sql, parameters = searching.page(ClientQuery(**query))
    plan = [row[3] for row in crowd.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]
    inner = [line for line in plan if "clients" in line and " c " not in f" {line} "]
    assert len(inner) == 1, plan
    assert index in inner[0], plan
    # The one sort that may stand in the plan is of the page's rows, found by their ids.
    assert sum("TEMP B-TREE" in line for line in plan) <= 1, plan
    assert not any(line.startswith("SCAN") and "INDEX" not in line for line in plan), plan
    assert crowd.execute(sql, parameters).fetchall()


@pytest.mark.parametrize(
    "more", [{}, {"market": "uk"}, {"after": ("br", "c7")}, {"org_id": "o277"}, {"status": "active"}]
)
def test_text_is_sought_in_narrow_rows_and_wide_ones_are_read_by_their_id(
    crowd: sqlite3.Connection, more: dict[str, Any]
) -> None:
    sql, parameters = searching.page(ClientQuery(text="name77777", **more))
    plan = [row[3] for row in crowd.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]
    assert [line for line in plan if line.startswith("SCAN")] == ["SCAN client_texts"], plan
    others = [line for line in plan if line.startswith("SEARCH") and "rowid=?" not in line]
    assert others == [], plan
    assert [row[0] for row in crowd.execute(sql, parameters)] == ["c77777"]


def test_history_and_tokens_are_found_by_index(crowd: sqlite3.Connection) -> None:
    for sql in (
        searching.HISTORY.replace("?1", "'x'").replace("?2", "'x'").replace("?3", "5"),
        "SELECT id FROM access_tokens WHERE hash = 'x'",
        "DELETE FROM access_tokens WHERE client = 5",
        "SELECT id FROM access_tokens WHERE expires_at < 5 ORDER BY expires_at LIMIT 5",
    ):
        plan = [row[3] for row in crowd.execute(f"EXPLAIN QUERY PLAN {sql}")]
        walks = [line for line in plan if not line.startswith("SCALAR")]
        assert all("SEARCH" in line and "INDEX" in line for line in walks), plan


def named(name: str) -> ClientMetadata:
    return ClientMetadata({"client_name": name})
