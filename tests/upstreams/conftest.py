"""The servers of docs/examples/upstreams behind a gateway, a town for each test file; what is missing skips by name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from town import Town, own_of, running
from town_log import log

from dcrgw.sandbox.upstream import Program, UpstreamUnusable, program

__all__ = ["log"]


@pytest.fixture(scope="session")
def oidc_provider() -> Program:
    """npm oidc-provider, installed by `npm ci`."""
    try:
        return program("oidc-provider")
    except UpstreamUnusable as unusable:
        pytest.skip(f"oidc-provider: {unusable}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, oidc_provider: Program
) -> AsyncIterator[Town]:
    """As in tests/gateway, with oidc-provider behind each market: tests of that folder may be imported and run here."""
    folder = tmp_path_factory.mktemp("sandbox")
    # A variant of the server lives in a folder of its own and takes the rest from the example.
    behind = replace(oidc_provider, folder=getattr(request.module, "variant", oidc_provider.folder))
    async with running(folder, **own_of(request.module), behind=behind) as opened:
        yield opened
