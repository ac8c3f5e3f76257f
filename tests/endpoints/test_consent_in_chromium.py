"""The pages in a real browser: with a keyboard, on small screens, beside hostile sites. Skipped where none is."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from urllib.parse import parse_qsl, urlsplit

import chromium
import pytest
import pytest_asyncio
from chromium import Browser, Tab
from house import CALLBACK, MIA, House, house

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(chromium.program() is None, reason="there is no Chromium: apt-get install chromium"),
]

DETAILS = json.dumps([{"type": "payment", "ui_representation": "for your order " * 20}])
ONWARD = "https://app.tpp.example/done"
EVIL = "https://evil.example/"
TAB, ENTER, SPACE = ("Tab", 9), ("Enter", 13, "\r"), (" ", 32, " ")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    async with chromium.running(tmp_path_factory.mktemp("chromium")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bank(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with house(tmp_path_factory.mktemp("house")) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def tab(browser: Browser) -> Tab:
    browser.redirects.clear()
    browser.pages.clear()
    opened = await browser.tab()
    await opened.stand_in("https://tpp.example/*", "https://app.tpp.example/*", EVIL + "*")
    return opened


async def sign_in(tab: Tab, bank: House, **changes: str) -> None:
    await tab.goto(bank.address(authorization_details=DETAILS, **changes))
    await tab.type("#login", MIA[0])
    await tab.type("#password", MIA[1])
    await tab.follow("button[type=submit]")


def answer(tab: Tab) -> dict[str, str]:
    (url,) = [each for each in tab.visited if each.startswith(CALLBACK)]
    return dict(parse_qsl(urlsplit(url).query))


async def test_a_person_allows_and_is_back_at_the_tpp(tab: Tab, bank: House) -> None:
    await sign_in(tab, bank)
    assert "Pay 10.00 GBP to Merchant A" in await tab.text()
    await tab.follow("button[value=approve]")
    assert answer(tab)["code"]
    assert tab.complaints == []


async def test_a_tpp_may_send_its_visitor_on_to_another_host(tab: Tab, bank: House, browser: Browser) -> None:
    """Chromium holds form-action against every hop that follows a form."""
    browser.redirects[CALLBACK] = ONWARD
    await sign_in(tab, bank)
    await tab.follow("button[value=deny]")
    assert await tab.evaluate("location.href") == ONWARD
    assert answer(tab)["error"] == "access_denied"
    assert tab.complaints == []


async def test_a_keyboard_is_enough(tab: Tab, bank: House) -> None:
    await tab.goto(bank.address())
    await tab.press(*TAB)
    await tab.becomes("document.activeElement.id", "login")
    await tab.call("Input.insertText", text=MIA[0])
    await tab.press(*TAB)
    await tab.becomes("document.activeElement.id", "password")
    await tab.call("Input.insertText", text=MIA[1])
    await tab.leads_on(tab.press(*ENTER))
    seen = []
    while not seen or seen[-1] != "approve":
        await tab.evaluate("window.before = document.activeElement")
        await tab.press(*TAB)
        await tab.becomes("document.activeElement !== window.before", True)
        assert await tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        seen.append(await tab.evaluate("document.activeElement.value"))
        assert len(seen) < 5
    assert seen[-2:] == ["deny", "approve"]
    await tab.leads_on(tab.press(*SPACE))
    assert answer(tab)["code"]


async def test_a_problem_has_the_focus_and_leads_to_its_field(tab: Tab, bank: House) -> None:
    await tab.goto(bank.address())
    await tab.type("#login", MIA[0])
    await tab.type("#password", "wrong")
    await tab.follow("button[type=submit]")
    await tab.becomes("document.activeElement.getAttribute('role')", "alert")
    assert await tab.evaluate("document.querySelector('#login').value") == MIA[0]
    assert await tab.evaluate("document.querySelector('#password').value") == ""


#: Width and height in CSS pixels, and how many of the screen's each has: a phone, and a desk at 400 % (WCAG 1.4.10).
SCREENS = {"phone": (320, 640, 1), "zoomed": (320, 256, 4), "desk": (1280, 800, 1)}


@pytest.mark.parametrize("screen", SCREENS.values(), ids=SCREENS)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_every_page_fits_without_scrolling_sideways(
    tab: Tab, bank: House, screen: tuple[int, int, float], dark: bool
) -> None:
    width, height, zoom = screen
    bank.words.text = "Pay 10.00 GBP to " + "Donaudampfschifffahrtsgesellschaft" * 3
    await tab.look_like(width, height, dark=dark, zoom=zoom)
    try:
        await tab.goto(bank.address())
        pages = [await _width(tab)]
        await tab.goto(await tab.evaluate("location.href") + "/cancel")
        pages.append(await _width(tab))
        await sign_in(tab, bank)
        pages.append(await _width(tab))
        await tab.goto(bank.address(client_id="nobody"))
        pages.append(await _width(tab))
    finally:
        bank.words.text = "Pay 10.00 GBP to Merchant A"
    assert all(each <= width for each in pages), pages


async def _width(tab: Tab) -> int:
    small = await tab.evaluate(
        "[...document.querySelectorAll('a, button, input:not([type=hidden]), summary')]"
        ".filter(e => e.getBoundingClientRect().height < 24).map(e => e.outerHTML)"
    )
    assert small == [], "WCAG 2.5.8: a target is smaller than 24 pixels"
    return int(await tab.evaluate("document.documentElement.scrollWidth"))


async def test_back_after_the_answer_shows_that_it_is_given(tab: Tab, bank: House) -> None:
    await sign_in(tab, bank)
    consent = await tab.evaluate("document.title")
    await tab.follow("button[value=approve]")
    await tab.back()
    assert await tab.evaluate("document.title") != consent
    assert await tab.evaluate("document.querySelectorAll('form').length") == 0


async def test_a_page_cannot_read_the_key(tab: Tab, bank: House) -> None:
    await tab.goto(bank.address())
    assert await tab.evaluate("document.cookie") == ""


async def test_no_site_shows_the_page_in_a_frame(tab: Tab, bank: House, browser: Browser) -> None:
    browser.pages[CALLBACK] = "<h1>framed</h1>"
    browser.pages[EVIL] = f"<iframe src='{bank.address()}'></iframe><iframe src='{CALLBACK}'></iframe>"
    asked = len(bank.events)
    await tab.goto(EVIL)
    # Within another site's page a browser keeps no Lax cookie, so that even our own page is one without a form.
    assert [fields["status"] for _, fields in bank.events[asked:]] == [303, 410]
    await tab.complains_of("frame-ancestors")
    shown = {await frame.evaluate("location.href") for frame in await tab.frames()}
    assert shown == {"chrome-error://chromewebdata/", CALLBACK}, "only the other site's page stands in its frame"


@pytest.mark.parametrize("step", ["sign-in", "decision"])
async def test_a_form_that_another_site_sends_does_nothing(tab: Tab, bank: House, browser: Browser, step: str) -> None:
    """With the very token of the page, which a real attacker would have to guess."""
    if step == "decision":
        await sign_in(tab, bank)
    else:
        await tab.goto(bank.address())
    here = str(await tab.evaluate("location.origin + location.pathname"))
    token = await tab.evaluate("document.querySelector('[name=form]').value")
    fields = {"form": token, "login": MIA[0], "password": MIA[1], "decision": "approve"}
    inputs = "".join(f"<input name='{name}' value='{value}'>" for name, value in fields.items())
    browser.pages[EVIL] = f"<form method=post action='{here}/{step}'>{inputs}<button>Win!</button></form>"
    await tab.goto(EVIL)
    await tab.follow("button")
    assert await tab.evaluate("document.querySelectorAll('form').length") == 0
    assert [each for each in tab.visited if each.startswith(CALLBACK)] == []
    status = await tab.evaluate("performance.getEntriesByType('navigation')[0].responseStatus")
    assert status == 403
    await tab.goto(here)
    waits = "button[value=approve]" if step == "decision" else "#password"
    assert await tab.evaluate(f"document.querySelectorAll('{waits}').length") == 1


async def test_markup_of_a_stranger_runs_nowhere(tab: Tab, bank: House) -> None:
    bank.words.text = "<img src=x onerror='document.title=666'><script>document.title=666</script>"
    try:
        await sign_in(tab, bank, state="<script>document.title=666</script>", login_hint="'\"><svg onload=alert(1)>")
    finally:
        bank.words.text = "Pay 10.00 GBP to Merchant A"
    assert await tab.evaluate("document.title") != "666"
    assert await tab.evaluate("document.querySelectorAll('img, script, svg').length") == 0
    assert "onerror" in await tab.text()
    assert tab.complaints == []
