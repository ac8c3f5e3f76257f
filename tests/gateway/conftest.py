"""One town for each test file: making its keys is what takes time."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from town import Town, own_of, running
from town_log import log

__all__ = ["log"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """A running sandbox with its gateway, shared by a file: tests leave the directory as they found it.

    A file's own functions `edit` and `adjust`, where it has them, change the configuration before each start; with
    its `has_scripts` the bank runs the example scripts.
    """
    async with running(tmp_path_factory.mktemp("sandbox"), **own_of(request.module)) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def warm_town(town: Town) -> Town:
    """The town after a first registration: the gateway holds every key set, so that a refusal needs no question."""
    assert (await town.post(await town.body())).status == 201
    return town
