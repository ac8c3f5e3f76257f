"""What decided has a name: also where the scripts were swapped on the way."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from dcrgw.app.naming import Names
from dcrgw.core.checks import Report
from dcrgw.scripting.hiring import WorkerSettings
from dcrgw.scripting.host import ScriptHost
from dcrgw.scripting.runners import Runners
from dcrgw.scripting.testing import entry_of

SCRIPT = Path(__file__).parents[2] / "config/scripts/accounts_only.py"


def report(generation: int = 0) -> Report:
    return Report("report", "", "create", "uk", 0.0, generation=generation)


async def test_scripts_are_named_with_their_number_revision_and_text() -> None:
    host = ScriptHost(on_event=lambda *_, **__: None)
    runners = Runners(WorkerSettings(), lambda *_, **__: None)
    names = Names(host)
    assert names.of(report(), time.monotonic()) == {}
    begun = time.monotonic()
    entry = replace(entry_of(SCRIPT), mode="inline", revision=7)
    host.swap([await runners.load(entry, {"scopes": "openid"})])
    try:
        number, _, told = names.of(report(), time.monotonic())["scripts"].partition(": ")
        name, revision, digest = told.split(" ")
        assert (number, name, revision) == ("1", entry.name, "7")
        assert len(digest) == 8
        # A request that began before may have met either set.
        assert names.of(report(), begun)["scripts"] != names.of(report(), time.monotonic())["scripts"]
    finally:
        await host.close()
        await runners.close()


def test_of_a_generation_that_is_long_gone_the_number_is_left() -> None:
    names = Names(ScriptHost(on_event=lambda *_, **__: None))
    assert names.of(report(3), 0.0) == {"gateway": "3"}
