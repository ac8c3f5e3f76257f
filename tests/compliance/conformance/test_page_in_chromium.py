"""The page of a run in a real browser: nothing that a bank wrote acts, the filter filters, a link leads to its case."""

from __future__ import annotations

from pathlib import Path

import chromium
import pytest
from hostile_bank import EVIL
from odd_banks import Credulous, played

from dcrgw.compliance.conformance import loading
from dcrgw.compliance.conformance.page import page_of_run
from dcrgw.compliance.conformance.telling import Run

pytestmark = pytest.mark.skipif(chromium.program() is None, reason="there is no Chromium: apt-get install chromium")

_SHOWN = "[...document.querySelectorAll('details.case')].filter(e => e.getBoundingClientRect().height > 0).length"


async def test_the_page_is_read_and_filtered_and_nothing_acts(tmp_path: Path) -> None:
    cases = await played(Credulous(), tmp_path, "obuk-3.2", "claims", "statement", "register")
    for each in cases:
        for exchange in each.exchanges:
            exchange.received = {"status": 400, "ms": 1.0, "headers": {EVIL: EVIL}, "body": {EVIL: EVIL}}
        each.reason = f"{each.reason}{EVIL}"
    (tmp_path / "run.html").write_text(page_of_run(Run(loading.load("obuk-3.2"), EVIL, 0.0, cases=cases)))
    async with chromium.running(tmp_path / "browser") as browser:
        tab = await browser.tab()
        await tab.look_like(390, 800)
        await tab.goto(f"file://{tmp_path}/run.html")
        assert await tab.evaluate("typeof hacked") == "undefined"
        assert await tab.evaluate("document.scripts.length + document.images.length") == 0
        assert await tab.evaluate("document.documentElement.scrollWidth") == 390
        assert await tab.evaluate(_SHOWN) == len(cases)
        await tab.evaluate("document.querySelector('label[for=show-skipped]').click()")
        assert await tab.evaluate(_SHOWN) == len([each for each in cases if each.verdict == "skipped"])
        await tab.evaluate("document.querySelector('label[for=show-all]').click()")
        await tab.evaluate("location.hash = document.querySelector('.clauses a').getAttribute('href')")
        await tab.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert await tab.evaluate("document.querySelector(':target').closest('details').open")
        assert [each for each in tab.complaints if "favicon" not in each] == []
