"""`dcrgw replay` as a tester calls it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result
from compliance_builders import a_document
from test_scripted_replay import ASK_HTTP, script

from dcrgw.cli import main
from dcrgw.compliance.kept import text_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two good bundles, one of them deeper."""
    (tmp_path / "deeper").mkdir()
    (tmp_path / "one.bundle.json").write_bytes(a_document())
    (tmp_path / "deeper" / "two.bundle.json").write_bytes(a_document())
    return tmp_path


def replayed(*arguments: object) -> Result:
    """The command's end."""
    return CliRunner().invoke(main, ["replay", *map(str, arguments)])


def test_what_was_recorded_comes_out_the_same(folder: Path) -> None:
    result = replayed(folder)
    assert result.exit_code == 0, result.output
    assert "0 of 2 decisions change" in result.output


def test_a_changed_decision_is_told_with_its_checks(folder: Path) -> None:
    result = replayed(folder, "--at", "2099-01-01T00:00:00Z", "--format", "json")
    assert result.exit_code == 1
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(each["before"], each["after"]) for each in told] == [("registered", "refused")] * 2
    failed = {check["check"] for each in told for check in each["checks"] if check["after"] == "failed"}
    assert "tls.leaf.dates" in failed


def test_only_what_changes_is_told_where_that_is_wanted(folder: Path) -> None:
    assert replayed(folder, "--only-changes").output.splitlines() == ["0 of 2 decisions change"]
    assert replayed(folder, "--only-changes", "--at", "2099-01-01T00:00:00Z").stdout.count("changed") == 2
    (folder / "three.bundle.json").write_bytes(b"{}")
    assert "unreadable" in replayed(folder, "--only-changes").output
    assert replayed(folder, "--only-changes", "--format", "junit").exit_code == 2


def test_what_neither_rules_know_is_counted_apart(folder: Path, tmp_path: Path) -> None:
    asks = script(tmp_path, ASK_HTTP)
    result = replayed(folder, "--compare", asks, asks)
    assert "0 of 2 decisions change, 2 stay unknown" in result.output


def test_the_rules_of_another_profile_are_compared(folder: Path) -> None:
    result = replayed(folder, "--compare", "obuk-3.2", "rfc7591", "--format", "json")
    assert result.exit_code == 1
    assert all(json.loads(line)["before"] == "registered" for line in result.stdout.splitlines())


def test_a_file_that_is_no_bundle_is_an_error_of_its_own(folder: Path) -> None:
    (folder / "three.bundle.json").write_bytes(a_document()[:99])
    result = replayed(folder, "--format", "junit")
    assert result.exit_code == 2
    suite = ET.fromstring(result.stdout)
    assert (suite.get("tests"), suite.get("errors"), suite.get("failures")) == ("3", "1", "0")


@pytest.mark.parametrize("bad", [["--at", "noon"], ["--at", "2026-01-01T00:00:00"], ["--with", "no-such-profile"]])
def test_what_is_meant_by_an_option_is_asked_for(folder: Path, bad: list[str]) -> None:
    result = replayed(folder, *bad)
    assert result.exit_code == 2
    assert bad[1] in result.output


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    result = replayed(tmp_path)
    assert result.exit_code == 2
    assert "bundle.json" in result.output


def rewritten(folder: Path, name: str, **content: object) -> Path:
    """A bundle with another content, whose digest is right."""
    document = json.loads(a_document())
    document["content"] |= content
    document["sha256"] = hashlib.sha256(text_of(document["content"]).encode()).hexdigest()
    path = folder / f"{name}.bundle.json"
    path.write_text(json.dumps(document))
    return path


def test_an_operation_that_there_is_not_is_no_changed_decision(folder: Path) -> None:
    told = replayed(rewritten(folder, "strange", operation="frob\x1b[31m"))
    assert told.exit_code == 2
    assert "1 could not be replayed" in told.output
    assert "\x1b[31m" not in told.output


def test_a_page_that_cannot_be_written_is_told(folder: Path) -> None:
    result = replayed(folder, "--format", "html", "--out", folder / "one.bundle.json" / "page.html")
    assert result.exit_code == 2
    assert "cannot be written" in result.output
    assert replayed(folder, "--out", folder / "text").exit_code == 2


def test_what_is_spoilt_must_be_good_while_it_is_not(folder: Path) -> None:
    arrival = json.loads(a_document())["content"]["arrival"] | {"chain": []}
    result = CliRunner().invoke(main, ["whatif", str(rewritten(folder, "bare", arrival=arrival))])
    assert result.exit_code == 2
    assert "tls.chain.present" in result.output
