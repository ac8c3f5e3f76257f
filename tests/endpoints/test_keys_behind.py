"""The keys of a server behind: anybody may ask for them, and the server is asked once in a while."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from dcrgw.endpoints.forwarded import KeysBehind
from dcrgw.errors import Unavailable
from dcrgw.ports.upstream import Asked, Told


class Behind:
    """A server that answers when it is let."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.goes_on = asyncio.Event()
        self.status = 200
        self.seconds = 1000.0

    async def forward(self, market: str, asked: Asked) -> Told:
        self.asked.append(f"{market} {asked.endpoint}")
        await self.goes_on.wait()
        return Told(self.status, (), b'{"keys":[]}')

    @property
    def keys(self) -> KeysBehind:
        ports: Any = SimpleNamespace(upstream=self)
        return KeysBehind(ports, lambda: self.seconds)


UK: Any = SimpleNamespace(name="uk")


async def all_of(keys: KeysBehind, behind: Behind, times: int = 20) -> list[Any]:
    asking = asyncio.gather(*(keys(UK) for _ in range(times)), return_exceptions=True)
    await asyncio.sleep(0)
    behind.goes_on.set()
    return await asking


async def test_however_many_ask_at_once_the_server_is_asked_once() -> None:
    behind = Behind()
    keys = behind.keys
    assert await all_of(keys, behind) == [{"keys": []}] * 20
    assert await keys(UK) == {"keys": []}
    assert behind.asked == ["uk jwks_uri"]
    behind.seconds += 60
    await all_of(keys, behind)
    assert behind.asked == ["uk jwks_uri"] * 2


async def test_failure_is_everybodys_who_asked_meanwhile_and_not_kept() -> None:
    behind = Behind()
    keys = behind.keys
    behind.status = 500
    assert {type(each) for each in await all_of(keys, behind)} == {Unavailable}
    assert len(behind.asked) == 1
    behind.status = 200
    assert await keys(UK) == {"keys": []}


async def test_who_leaves_takes_no_answer_from_the_others() -> None:
    behind = Behind()
    keys = behind.keys
    async with asyncio.TaskGroup() as group:
        first, second = group.create_task(keys(UK)), group.create_task(keys(UK))
        await asyncio.sleep(0)
        first.cancel()
        behind.goes_on.set()
    assert second.result() == {"keys": []}
    with pytest.raises(asyncio.CancelledError):
        first.result()
