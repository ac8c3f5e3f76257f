"""The record: sealed, bounded, searchable, purged."""

from __future__ import annotations

import sqlite3
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path

import pytest

from dcrgw.adapters.decision_file import Bounds, DecisionFile
from dcrgw.adapters.sealer import Sealer, key_id
from dcrgw.errors import Misconfigured
from dcrgw.ports.decisions import DecisionLine, DecisionQuery, Worth

KEY, OTHER = bytes(range(32)), bytes(range(32, 64))
ROOMY = Bounds(max_age_s=1000, max_bytes=10_000_000)
DOCUMENT = b'{"canary": "a text that nobody finds on the disk"}'


#: As the record was made before decisions had a worth.
FIRST_COLUMNS = "report_id, at, market, operation, decision, interaction_id, checks, sealed"
FIRST_FORM = """
CREATE TABLE decisions (
  report_id       TEXT PRIMARY KEY,
  at              REAL NOT NULL,
  market          TEXT NOT NULL,
  operation       TEXT NOT NULL,
  decision        TEXT NOT NULL,
  client_id       TEXT,
  org_id          TEXT,
  software_id     TEXT,
  interaction_id  TEXT NOT NULL,
  checks          TEXT NOT NULL,
  sealed          BLOB NOT NULL
) STRICT;
CREATE INDEX decisions_at ON decisions (at, report_id);
PRAGMA user_version = 1;
"""


def line(number: int, **more: object) -> DecisionLine:
    """One decision of the second `number`."""
    given = {"market": "uk", "operation": "create", "decision": "refused", "checks": ("statement.exp.past",)} | more
    return DecisionLine(f"report-{number:03d}", float(number), **given)


def opened(path: Path, bounds: Bounds = ROOMY, key: bytes = KEY) -> DecisionFile:
    """A record, ready."""
    file = DecisionFile(path / "record.sqlite", Sealer([key]), bounds)
    file.prepare()
    return file


def ids(file: DecisionFile, **query: object) -> list[str]:
    """The ids that a search finds."""
    return [each.report_id for each in file.search(DecisionQuery(**query))]


def test_what_is_kept_comes_back_and_is_sealed_on_the_disk(tmp_path: Path) -> None:
    file = opened(tmp_path)
    file.add([(line(1), DOCUMENT)], now=2)
    assert file.find("report-001") == (DOCUMENT, False)
    assert file.find("report-002") is None
    assert all(b"canary" not in each.read_bytes() for each in tmp_path.iterdir())
    assert (tmp_path / "record.sqlite").stat().st_mode & 0o077 == 0


def test_a_document_opens_with_its_key_and_in_its_row_alone(tmp_path: Path) -> None:
    file = opened(tmp_path)
    file.add([(line(1), DOCUMENT), (line(2), DOCUMENT)], now=2)
    with pytest.raises(Misconfigured):
        opened(tmp_path, key=OTHER).find("report-001")
    with closing(sqlite3.connect(tmp_path / "record.sqlite")) as db, db:
        db.execute("UPDATE decisions SET sealed = (SELECT sealed FROM decisions WHERE report_id = 'report-001')")
    with pytest.raises(Misconfigured):
        file.find("report-002")


def test_decisions_are_found_by_what_they_were_newest_first(tmp_path: Path) -> None:
    file = opened(tmp_path)
    lines = [line(1), line(2, market="plain"), line(3, decision="registered", client_id="c1", checks=())]
    file.add([(each, DOCUMENT) for each in lines], now=4)
    assert ids(file) == ["report-003", "report-002", "report-001"]
    assert ids(file, market="uk") == ["report-003", "report-001"]
    assert ids(file, since=2.0, until=3.0) == ["report-002"]
    assert ids(file, client_id="c1", decision="registered") == ["report-003"]
    assert ids(file, limit=1) == ["report-003"]
    assert ids(file, after=(3.0, "report-003")) == ["report-002", "report-001"]
    assert ids(file, check="statement.exp.past") == ids(file, check="statement") == ["report-002", "report-001"]
    assert ids(file, check="statement.exp.pas") == []


def test_what_is_too_old_goes_with_the_next_one(tmp_path: Path) -> None:
    file = opened(tmp_path)
    file.add([(line(1), DOCUMENT)], now=2)
    file.add([(line(1500), DOCUMENT)], now=1500)
    assert ids(file) == ["report-1500"]
    assert file.documents == 1


def test_the_oldest_make_way_when_there_is_no_more_room(tmp_path: Path) -> None:
    file = opened(tmp_path, Bounds(max_age_s=1000, max_bytes=2000))
    for number in range(40):
        file.add([(line(number), DOCUMENT)], now=number)
        assert file.size <= 2000
    found = ids(file)
    assert found[0] == "report-039"
    assert 0 < len(found) < 25
    assert found == sorted(found, reverse=True)


def test_a_flood_of_strangers_takes_no_room_of_others(tmp_path: Path) -> None:
    file = opened(tmp_path, Bounds(max_age_s=10_000, max_bytes=20_000))
    kept = [line(number, worth=Worth.CHANGE, decision="registered") for number in range(40)]
    asked = [line(number, worth=Worth.CALLER) for number in range(40, 60)]
    file.add([(each, DOCUMENT) for each in (*kept, *asked)], now=60)
    for start in range(100, 2100, 50):
        flood = [line(number, worth=Worth.STRANGER) for number in range(start, start + 50)]
        file.add([(each, DOCUMENT) for each in flood], now=start)
        assert file.size <= 20_000
    assert ids(file, decision="registered", limit=100) == [each.report_id for each in reversed(kept)]
    assert set(ids(file, until=60.0, limit=100)) == {each.report_id for each in (*kept, *asked)}
    # And the newest of the strangers' own are there: somebody may want to know why.
    assert ids(file, limit=1) == ["report-2099"]


def test_a_busy_caller_takes_no_room_of_changes(tmp_path: Path) -> None:
    file = opened(tmp_path, Bounds(max_age_s=10_000, max_bytes=20_000))
    file.add([(line(number, worth=Worth.CHANGE), DOCUMENT) for number in range(40)], now=60)
    for start in range(100, 1100, 50):
        file.add([(line(number), DOCUMENT) for number in range(start, start + 50)], now=start)
    assert len(ids(file, until=60.0)) == 40


def test_a_record_of_the_first_form_is_taken_over(tmp_path: Path) -> None:
    path, sealer = tmp_path / "record.sqlite", Sealer([KEY])
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(FIRST_FORM)
        for number, decision in enumerate(("registered", "refused")):
            sealed = sealer.seal_octets(zlib.compress(DOCUMENT), f"decision:report-{number}")
            row = (f"report-{number}", 1.0, "uk", "create", decision, "interaction", "", sealed)
            db.execute(f"INSERT INTO decisions ({FIRST_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    file = opened(tmp_path)
    assert file.find("report-0") == (DOCUMENT, False)
    assert [each.worth for each in file.search(DecisionQuery())] == [Worth.CALLER, Worth.CHANGE]
    assert file.sealed_with() == {key_id(KEY)}


def test_a_record_of_the_second_form_is_taken_over(tmp_path: Path) -> None:
    opened(tmp_path).add([(line(1), DOCUMENT)], now=2)
    with closing(sqlite3.connect(tmp_path / "record.sqlite")) as db, db:
        db.executescript("ALTER TABLE decisions DROP COLUMN imported; PRAGMA user_version = 2;")
    assert opened(tmp_path).find("report-001") == (DOCUMENT, False)


def test_what_was_imported_is_told_apart_from_what_was_judged_here(tmp_path: Path) -> None:
    file = opened(tmp_path)
    file.add([(line(1), DOCUMENT)], now=2)
    assert file.take(line(2, imported=True), DOCUMENT, now=3)
    assert not file.take(line(1, imported=True), DOCUMENT, now=3)
    assert [each.imported for each in file.search(DecisionQuery())] == [True, False]
    assert (ids(file, imported=True), ids(file, imported=False)) == (["report-002"], ["report-001"])
    assert (file.find("report-001"), file.find("report-002")) == ((DOCUMENT, False), (DOCUMENT, True))
    # What the gateway judges itself takes the place of what was put there under its id.
    file.add([(line(2), DOCUMENT)], now=4)
    assert ids(file, imported=True) == []


def test_the_keys_that_the_record_needs_are_known(tmp_path: Path) -> None:
    opened(tmp_path).add([(line(1), DOCUMENT)], now=2)
    file = opened(tmp_path, key=OTHER)
    file.add([(line(2), DOCUMENT)], now=3)
    assert file.sealed_with() == {key_id(KEY), key_id(OTHER)}
    file.purge(DecisionQuery(until=1.5))
    assert file.sealed_with() == {key_id(OTHER)}


def test_who_asks_for_the_keys_in_use_waits_for_what_is_sealed_and_not_yet_written(tmp_path: Path) -> None:
    sealed, on = threading.Event(), threading.Event()

    class Slow(Sealer):
        """Seals, and lets nobody go on until told."""

        def seal_octets(self, content: bytes, context: str) -> bytes:
            box = super().seal_octets(content, context)
            sealed.set()
            assert on.wait(60)
            return box

    opened(tmp_path)
    file = DecisionFile(tmp_path / "record.sqlite", Slow([KEY]), ROOMY)
    with ThreadPoolExecutor(2) as threads:
        writing = threads.submit(file.add, [(line(1), DOCUMENT)], 2)
        assert sealed.wait(60)
        asking = threads.submit(file.sealed_with)
        # Time enough for an answer that did not wait; one that does cannot come before the writing goes on.
        assert wait([asking], timeout=0.2).done == set()
        on.set()
        writing.result(60)
        assert asking.result(60) == {key_id(KEY)}


def test_a_purge_takes_what_matches_and_nothing_else(tmp_path: Path) -> None:
    file = opened(tmp_path)
    file.add([(line(number, market="uk" if number % 2 else "plain"), DOCUMENT) for number in range(500)], now=500)
    assert file.purge(DecisionQuery(market="uk", limit=1)) == 250
    assert file.documents == 250
    assert ids(file, market="uk") == []
    assert file.purge(DecisionQuery()) == 250
    assert file.size == 0


def test_a_file_of_another_program_is_not_touched(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "record.sqlite")) as db, db:
        db.execute("PRAGMA user_version = 77")
    with pytest.raises(Misconfigured):
        opened(tmp_path)
