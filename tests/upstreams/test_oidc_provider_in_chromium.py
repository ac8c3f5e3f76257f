"""The server's own pages in a real browser, through the gateway. Skipped where there is none."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import chromium
import pytest
import pytest_asyncio
from chromium import Browser
from grant_clients import CALLBACK, address, client_of, pushed, tokens
from test_details_over_the_wire import PAYMENT, RECURRING
from town import Town

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(chromium.program() is None, reason="there is no Chromium: apt-get install chromium"),
]

has_scripts = True
#: A phone, and a desk.
SCREENS = {"phone": (320, 640), "desk": (1280, 800)}
NOTE = "for your order " * 15


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    async with chromium.running(tmp_path_factory.mktemp("chromium")) as running:
        yield running


async def test_customer_decides_on_pages_that_fit_and_do_nothing_else(town: Town, browser: Browser) -> None:
    client = await client_of(town)
    details = json.dumps(
        [{**PAYMENT, "creditorName": "Donaudampfschifffahrt " * 3, "ui_representation": NOTE}, RECURRING]
    )
    tab = await browser.tab()
    await tab.stand_in("https://tpp.example/*")
    mia = json.loads((town.folder / "sandbox.json").read_text())["customers"][0]
    await tab.goto(address(town, client, request_uri=await pushed(town, client, authorization_details=details)))
    await looked_at(tab, "sign-in")
    await tab.type("#login", mia["login"])
    await tab.type("#password", "wrong")
    await tab.follow("button[type=submit]")
    await looked_at(tab, "wrong")
    await tab.type("#password", mia["password"])
    await tab.follow("button[type=submit]")
    assert "Pay 123.50 EUR to Donaudampfschifffahrt" in await tab.text()
    await looked_at(tab, "consent")
    await tab.follow("button[value=approve]")
    (url,) = [each for each in tab.visited if each.startswith(CALLBACK)]
    reply = await tokens(town, client, dict(parse_qsl(urlsplit(url).query))["code"])
    assert reply.body["authorization_details"] == json.loads(details)
    # The last is that of the wrong password: a browser tells each answer of 4xx.
    assert [each for each in tab.complaints if "422" not in each] == []


async def looked_at(tab: chromium.Tab, name: str) -> None:
    """The page on every screen, light and dark; kept as pictures where DCRGW_PICTURES names a folder."""
    for screen, (width, height) in SCREENS.items():
        for dark in (False, True):
            await tab.look_like(width, height, dark=dark)
            assert await tab.evaluate("document.documentElement.scrollWidth") <= width, (name, screen)
            if folder := os.environ.get("DCRGW_PICTURES"):
                picture = await tab.screenshot()
                (Path(folder) / f"{name}-{screen}-{'dark' if dark else 'light'}.png").write_bytes(picture)
