"""docs/faults.md is whole, and found."""

from __future__ import annotations

from pathlib import Path

import fault_page

from dcrgw.core.checks import CATALOGUE
from dcrgw.sandbox.traffic import Endpoint, FaultMode


def test_the_page_has_every_endpoint_and_mode_cold_and_warm() -> None:
    told = {(each.endpoint, each.mode, each.had) for each in fault_page.outages()}
    modes = set(FaultMode) - {FaultMode.NONE}
    # The lists of other frameworks: test_markets.py plays what the page says of them.
    endpoints = set(Endpoint) - {Endpoint.LIST}
    assert {(endpoint, mode, had) for endpoint in endpoints for mode in modes for had in ("cold", "warm")} <= told


def test_the_page_names_checks_that_there_are() -> None:
    named = {
        each.check
        for section in ("Key sets of software", "Changes at the directory")
        for each in fault_page.changes(section)
    }
    assert named - {""} <= CATALOGUE.keys()
    assert len(named) > 5


def test_the_page_is_found_where_a_reader_looks() -> None:
    root = Path(__file__).parents[2]
    assert "(faults.md)" in (root / "docs/sandbox.md").read_text()
    assert "(docs/faults.md)" in (root / "README.md").read_text()
