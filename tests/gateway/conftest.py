"""One town for each test file: making its keys is what takes time."""

from __future__ import annotations

import io
import logging
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
import structlog
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
    structlog.reset_defaults()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """A running sandbox with its gateway, shared by a file: tests leave the directory as they found it."""
    async with running(tmp_path_factory.mktemp("sandbox")) as opened:
        yield opened
