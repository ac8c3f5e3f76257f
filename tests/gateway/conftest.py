"""One town for each test file: making its keys is what takes time."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from town import Town, running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """A running sandbox with its gateway, shared by a file: tests leave the directory as they found it."""
    async with running(tmp_path_factory.mktemp("sandbox")) as opened:
        yield opened
