"""A run tells good banks from bad ones, clears away what it made, and gives no secret away."""

from __future__ import annotations

import asyncio
import json
import stat
import sys
from pathlib import Path

import pytest
from odd_banks import SECRET, TOKEN, Credulous, Surly, at, hooked, played, run

from dcrgw.compliance.conformance import loading, phone, running, telling
from dcrgw.compliance.conformance.loading import expectation
from dcrgw.compliance.conformance.pack import Case, Pack
from dcrgw.compliance.conformance.playing import Played
from dcrgw.compliance.conformance.telling import Run
from dcrgw.compliance.conformance.tester import HookTable

PACK = "obuk-3.2"


def wants_a_refusal(pack: Pack, case: Case) -> bool:
    """Whether some step allows no success at all."""
    wanted = [[expectation(pack, each) for each in step.expect] for step in case.steps]
    return any(all(each.status and min(each.status) >= 400 for each in step) for step in wanted)


def wants_a_registration(pack: Pack, case: Case) -> bool:
    wanted = [expectation(pack, each) for step in case.steps if step.do == "register" for each in step.expect]
    return bool(wanted) and all(201 in each.status for each in wanted)


async def test_a_bank_that_takes_everything_fails_whatever_wants_a_refusal(tmp_path: Path) -> None:
    pack = loading.load(PACK)
    cases = await played(Credulous(), tmp_path, PACK)
    tried = [each for each in cases if each.verdict != "skipped" and wants_a_refusal(pack, each.case)]
    assert len(tried) > 60
    assert [each.id for each in tried if each.verdict not in ("failed", "warned", "noted")] == []


async def test_a_bank_that_breaks_passes_nothing_that_registers(tmp_path: Path) -> None:
    pack = loading.load(PACK)
    cases = await played(Surly(), tmp_path, PACK)
    tried = [each for each in cases if each.verdict != "skipped" and wants_a_registration(pack, each.case)]
    assert len(tried) > 20
    assert [each.id for each in tried if each.verdict == "passed"] == []


async def test_a_crash_is_never_the_refusal_that_was_wanted(tmp_path: Path) -> None:
    cases = await played(Surly(), tmp_path, PACK, "claims", "statement", "jws")
    assert [each.id for each in cases if each.verdict == "passed"] == []


async def test_what_a_wrong_case_registers_is_deleted(tmp_path: Path) -> None:
    bank = Credulous()
    cases = await played(bank, tmp_path, PACK, "claims.exp.past")
    assert [each.verdict for each in cases] == ["failed"]
    assert bank.clients == {}
    assert [method for method, _ in bank.asked] == ["POST", "DELETE"]


async def test_a_client_that_cannot_be_deleted_is_named(tmp_path: Path) -> None:
    bank = Credulous(deletes=False)
    cases = await played(bank, tmp_path, PACK, "claims.exp.past")
    assert [each.left_behind for each in cases] == [list(bank.clients)]


async def test_a_run_that_is_broken_off_clears_away_and_tells(tmp_path: Path) -> None:
    class Slow(Credulous):
        async def token(self, request):  # type: ignore[no-untyped-def]
            if reached.is_set():
                return await super().token(request)
            reached.set()
            return await asyncio.Event().wait()

    reached = asyncio.Event()
    bank, cases = Slow(), []

    async def whole() -> None:
        async with at(bank, tmp_path) as tests, phone.phone(tests, timeout_s=60, pause_s=0) as opened:
            known = await running.known(tests, opened)
            pack = loading.load(PACK)
            planned = running.plan(pack, known, ("register.each-method",))
            async for each in running.run(pack, known, planned, opened):
                cases.append(each)  # noqa: PERF401 - what came before the end is wanted, too

    task = asyncio.get_running_loop().create_task(whole())
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [(each.verdict, each.interrupted) for each in cases] == [("broken", True)]
    assert bank.clients == {}


async def test_no_report_holds_a_secret(tmp_path: Path) -> None:
    cases = await played(Credulous(), tmp_path, PACK, "manage", "register")
    told = Run(loading.load(PACK), "https://bank.example/register", 0.0, cases=cases)
    lines = [line for each in cases for line in telling.as_text(each, whole=True)]
    reports = [json.dumps(telling.as_json(told)), telling.as_junit(told), "\n".join(lines)]
    assert any(each.verdict == "failed" for each in cases)
    for secret in (SECRET, TOKEN, "PRIVATE KEY"):
        assert [secret in report for report in reports] == [False, False, False]


async def test_what_a_tester_lacks_is_skipped_by_name(tmp_path: Path) -> None:
    cases = await played(Credulous(), tmp_path, PACK, "statement.expired", "certificate.other", "discovery.document")
    assert {each.id: (each.verdict, each.reason) for each in cases} == {
        "statement.expired": ("skipped", "this needs hook.statements"),
        "certificate.other": ("skipped", "this needs other"),
        "discovery.document": ("skipped", "this needs bank.well_known"),
    }


async def test_a_command_makes_statements_to_order(tmp_path: Path) -> None:
    script = tmp_path / "fresh"
    script.write_text(
        f"#!{sys.executable}\nimport json, sys\norder = json.load(sys.stdin)\n"
        "assert sys.argv[1:] == ['statements']\n"
        "json.dump({'statement': 'made.to.' + ('order' if order['claims'] else 'measure')}, sys.stdout)\n"
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    bank = Credulous()
    async with at(bank, tmp_path) as tests:
        able = hooked(tests, HookTable(command=(str(script),)))
        cases = await run(able, loading.load(PACK), "statement.expired")
    assert [each.verdict for each in cases] == ["failed"]
    assert sent_statements(cases) == ["made.to.order"]


async def test_a_hook_that_fails_breaks_its_case(tmp_path: Path) -> None:
    async with at(Credulous(), tmp_path) as tests:
        cases = await run(hooked(tests, HookTable(command=("false",))), loading.load(PACK), "statement.expired")
    assert [(each.verdict, each.reason) for each in cases] == [("broken", "the hook ended with status 1")]


async def test_a_bank_that_is_not_there_is_given_up_after_three_cases(tmp_path: Path) -> None:
    async with at(Credulous(), tmp_path) as tests:
        gone = tests.against("http://127.0.0.1:1/register")
    cases = await run(gone, loading.load(PACK), "register")
    assert {each.verdict for each in cases} == {"broken"}
    assert [each.reason == "the bank has stopped answering" for each in cases[:4]] == [False, False, False, True]


def sent_statements(cases: list[Played]) -> list[str]:
    claims = [exchange.sent["claims"] for each in cases for exchange in each.exchanges if exchange.do == "register"]
    return [each["software_statement"] for each in claims]
