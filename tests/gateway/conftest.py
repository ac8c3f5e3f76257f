"""One town for each test file: making its keys is what takes time."""

from __future__ import annotations

import io
import logging
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from town import Town, running

from dcrgw.edge.logging import set_up_logging


@pytest.fixture(scope="module", autouse=True)
def log() -> Iterator[io.StringIO]:
    """The log as `dcrgw run` writes it, into memory."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    written = set_up_logging("json", stream=stream)
    yield stream
    written.stop()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """A running sandbox with its gateway, shared by a file: tests leave the directory as they found it.

    A file's own functions `edit` and `adjust`, where it has them, change the configuration before each start; with
    its `has_scripts` the bank runs the example scripts.
    """
    own = {
        name: getattr(request.module, name)
        for name in ("edit", "adjust", "has_scripts")
        if hasattr(request.module, name)
    }
    async with running(tmp_path_factory.mktemp("sandbox"), **own) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def warm_town(town: Town) -> Town:
    """The town after a first registration: the gateway holds every key set, so that a refusal needs no question."""
    assert (await town.post(await town.body())).status == 201
    return town
