"""How many pages of a bank's own server one network may ask for at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from dcrgw.endpoints.passing import Passage, Passing
from dcrgw.errors import Unavailable
from dcrgw.ports.upstream import Asked

PAGE = Asked("/interaction/7", "GET")


class Ended(Exception):
    """The server's page came to its end."""


class Held:
    """Pages that come when they are let."""

    def __init__(self) -> None:
        self.under_way, self.goes_on = asyncio.Semaphore(0), asyncio.Event()

    @asynccontextmanager
    async def open(self, market: str, asked: Asked) -> AsyncIterator[Any]:
        self.under_way.release()
        await self.goes_on.wait()
        raise Ended
        yield


def passage(address: str) -> Passage:
    connection: Any = SimpleNamespace(when_lost=lambda _: lambda: None)
    request: Any = SimpleNamespace(remote=address, protocol=connection)
    market: Any = SimpleNamespace(name="uk")
    return Passage(request, SimpleNamespace(), market, {})  # type: ignore[arg-type]


async def test_network_that_has_its_pages_under_way_gets_no_other_and_takes_none_from_others() -> None:
    held: Any = Held()
    passing = Passing(held, SimpleNamespace(), idle_s=1, each=2)  # type: ignore[arg-type]

    async def others() -> None:
        for _ in range(2):
            await held.under_way.acquire()
        with pytest.raises(Unavailable):
            await passing(passage("192.0.2.1"), PAGE)
        held.goes_on.set()
        with pytest.raises(Ended):
            await passing(passage("192.0.2.2"), PAGE)

    first = [passing(passage("192.0.2.1"), PAGE) for _ in range(2)]
    outcomes = await asyncio.gather(*first, others(), return_exceptions=True)
    assert [type(each) for each in outcomes] == [Ended, Ended, type(None)]
    # What ended gave its place back.
    with pytest.raises(Ended):
        await passing(passage("192.0.2.1"), PAGE)
