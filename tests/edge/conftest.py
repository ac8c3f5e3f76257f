"""A listener on a free port, a raw client, and everything that the edge said meanwhile."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from dcrgw.edge.answers import json_answer
from dcrgw.edge.connection import Connection
from dcrgw.edge.exchange import Exchange
from dcrgw.edge.limits import Limits
from dcrgw.edge.listeners import Listener

#: The generous bound within which something must have happened. Nothing is asserted to take long.
SOON_S = 60

LIMITS = Limits()


@dataclass
class Events:
    """A sink that remembers."""

    seen: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, event: str, /, **fields: Any) -> None:
        self.seen.append((event, fields))
        self._changed.set()

    def named(self, event: str) -> list[dict[str, Any]]:
        return [fields for name, fields in self.seen if name == event]

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(SOON_S):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    async def first(self, event: str) -> dict[str, Any]:
        await self.until(lambda: bool(self.named(event)))
        return self.named(event)[0]


@dataclass(frozen=True)
class Answer:
    """A response as it stood on the wire."""

    status: int
    headers: dict[str, str]
    body: bytes
    version: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def checks(self) -> list[str]:
        return [error["check"] for error in self.json["errors"]]


class Client:
    """One connection that sends bytes and reads responses."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self, *, head: bool = False) -> Answer:
        async with asyncio.timeout(SOON_S):
            start, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("ascii").split("\r\n")
            version, status, _ = start.split(" ", 2)
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines if line)}
            length = 0 if head else int(headers.get("content-length", "0"))
            return Answer(int(status), headers, await self.reader.readexactly(length), version)

    async def closed(self) -> bool:
        """True once the other end has closed; fails when it does not."""
        async with asyncio.timeout(SOON_S):
            try:
                return await self.reader.read() == b""
            except ConnectionError:
                return True

    async def ask(self, data: bytes) -> Answer:
        self.send(data)
        return await self.answer()


async def echo(request: web.BaseRequest, exchange: Exchange) -> web.StreamResponse:
    """Tells what arrived, so that a test sees what the handler saw."""
    body = await request.read()
    seen = {"method": request.method, "path": request.raw_path, "length": len(body)}
    return json_answer(200, seen, exchange)


class Edge:
    """Starts listeners and clients, and ends them all."""

    def __init__(self) -> None:
        self.events = Events()
        self._listeners: list[Listener] = []
        self._clients: list[Client] = []
        self.address = ("", 0)
        #: How far the loop's clock is ahead of the machine's.
        self.ahead_s = 0.0

    def later(self, seconds: float) -> None:
        """Let the loop's clock go forward: what is due in that time is due now."""
        self.ahead_s += seconds

    async def until_each(self, holds: Callable[[Connection], object]) -> None:
        """Wait until there is a connection, and this is true of each that the listeners have."""
        async with asyncio.timeout(SOON_S):
            while True:
                connections = [each for listener in self._listeners for each in listener._connections]
                if connections and all(each.was_made and holds(each) for each in connections):
                    return
                await asyncio.sleep(0.005)

    async def listen(self, handler: Any = echo, *, limits: Limits = LIMITS, **more: Any) -> Listener:
        listener = Listener("register", handler, limits=limits, on_event=self.events, **more)
        self.address = await listener.start()
        self._listeners.append(listener)
        return listener

    async def connect(self, context: ssl.SSLContext | None = None, **more: Any) -> Client:
        name = {"server_hostname": "localhost"} if context is not None else {}
        async with asyncio.timeout(SOON_S):
            client = Client(*await asyncio.open_connection(*self.address, ssl=context, **name, **more))
        self._clients.append(client)
        return client

    async def ask(self, data: bytes) -> tuple[Answer, Client]:
        client = await self.connect()
        return await client.ask(data), client

    async def end(self) -> None:
        for client in self._clients:
            client.writer.transport.abort()
        for listener in self._listeners:
            await listener.close()
        await asyncio.sleep(0)


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    noise: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: noise.append(context))
    made = Edge()
    asyncio.get_running_loop().time = lambda: time.monotonic() + made.ahead_s
    yield made
    await made.end()
    assert noise == []


def head(method: str = "POST", path: str = "/register", version: str = "1.1", **headers: str) -> bytes:
    """A request head; header names have underscores for hyphens."""
    lines = [f"{method} {path} HTTP/{version}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in {"Host": "bank.example", **headers}.items()]
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.fixture
def request_head() -> Callable[..., bytes]:
    return head
