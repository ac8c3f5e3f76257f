"""Recorded registrations, sent live to a bank that decided them: it answers them alike, in another market too."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from click.testing import CliRunner
from town import Town

from dcrgw.cli import main
from dcrgw.compliance.conformance import phone, replaying, running, tester
from dcrgw.compliance.conformance.playing import Played
from dcrgw.compliance.keeping import Closed, bundled
from dcrgw.compliance.sources import SUFFIX, bundles_of, paths

pytestmark = pytest.mark.asyncio(loop_scope="module")

UK = "uk-3.2"
#: What is wrong with the request, or with the statement (`statement`), and how it is answered.
REQUESTS: dict[str, tuple[str, dict[str, Any], int, str]] = {
    "good": (UK, {}, 201, ""),
    "outside": (UK, {"redirect_uris": ["https://elsewhere.example/cb"]}, 400, "invalid_redirect_uri"),
    "scope": (UK, {"scope": "openid nonsense"}, 400, "invalid_client_metadata"),
    "past": (UK, {"exp": 1_700_000_300, "iat": 1_700_000_000}, 400, "invalid_client_metadata"),
    "foreign-aud": (UK, {"aud": "somebody"}, 400, "invalid_client_metadata"),
    "several-aud": (UK, {"aud": ["somebody", "else"]}, 400, "invalid_client_metadata"),
    "ill-software": (UK, {"statement": {"software_id": "no id"}}, 400, "invalid_software_statement"),
    "other-software": (UK, {"software_id": "AnotherSoftware1234567"}, 400, "invalid_client_metadata"),
    "revoked-statement": (UK, {"statement": {"org_status": "Revoked"}}, 400, "unapproved_software_statement"),
    "foreign-statement": (UK, {"statement": {"iss": "Nobody Ltd"}}, 400, "invalid_software_statement"),
    "plain": ("generic", {}, 201, ""),
    "plain-keys": ("generic", {"jwks_uri": "http://tpp.example/keys"}, 400, "invalid_client_metadata"),
}


async def recorded(town: Town, folder: Path) -> None:
    """Each request, sent and kept as a bundle."""
    for name, (market, changes, status, error) in REQUESTS.items():
        wrong = dict(changes)
        statement = await town.statement(market, **wrong.pop("statement", {}))
        reply = await town.post(await town.body(market, software_statement=statement, **wrong), market)
        assert (reply.status, reply.body.get("error", "")) == (status, error), name
        report, evidence = list(town.gateway.recent.kept)[-1]
        document = bundled(Closed(report, evidence, town.gateway.materials.markets[report.market]))
        (folder / f"{name}{SUFFIX}").write_bytes(document)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bundles(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundles")
    await recorded(town, folder)
    return folder


async def live(town: Town, folder: Path, market: str, *only: str) -> dict[str, Played]:
    tests = tester.load(town.folder / "sandbox.json", market=market)
    found = [each for each in bundles_of(paths([folder])) if not only or each.path.name.startswith(only)]
    async with phone.phone(tests, timeout_s=30, pause_s=0) as opened:
        bank = await running.known(tests, opened)
        return {each.id: each async for each in replaying.replayed(found, bank, opened)}


@pytest.mark.parametrize("market", ["uk-3.2", "uk-3.4"])
async def test_a_bank_that_decides_alike_answers_alike(town: Town, bundles: Path, market: str) -> None:
    names = [name for name, (where, *_) in REQUESTS.items() if where == UK]
    cases = await live(town, bundles, market, *names)
    assert {each.id: each.reason for each in cases.values() if each.verdict != "passed"} == {}
    assert {each.exchanges[0].received["status"] for each in cases.values()} == {201, 400}
    assert all(not each.left_behind for each in cases.values())


async def test_plain_requests_are_sent_too(town: Town, bundles: Path) -> None:
    cases = await live(town, bundles, "generic", "plain")
    assert {each.id: each.verdict for each in cases.values()} == {"plain": "passed", "plain-keys": "passed"}


async def test_a_bank_that_decides_otherwise_is_told(town: Town, bundles: Path) -> None:
    """Where plain JSON is spoken, a signed request is none."""
    cases = await live(town, bundles, "generic", "good")
    assert cases["good"].verdict == "failed"
    assert cases["good"].exchanges[0].received["status"] in (400, 415)


async def test_what_is_not_in_the_request_is_not_sent(town: Town, tmp_path: Path) -> None:
    reply = await town.post(await town.body(UK, "revoked"), UK, "revoked")
    assert reply.checks[0].startswith("standing.")
    report, evidence = list(town.gateway.recent.kept)[-1]
    closed = Closed(report, evidence, town.gateway.materials.markets[UK])
    (tmp_path / f"revoked{SUFFIX}").write_bytes(bundled(closed))
    cases = await live(town, tmp_path, UK)
    assert [(each.verdict, "standing." in each.reason) for each in cases.values()] == [("skipped", True)]


async def test_the_command_line_sends_and_reports(town: Town, bundles: Path, tmp_path: Path) -> None:
    out, good = tmp_path / "live.json", bundles / f"good{SUFFIX}"
    arguments = ["replay", str(good), "--tpp", str(town.folder / "sandbox.json"), "--market", UK]
    arguments += ["--format", "json", "--out", str(out), "--rate", "0"]
    result = await asyncio.to_thread(CliRunner().invoke, main, arguments)
    assert result.exit_code == 0, result.output
    told = json.loads(out.read_text())
    assert told["counts"]["passed"] == 1
    assert abs(told["at"] - time.time()) < 600
    case = told["cases"][0]
    assert [each["do"] for each in case["exchanges"]] == ["register", "token", "delete"]


@pytest.mark.parametrize("more", [["--at", "1"], ["--with", "rfc7591"], ["--compare", "recorded", "rfc7591"]])
async def test_a_live_bank_has_no_other_time_and_no_other_rules(bundles: Path, more: list[str]) -> None:
    arguments = ["replay", str(bundles / f"good{SUFFIX}"), "--tpp", "nowhere.toml", *more]
    assert CliRunner().invoke(main, arguments).exit_code == 2


async def test_requests_of_several_markets_are_not_all_sent_to_the_first_one(
    town: Town, bundles: Path, tmp_path: Path
) -> None:
    golden = Path(__file__).parents[1] / "compliance/golden/v4/generic-registered.bundle.json"
    files = [str(bundles / f"good{SUFFIX}"), str(golden)]
    arguments = ["replay", *files, "--tpp", str(town.folder / "sandbox.json"), "--rate", "0"]
    result = await asyncio.to_thread(CliRunner().invoke, main, arguments)
    assert result.exit_code == 2, result.output
    assert "--market" in result.output
