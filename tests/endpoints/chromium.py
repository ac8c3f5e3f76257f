"""A real browser, spoken to over its own debugging protocol: headless Chromium and a WebSocket, nothing between.

One reader, no background task: a command reads until its answer is there and keeps the events that come before it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import subprocess
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

#: Debian wraps the program in a script; other systems have only the second names.
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_SWITCHES = (
    "--headless", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--no-default-browser-check",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--hide-scrollbars", "--ignore-certificate-errors", "--remote-debugging-port=0", "--password-store=basic",
    # A click on a page that was not drawn yet is a click too.
    "--disable-features=LocalNetworkAccessChecks", "--allow-pre-commit-input",
)  # fmt: skip
_PATIENCE_S = 60


def program() -> str | None:
    """Where a Chromium is; None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@dataclass
class Tab:
    """One page of a browser."""

    browser: Browser
    session: str
    #: Documents fetched from hosts of `stand_in`, oldest first.
    visited: list[str] = field(default_factory=list)
    #: What the policy of a page did not let happen, and what its console said.
    complaints: list[str] = field(default_factory=list)

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol, for this page."""
        return await self.browser.call(method, parameters, self)

    async def goto(self, url: str) -> None:
        """Load an address, as if it was typed, and wait until it is there."""
        self.browser.forget(self, "Page.loadEventFired")
        await self.call("Page.navigate", url=url)
        await self.browser.event(self, "Page.loadEventFired")

    async def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page. The page's own policy does not bind it."""
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def becomes(self, expression: str, wanted: Any) -> None:
        """Wait until an expression has a value: what the page does by itself, it does when it draws, not when it loads.

        Raises: TimeoutError when it does not come to that.
        """
        watch = f"const look = () => ({expression}) === {json.dumps(wanted)} ? done() : setTimeout(look, 20)"
        await self.evaluate(f"new Promise(done => {{ {watch}; look(); }})")

    async def complains_of(self, words: str) -> None:
        """Wait until the page has complained in these words: its console is heard apart from its loading."""
        async with asyncio.timeout(_PATIENCE_S):
            while not any(words in each for each in self.complaints):
                await self.evaluate("undefined")

    async def text(self) -> str:
        """What a person can read."""
        return str(await self.evaluate("document.body.innerText"))

    async def type(self, selector: str, text: str) -> None:
        """Put the focus somewhere and type."""
        await self.evaluate(f"document.querySelector({json.dumps(selector)}).select()")
        await self.call("Input.insertText", text=text)

    async def follow(self, selector: str) -> None:
        """Click on something that leads to another page, and wait for that."""
        self.browser.forget(self, "Page.loadEventFired")
        spot = await self.evaluate(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView(); "
            "const r = e.getBoundingClientRect(); return {x: r.x + r.width / 2, y: r.y + r.height / 2}; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **spot)
        await self.browser.event(self, "Page.loadEventFired")

    async def leads_on(self, action: Coroutine[Any, Any, None]) -> None:
        """Do what leads to another page, and wait for that."""
        self.browser.forget(self, "Page.loadEventFired")
        await action
        await self.browser.event(self, "Page.loadEventFired")

    async def press(self, key: str, code: int, text: str = "") -> None:
        """One key."""
        more = {"text": text} if text else {}
        for kind in ("keyDown", "keyUp"):
            await self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                windowsVirtualKeyCode=code,
                **(more if kind == "keyDown" else {}),
            )

    async def look_like(self, width: int, height: int, *, dark: bool = False, zoom: float = 1) -> None:
        """A screen of this many CSS pixels."""
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=zoom, mobile=False
        )
        scheme = "dark" if dark else "light"
        await self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    async def screenshot(self) -> bytes:
        """The whole page as a PNG."""
        shot = await self.call("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    async def stand_in(self, *patterns: str) -> None:
        """Answer for addresses of these patterns (`https://tpp.example/*`), and note them in `visited`."""
        await self.call("Fetch.enable", patterns=[{"urlPattern": pattern} for pattern in patterns])

    async def back(self) -> None:
        """The back button."""
        history = await self.call("Page.getNavigationHistory")
        entry = history["entries"][history["currentIndex"] - 1]
        self.browser.forget(self, "Page.frameNavigated")
        await self.call("Page.navigateToHistoryEntry", entryId=entry["id"])
        # A page that the browser kept whole fires no load event.
        if (await self.browser.event(self, "Page.frameNavigated"))["type"] == "Navigation":
            await self.browser.event(self, "Page.loadEventFired")

    async def frames(self) -> list[Tab]:
        """The frames of other sites in this page."""
        targets = (await self.browser.call("Target.getTargets", {}))["targetInfos"]
        return [await self.browser.attach(each["targetId"]) for each in targets if each["type"] == "iframe"]


class Browser:
    """A running browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._asked = 0
        self._tabs: dict[str, Tab] = {}
        self._answers: dict[int, dict[str, Any]] = {}
        self._events: deque[dict[str, Any]] = deque()
        #: Address -> the address that a stood-in host redirects to, or the page that it shows.
        self.redirects: dict[str, str] = {}
        self.pages: dict[str, str] = {}

    async def tab(self) -> Tab:
        """A new page in a browser context of its own: no cookie of another is seen."""
        context = (await self.call("Target.createBrowserContext", {}))["browserContextId"]
        return await self.tab_beside(context)

    async def tab_beside(self, context: str) -> Tab:
        """A new page that shares the cookies of a context."""
        target = await self.call("Target.createTarget", {"url": "about:blank", "browserContextId": context})
        return await self.attach(target["targetId"])

    async def attach(self, target: str) -> Tab:
        """A page or frame that is there."""
        attached = await self.call("Target.attachToTarget", {"targetId": target, "flatten": True})
        tab = self._tabs[attached["sessionId"]] = Tab(self, attached["sessionId"])
        for domain in ("Page", "Runtime", "Log"):
            await tab.call(f"{domain}.enable")
        return tab

    async def call(self, method: str, parameters: dict[str, Any], tab: Tab | None = None) -> dict[str, Any]:
        """One command, and its answer."""
        number = await self._send(method, parameters, tab)
        async with asyncio.timeout(_PATIENCE_S):
            while number not in self._answers:
                await self._read()
        answer = self._answers.pop(number)
        assert "error" not in answer, (method, answer)
        return answer["result"]

    async def event(self, tab: Tab, method: str) -> dict[str, Any]:
        """The next event of a kind at a page, also one that came already."""
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                for event in self._events:
                    if event["method"] == method and event.get("sessionId") == tab.session:
                        self._events.remove(event)
                        return event["params"]
                await self._read()

    def forget(self, tab: Tab, method: str) -> None:
        """Events of a kind that came already are of no interest."""
        self._events = deque(
            each for each in self._events if each["method"] != method or each.get("sessionId") != tab.session
        )

    async def _send(self, method: str, parameters: dict[str, Any], tab: Tab | None) -> int:
        self._asked += 1
        session = {"sessionId": tab.session} if tab is not None else {}
        await self._socket.send_json({"id": self._asked, "method": method, "params": parameters, **session})
        return self._asked

    async def _read(self) -> None:
        message = json.loads(await self._socket.receive_str())
        if "id" in message:
            self._answers[message["id"]] = message
            return
        tab = self._tabs.get(message.get("sessionId", ""))
        match message["method"]:
            case "Fetch.requestPaused" if tab is not None:
                await self._fulfil(tab, message["params"])
            case "Log.entryAdded" if tab is not None:
                tab.complaints.append(message["params"]["entry"]["text"])
            case _:
                self._events.append(message)

    async def _fulfil(self, tab: Tab, paused: dict[str, Any]) -> None:
        url = paused["request"]["url"]
        tab.visited.append(url)
        place = url.partition("?")[0]
        onward, page = self.redirects.get(place), self.pages.get(place, "<title>There</title>")
        html = [{"name": "Content-Type", "value": "text/html"}]
        answer: dict[str, Any] = {
            "responseCode": 200, "responseHeaders": html, "body": base64.b64encode(page.encode()).decode(),
        }  # fmt: skip
        if onward is not None:
            answer = {"responseCode": 302, "responseHeaders": [{"name": "Location", "value": onward}]}
        await self._send("Fetch.fulfillRequest", {"requestId": paused["requestId"], **answer}, tab)


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Browser]:
    """A browser that keeps what it keeps in a folder; gone at the end."""
    found = program()
    assert found is not None
    # Root may not use Chromium's own sandbox; it shows only our own pages here.
    own = ["--no-sandbox"] if os.geteuid() == 0 else []
    command = [found, *_SWITCHES, *own, f"--user-data-dir={folder}", "about:blank"]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                line = (await process.stderr.readline()).decode()
                assert line, "the browser ended at its start"
                if "DevTools listening on " in line:
                    break
        address = line.partition("listening on ")[2].strip()
        async with aiohttp.ClientSession() as http, http.ws_connect(address, max_msg_size=0) as socket:
            yield Browser(socket)
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    with_children = -process.pid
    try:
        os.kill(with_children, 15)
        async with asyncio.timeout(10):
            while await process.stderr.read(65536):
                pass
            await process.wait()
    except ProcessLookupError:
        await process.wait()
    except TimeoutError:
        os.kill(with_children, 9)
        await process.wait()
