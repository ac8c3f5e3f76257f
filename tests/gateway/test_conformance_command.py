"""`dcrgw conformance` as a tester calls it, against a running sandbox."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result
from town import Town

from dcrgw.cli import main

pytestmark = pytest.mark.asyncio(loop_scope="module")

CASES = ("--case", "claims.exp.past", "--case", "manage.delete")
PACK = """
format = 1
id = "strange"
title = "A bank's own demands"
extends = ["obuk-3.2"]
profile = "obuk-3.2"

[[case]]
id = "own.impossible"
title = "A right request is refused"
clause = "Nobody's"
severity = "{severity}"
steps = [{{ do = "register", expect = ["refused"] }}]
"""


async def ran(town: Town, *arguments: str, pack: str = "obuk-3.2") -> Result:
    whole = ["conformance", "run", pack, "--tpp", str(town.folder / "sandbox.json"), "--rate", "0", *arguments]
    return await asyncio.to_thread(CliRunner().invoke, main, whole)


async def test_packs_are_listed_and_shown_with_their_clauses() -> None:
    listed = CliRunner().invoke(main, ["conformance", "list"]).stdout
    assert {"obuk-3.1", "obuk-3.2", "obuk-3.3", "obuk-3.4", "br-of", "au-cdr", "rfc7591", "oidc-registration"} == {
        line.split()[0] for line in listed.splitlines()
    }
    shown = CliRunner().invoke(main, ["conformance", "show", "au-cdr", "--case", "claims.exp.past"]).stdout
    assert "CDR DCR, registration request, exp" in shown
    assert '"now-3600"' in shown or "${now-3600}" in shown


async def test_a_run_is_told_as_text_and_ends_well(town: Town) -> None:
    result = await ran(town, *CASES)
    assert result.exit_code == 0, result.output
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["passed", "passed", "obuk-3.2:"]


async def test_json_holds_every_exchange(town: Town, tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    assert (await ran(town, *CASES, "--format", "json", "--out", str(out))).exit_code == 0
    told = json.loads(out.read_text())
    assert told["counts"]["passed"] == 2
    assert told["against"] == town.index("uk-3.2")["registration_endpoint"]
    done = {case["id"]: [each["do"] for each in case["exchanges"]] for case in told["cases"]}
    assert done == {"claims.exp.past": ["register"], "manage.delete": ["register", "token", "delete"]}
    assert told["cases"][0]["exchanges"][0]["received"]["body"]["error"] == "invalid_client_metadata"


@pytest.mark.parametrize(
    ("severity", "options", "status"), [("must", [], 1), ("should", [], 0), ("should", ["--strict"], 1)]
)
async def test_what_is_otherwise_ends_by_its_severity(
    town: Town, tmp_path: Path, severity: str, options: list[str], status: int
) -> None:
    own = tmp_path / "strange.toml"
    own.write_text(PACK.format(severity=severity))
    before = town.clients()
    result = await ran(town, "--case", "own.impossible", "--format", "junit", *options, pack=str(own))
    assert result.exit_code == status
    suite = ET.fromstring(result.stdout)
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1" if severity == "must" else "0")
    assert "Nobody's" in ET.tostring(suite, encoding="unicode")
    assert town.clients() == before + 1  # kept as deleted


async def test_a_dry_run_sends_nothing_and_leaves_bodies_for_curl(town: Town) -> None:
    before = town.clients(), town.used()
    result = await ran(town, *CASES, "--dry-run")
    assert result.exit_code == 0, result.output
    assert (town.clients(), town.used()) == before
    assert result.stdout.count("curl ") == 4  # two registrations, a token, a deletion
    assert "Bearer TOKEN" in result.stdout
    files = [Path(found) for found in re.findall(r"--data-binary '?@([^'\s]+)", result.stdout)]
    assert len(files) == 3
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


@pytest.mark.parametrize(
    "arguments",
    [["--case", "no.such.case"], ["--market", "atlantis"], ["--tpp", "nowhere.json"]],
)
async def test_wrong_usage_says_so(town: Town, arguments: list[str]) -> None:
    assert (await ran(town, *arguments)).exit_code == 2


async def test_a_pack_that_there_is_not_is_wrong_usage(town: Town) -> None:
    assert (await ran(town, pack="atlantis")).exit_code == 2


async def test_a_bank_that_does_not_answer_is_an_exit_status_of_its_own(town: Town) -> None:
    nowhere = "https://localhost:1/.well-known/openid-configuration"
    assert (await ran(town, "--against", nowhere)).exit_code == 3


async def test_a_testers_own_file_does_as_well(town: Town, tmp_path: Path) -> None:
    index = town.index("uk-3.4")
    described = f"""
version = 1
[bank]
well_known = "{index["well_known"]}"
audience = "{index["request_audience"]}"
server_ca = "{town.folder / "ca.pem"}"
[tpp]
certificate = "{town.folder / index["transport_cert"]}"
key = "{town.folder / index["transport_key"]}"
signing_key = "{town.folder / index["signing_key"]}"
kid = "{index["kid"]}"
statement = "{town.folder / index["software_statement"]}"
"""
    (tmp_path / "tester.toml").write_text(described)
    arguments = ["conformance", "run", "obuk-3.4", "--tpp", str(tmp_path / "tester.toml"), "--rate", "0", *CASES]
    result = await asyncio.to_thread(CliRunner().invoke, main, arguments)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    "text", ["version = 2\n[tpp]\n", "version = 1\n[tpp]\ncolour = 1\n", "nonsense", '{"version": 1}']
)
async def test_a_faulty_testers_file_is_wrong_usage(tmp_path: Path, text: str) -> None:
    (tmp_path / "tester.toml").write_text(text)
    arguments = ["conformance", "run", "rfc7591", "--tpp", str(tmp_path / "tester.toml")]
    assert CliRunner().invoke(main, arguments).exit_code == 2
