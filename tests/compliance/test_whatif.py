"""Each fault that is planted in a good registration is found by its own check."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner

from dcrgw.cli import main
from dcrgw.compliance import bundle as bundles
from dcrgw.compliance.coverage import Coverage
from dcrgw.compliance.keeping import bundled
from dcrgw.compliance.replay import replay
from dcrgw.compliance.whatif import NoGoodStart, Tried, Workshop
from dcrgw.compliance.whatif_faults import faults

GOLDEN = Path(__file__).parent / "golden"
GOOD = ("v2/registered", "v2/generic-registered", "v1/updated", "v4/updated", "v4/generic-registered")


def workshop(name: str) -> Workshop:
    """A workshop with one golden bundle."""
    return Workshop(bundles.read((GOLDEN / f"{name}.bundle.json").read_bytes()))


def outcomes(name: str) -> list[Tried]:
    """Every case of it."""
    shop = workshop(name)

    async def run() -> list[Tried]:
        return [await shop.run(fault) for fault in faults(shop.draft())]

    return asyncio.run(run())


@pytest.mark.parametrize("name", GOOD)
def test_every_fault_is_found_by_its_own_check(name: str) -> None:
    found = outcomes(name)
    assert [(each.fault.name, each.failed) for each in found if not each.is_as_expected] == []
    # A catalogue of faults that shrinks unseen would still be all green.
    assert len(found) > 80


def test_no_two_faults_have_one_name() -> None:
    names = [each.name for each in faults(workshop(GOOD[0]).draft())]
    assert len(set(names)) == len(names)


def test_a_fault_that_nobody_finds_is_told() -> None:
    shop = workshop(GOOD[0])
    fault = next(each for each in faults(shop.draft()) if "statement: exp is a day ago" in each.name)
    blind = type(fault)(fault.name, fault.expected, lambda _: None)
    outcome = asyncio.run(shop.run(blind))
    assert not outcome.is_as_expected
    coverage = Coverage()
    coverage.count(outcome)
    assert coverage.missed == 1


def test_the_coverage_tells_what_applies_from_what_does_not() -> None:
    coverage = Coverage()
    for outcome in outcomes("v4/updated"):
        coverage.count(outcome)
    assert {"tls.path.dates", "identity.common_name.single", "update.client_id.same"} <= coverage.refusing
    assert "tls.leaf.qualified_use" in coverage.unplanted
    assert "request.shape.json" in coverage.idle
    assert not coverage.applied & coverage.idle


@pytest.mark.parametrize("name", ["v1/updated", "v4/updated"])
def test_each_check_that_only_updates_have_is_reached(name: str) -> None:
    refusing = {check for each in outcomes(name) for check in each.failed}
    assert {
        "update.members.settable",
        "update.client_id.same",
        "update.client_secret.same",
        "update.software.same",
        "update.organisation.same",
        "update.statement.not_older",
    } <= refusing


def test_each_case_is_a_decision_of_its_own_and_the_same_in_every_run() -> None:
    ids = [each.closed.report.report_id for each in outcomes(GOOD[0])]
    assert len({*ids, workshop(GOOD[0]).bundle.report_id}) == len(ids) + 1
    assert ids == [each.closed.report.report_id for each in outcomes(GOOD[0])]


def test_the_cases_are_bundles_that_replay_the_same() -> None:
    for outcome in outcomes(GOOD[0])[:40]:
        assert asyncio.run(replay(bundles.read(bundled(outcome.closed)))).is_same


@pytest.mark.parametrize("name", ["v1/standing-refused", "v1/issued"])
def test_a_refused_request_is_no_good_start(name: str) -> None:
    with pytest.raises(NoGoodStart):
        workshop(name)


def test_the_command_prints_the_coverage_and_writes_the_cases(tmp_path: Path) -> None:
    good = GOLDEN / "v2/generic-registered.bundle.json"
    ran = CliRunner().invoke(main, ["whatif", str(good), "--out", str(tmp_path)])
    assert ran.exit_code == 0, ran.output
    assert "checks refused a case" in ran.output
    assert len(list(tmp_path.glob("*.bundle.json"))) > 80
    assert CliRunner().invoke(main, ["whatif", str(GOLDEN / "v1/issued.bundle.json")]).exit_code == 2
