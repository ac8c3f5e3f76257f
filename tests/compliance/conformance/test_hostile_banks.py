"""Whatever a bank answers, a run goes on to its end, its reports are told, and nothing in them acts."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hostile_bank import ANSWERS, at
from html_reading import read

from dcrgw.compliance import bundle as bundles
from dcrgw.compliance.conformance import loading, phone, replaying, running, telling, tester
from dcrgw.compliance.conformance.page import page_of_run
from dcrgw.compliance.conformance.playing import Played
from dcrgw.compliance.conformance.telling import VERDICTS, Run
from dcrgw.compliance.conformance.tester import BankTable, Party, PartyTable
from dcrgw.compliance.sources import Found
from dcrgw.testkit.keys import SigningKey
from dcrgw.testkit.statements import statement_claims
from dcrgw.tpp.discovery import DiscoveryFailed
from dcrgw.tpp.trouble import ConnectionTrouble

GOLDEN = Path(__file__).parents[1] / "golden" / "v3"
KEY = SigningKey.generate("sig-1")
CANARY = "canary-initial-access-token"
CASES = ("claims.exp.past", "manage.update.wrong", "manage.unknown-token.named", "obuk.scope.fewer")
PLAIN_CASES = ("register.all-metadata", "rat.update.token", "rat.round-trip")
#: Longest that a run of a few cases may take, silent banks included: each request has its own second.
PATIENCE_S = 60


def asking(base: str, folder: Path) -> tester.Tester:
    (folder / "signing.key").write_bytes(KEY.pem)
    (folder / "statement.jwt").write_text(KEY.sign(statement_claims()))
    (folder / "initial.token").write_text(CANARY)
    bank = BankTable(
        registration_endpoint=f"{base}/register",
        token_endpoint=f"{base}/token",
        audience="bank",
        initial_access_token=f"file:{folder / 'initial.token'}",
    )
    own = PartyTable(
        signing_key=folder / "signing.key", kid="sig-1", statement=folder / "statement.jwt", scope="openid accounts"
    )
    return tester.Tester(Party(own, bank))


def assert_harmless(run: Run) -> None:
    """Every report of a run can be told, and holds neither a secret nor what acts."""
    lines = [line for each in run.cases for line in telling.as_text(each, whole=True)]
    junit, page = telling.as_junit(run), page_of_run(run)
    told = [json.dumps(telling.as_json(run), indent=1), junit, page, "\n".join(lines)]
    for text in told:
        text.encode("utf-8")
        assert CANARY not in text
        assert len(text) < 3_000_000
    assert all(line.isprintable() for line in lines)
    assert all(character not in text for text in (page, junit) for character in "\x1b\x9b\u202e\u2066")
    tree = read(page.encode())
    assert not list(tree.all("script", "img"))
    assert all((each.attributes.get("href") or "#").startswith("#") for each in tree.all())


async def finished(cases: list[Played], name: str) -> None:
    assert cases
    assert all(each.verdict in VERDICTS and (each.reason or each.verdict == "passed") for each in cases)
    assert_harmless(Run(loading.load("obuk-3.2"), "https://bank.example/register", 0.0, name=name, cases=cases))


@pytest.mark.parametrize("name", ANSWERS)
async def test_a_run_against_a_hostile_bank_comes_to_its_end(tmp_path: Path, name: str) -> None:
    async with asyncio.timeout(PATIENCE_S), at(ANSWERS[name]) as base:
        tests = asking(base, tmp_path)
        cases: list[Played] = []
        for pack, only in (("obuk-3.2", CASES), ("rfc7591", PLAIN_CASES)):
            async with phone.phone(tests, timeout_s=0.4, pause_s=0) as opened:
                bank, found = await running.known(tests, opened), loading.load(pack)
                cases += [each async for each in running.run(found, bank, running.plan(found, bank, only), opened)]
    assert "passed" not in {each.verdict for each in cases if each.case.id == "obuk.scope.fewer"}
    await finished(cases, name)


@pytest.mark.parametrize(
    "name", ["html", "escapes-registered", "wrong-types", "odd-address", "long-id", "deep", "cut-short"]
)
async def test_a_live_replay_against_a_hostile_bank_comes_to_its_end(tmp_path: Path, name: str) -> None:
    found = [
        Found(Path(f"{each}.bundle.json"), bundles.read((GOLDEN / f"{each}.bundle.json").read_bytes()))
        for each in ("registered", "updated", "rules-refused")
    ]
    async with asyncio.timeout(PATIENCE_S), at(ANSWERS[name]) as base:
        tests = asking(base, tmp_path)
        async with phone.phone(tests, timeout_s=0.4, pause_s=0) as opened:
            bank = await running.known(tests, opened)
            cases = [each async for each in replaying.replayed(found, bank, opened)]
    assert "passed" not in {each.verdict for each in cases if each.id == "updated"}
    await finished(cases, name)


async def test_what_a_bank_echoes_of_a_request_is_no_secret_in_a_report(tmp_path: Path) -> None:
    """It answers everything with the request's head and form, as far as a debugging bank would."""
    base_claims = {
        "client_id": "abc",
        "client_secret": "canary-client-secret",
        "token_endpoint_auth_method": "private_key_jwt",
    }
    seen: list[str] = []

    async def echo(request: web.Request) -> web.Response:
        body = await request.text()
        seen.append(request.headers.get("Authorization", "") + body)
        said = {"access_token": "canary-access-token"} if request.path == "/token" else base_claims
        return web.json_response(
            {**said, "debug": f"{dict(request.headers)} {body}"}, status=200 if said != base_claims else 201
        )

    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", echo)
    async with TestServer(app, host="127.0.0.1") as server:
        tests = asking(str(server.make_url("")).rstrip("/"), tmp_path)
        async with phone.phone(tests, timeout_s=30, pause_s=0) as opened:
            bank, pack = await running.known(tests, opened), loading.load("obuk-3.2")
            planned = running.plan(pack, bank, ("manage.read", "register.each-method", "manage.update"))
            cases = [each async for each in running.run(pack, bank, planned, opened)]
    assert any("client_assertion=" in each for each in seen)
    assert any(CANARY in each for each in seen)
    run = Run(pack, "", 0.0, cases=cases)
    lines = [line for each in cases for line in telling.as_text(each, whole=True)]
    assertions = [dict(parse_qsl(each))["client_assertion"] for each in seen if "client_assertion=" in each]
    for report in (json.dumps(telling.as_json(run)), telling.as_junit(run), page_of_run(run), "\n".join(lines)):
        for secret in (CANARY, "canary-client-secret", "canary-access-token", *assertions):
            assert secret not in report


async def test_a_hostile_discovery_document_is_no_crash(tmp_path: Path) -> None:
    for name in ("html", "deep", "no-json", "redirect", "long-header", "hangs-up", "many"):
        async with at(ANSWERS[name]) as base:
            tests = asking(base, tmp_path)
            tests = replace(tests, own=replace(tests.own, bank=BankTable(well_known=f"{base}/.well-known/x")))
            with pytest.raises((DiscoveryFailed, ConnectionTrouble)):
                async with phone.phone(tests, timeout_s=0.4, pause_s=0) as opened:
                    await running.known(tests, opened)
