"""Entries of scripts in the registry: each change one revision, secrets sealed, nothing ever overwritten."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from registry_builders import NOW, registry

from dcrgw.adapters.sealer import key_id
from dcrgw.core.scripts.entry import ScriptEntry, ScriptProperty
from dcrgw.errors import Misconfigured
from dcrgw.ports.script_entries import ScriptChange, ScriptRevision, ScriptVerdict

ENTRY = ScriptEntry(
    inum="DAA9-B788",
    name="registration",
    type="client_registration",
    text="class ClientRegistration: ...\n",
    markets=("uk",),
    module_properties=(ScriptProperty("usage_type", "both"),),
    configuration_properties=(
        ScriptProperty("clientScopes", "a b", description="asked"),
        ScriptProperty("keystorePassword", "s3cret-value"),
        ScriptProperty("hidden", "another-s3cret", hide=True),
        ScriptProperty("signingKey", "file:/run/secrets/key"),
    ),
    cases=({"method": "createClient"},),
)


def revision(entry: ScriptEntry = ENTRY, change: ScriptChange = ScriptChange.ADDED) -> ScriptRevision:
    return ScriptRevision(entry, change, "admin:alice", NOW, "because")


async def test_stored_entry_comes_back_whole(tmp_path: Path) -> None:
    async with registry(tmp_path / "registry.db") as store:
        assert await store.scripts.store(revision(), None) is ScriptVerdict.STORED
        assert await store.scripts.entry(ENTRY.inum) == ENTRY
        assert await store.scripts.all() == (ENTRY,)
        assert await store.scripts.history(ENTRY.inum) == (revision(),)
    async with registry(tmp_path / "registry.db") as store:
        assert await store.scripts.entry(ENTRY.inum) == ENTRY


async def test_secrets_are_sealed_in_the_file_and_references_kept(tmp_path: Path) -> None:
    path = tmp_path / "registry.db"
    async with registry(path) as store:
        await store.scripts.store(revision(), None)
    with closing(sqlite3.connect(path)) as db:
        told = str(db.execute("SELECT * FROM script_revisions").fetchall())
    assert "s3cret" not in told
    assert "file:/run/secrets/key" in told
    assert "clientScopes" in told


async def test_the_key_of_a_standing_entry_s_secrets_is_known_as_needed(tmp_path: Path) -> None:
    old, new = (bytes(range(start, start + 32)) for start in (1, 3))
    path = tmp_path / "registry.db"
    async with registry(path, keys=(old,)) as store:
        await store.scripts.store(revision(), None)
        assert await store.sealed_with() == {key_id(old)}
    async with registry(path, keys=(new, old)) as store:
        await store.scripts.store(revision(replace(ENTRY, revision=2), ScriptChange.CHANGED), 1)
        assert await store.sealed_with() == {key_id(new)}


async def test_secret_without_a_sealing_key_is_not_stored(tmp_path: Path) -> None:
    async with registry(tmp_path / "registry.db", keys=()) as store:
        with pytest.raises(Misconfigured):
            await store.scripts.store(revision(), None)
        assert await store.scripts.all() == ()


async def test_every_change_raises_the_mark_and_is_kept(tmp_path: Path) -> None:
    async with registry(tmp_path / "registry.db") as store:
        marks = [await store.scripts.mark()]
        await store.scripts.store(revision(), None)
        marks.append(await store.scripts.mark())
        second = replace(ENTRY, text="pass\n", revision=2)
        assert await store.scripts.store(revision(second, ScriptChange.CHANGED), 1) is ScriptVerdict.STORED
        marks.append(await store.scripts.mark())
        assert marks == sorted(set(marks))
        assert await store.scripts.entry(ENTRY.inum) == second
        assert [each.entry for each in await store.scripts.history(ENTRY.inum)] == [second, ENTRY]
        assert len(await store.scripts.history(ENTRY.inum, 1)) == 1


async def test_change_of_another_revision_than_the_present_is_a_conflict(tmp_path: Path) -> None:
    async with registry(tmp_path / "registry.db") as store:
        second = replace(ENTRY, revision=2)
        assert await store.scripts.store(revision(second, ScriptChange.CHANGED), 1) is ScriptVerdict.CONFLICT
        await store.scripts.store(revision(), None)
        assert await store.scripts.store(revision(), None) is ScriptVerdict.CONFLICT
        await store.scripts.store(revision(second, ScriptChange.CHANGED), 1)
        assert await store.scripts.store(revision(second, ScriptChange.CHANGED), 1) is ScriptVerdict.CONFLICT


async def test_name_is_one_entrys_of_its_type(tmp_path: Path) -> None:
    async with registry(tmp_path / "registry.db") as store:
        await store.scripts.store(revision(), None)
        other = replace(ENTRY, inum="AAAA-0001")
        assert await store.scripts.store(revision(other), None) is ScriptVerdict.NAME_TAKEN
        other = replace(other, type="id_generator")
        assert await store.scripts.store(revision(other), None) is ScriptVerdict.STORED


async def test_deleted_entry_leaves_its_history_and_its_numbers(tmp_path: Path) -> None:
    async with registry(tmp_path / "registry.db") as store:
        await store.scripts.store(revision(), None)
        await store.scripts.store(revision(replace(ENTRY, revision=2), ScriptChange.DELETED), 1)
        assert await store.scripts.entry(ENTRY.inum) is None
        assert [each.change for each in await store.scripts.history(ENTRY.inum)] == ["deleted", "added"]
        assert await store.scripts.next_revision(ENTRY.inum) == 3
        assert await store.scripts.store(revision(replace(ENTRY, revision=1)), None) is ScriptVerdict.CONFLICT
        assert await store.scripts.store(revision(replace(ENTRY, revision=3)), None) is ScriptVerdict.STORED


@pytest.mark.parametrize("statement", ["UPDATE script_revisions SET author = 'x'", "DELETE FROM script_revisions"])
async def test_history_is_append_only(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "registry.db"
    async with registry(path) as store:
        await store.scripts.store(revision(), None)
    with closing(sqlite3.connect(path)) as db, pytest.raises(sqlite3.IntegrityError):
        db.execute(statement)


async def test_secrets_of_another_revision_do_not_open(tmp_path: Path) -> None:
    path = tmp_path / "registry.db"
    async with registry(path) as store:
        await store.scripts.store(revision(), None)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(
            "INSERT INTO script_revisions SELECT 99, inum, 2, 'changed', at, author, reason, document, sealed"
            " FROM script_revisions"
        )
        db.execute("UPDATE scripts SET revision = 2")
    async with registry(path) as store:
        with pytest.raises(Misconfigured):
            await store.scripts.entry(ENTRY.inum)
