"""The packs of Brazil, Australia and the RFCs against the sandbox: all is as they demand, nothing is left behind."""

from __future__ import annotations

import pytest
from pack_runs import ALIKE, OTHERS, passes
from pack_runs import patient as edit  # noqa: F401 - the town reads it
from town import Town

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]


@pytest.mark.parametrize("name", OTHERS)
async def test_the_sandbox_passes_the_pack(town: Town, name: str) -> None:
    assert await passes(town, name, ALIKE.get(name, ())) > (20 if name in ALIKE else 100)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in OTHERS if name in ALIKE])
async def test_the_sandbox_passes_the_whole_pack(town: Town, name: str) -> None:
    assert await passes(town, name) > 100
