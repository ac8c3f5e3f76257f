"""What a town writes while it runs."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Iterator

import pytest

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


async def until_written(log: io.StringIO, words: str) -> None:
    """Wait until these words stand in it: a thread writes it, a moment later."""
    async with asyncio.timeout(60):
        while words not in log.getvalue():  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
