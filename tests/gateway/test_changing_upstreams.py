"""The server behind a market comes late, goes away and is changed while the gateway serves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from staged_as import FakeAs, behind
from town import Town, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

MARKET = "generic"
PART = f"authorization server of {MARKET}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def late(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Town, FakeAs]]:
    """A gateway that started while nothing stood behind it."""
    folder = tmp_path_factory.mktemp("late")
    async with FakeAs() as server:
        await server.stop()
        async with running(folder, behind(MARKET, server, folder)) as town:
            yield town, server


def reason(town: Town) -> str:
    assert town.gateway is not None
    return next(each.reason for each in town.gateway.health.conditions if each.component == PART)


async def test_a_server_that_comes_late_is_found(late: tuple[Town, FakeAs]) -> None:
    town, server = late
    assert town.gateway is not None
    assert not town.gateway.health.ready
    assert "see whether it runs" in reason(town)
    reply = await town.post(await town.body(MARKET), MARKET)
    assert reply.status == 503
    assert int(reply.headers["Retry-After"]) >= 1
    await server.start()
    async with asyncio.timeout(60):
        while not town.gateway.health.ready:  # noqa: ASYNC110 - its watch tells nobody else
            await asyncio.sleep(0.1)
    assert (await town.post(await town.body(MARKET), MARKET)).status == 201


async def test_a_change_to_a_server_that_is_not_there_is_refused(late: tuple[Town, FakeAs]) -> None:
    town, server = late
    assert town.gateway is not None
    config = town.session.config
    good, generation = config.read_text(), town.gateway.generation
    async with FakeAs(issuer="https://another.example", trust=server.trust) as foreign:
        for url in ("https://localhost:1", foreign.url):
            config.write_text(good.replace(server.url, url))
            assert (await town.gateway.reload()).faults
            assert town.gateway.generation == generation
    config.write_text(good)
    assert (await town.post(await town.body(MARKET), MARKET)).status == 201
