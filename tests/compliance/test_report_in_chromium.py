"""The page of a replay in a real browser: it fits a narrow screen, filters, and a link leads to its decision."""

from __future__ import annotations

from pathlib import Path

import chromium
import pytest
from test_html_page import golden

from dcrgw.compliance.html import page_of_results
from dcrgw.compliance.outcomes import recorded_outcome
from dcrgw.compliance.run import Result, Tally
from dcrgw.compliance.sources import Found

pytestmark = pytest.mark.skipif(chromium.program() is None, reason="there is no Chromium: apt-get install chromium")

_SHOWN = "[...document.querySelectorAll('article')].filter(e => e.getBoundingClientRect().height > 0).length"
_NEXT = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def page(*names: str) -> str:
    tally, results = Tally(), []
    for name in names:
        bundle = golden(name)
        outcome = recorded_outcome(bundle)
        results.append(Result(Found(Path(f"{name}.bundle.json"), bundle), outcome, outcome))
        tally.count(results[-1])
    return page_of_results(results, tally)


async def test_a_run_is_read_on_a_narrow_screen_and_filtered(tmp_path: Path) -> None:
    (tmp_path / "run.html").write_text(page("registered", "standing-refused", "updated"))
    (tmp_path / "one.html").write_text(page("standing-refused"))
    async with chromium.running(tmp_path / "browser") as browser:
        tab = await browser.tab()
        await tab.look_like(390, 800)
        for name in ("one", "run"):
            await tab.goto(f"file://{tmp_path}/{name}.html")
            await tab.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
            assert await tab.evaluate("document.documentElement.scrollWidth") == 390
        await tab.goto(f"file://{tmp_path}/run.html")
        assert await tab.evaluate(_SHOWN) == 3
        await tab.evaluate("document.querySelector('label[for=show-failed]').click()")
        assert await tab.evaluate(_SHOWN) == 1
        await tab.evaluate("document.querySelector('label[for=show-all]').click()")
        await tab.evaluate("location.hash = document.querySelector('.matrix a').getAttribute('href')")
        await tab.evaluate(_NEXT)
        assert await tab.evaluate("document.querySelector(':target').closest('details').open")
        assert [each for each in tab.complaints if "favicon" not in each] == []
