"""Decisions of every kind, decided again with the bank's scripts really run instead of recorded."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from every_decision import every_decision
from town import Town

from dcrgw.compliance import sources
from dcrgw.compliance.naming import Naming
from dcrgw.compliance.run import compared
from dcrgw.compliance.settings import deciding

pytestmark = pytest.mark.asyncio(loop_scope="module")

has_scripts = True


async def test_every_decision_comes_out_the_same_where_the_scripts_are_really_run(town: Town) -> None:
    rules = Naming(time.time()).rules([f"configuration={town.session.config}"])
    assert rules.scripts is not None
    assert {"client_registration", "introspection", "authz_detail"} <= rules.scripts.types
    documents = await every_decision(town)
    found = [sources.found_in(document, Path(name), for_replay=True) for name, document in documents.items()]
    async with deciding(rules) as after:
        results = [each async for each in compared(found, None, after)]
    assert len(results) == len(documents) > 20
    differing = {r.found.path.name: r.fault or r.shift.lines for r in results if r.fault or r.shift}
    assert differing == {}
