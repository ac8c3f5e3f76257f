"""The public suite and the packs (tests/gateway) with oidc-provider behind every market: the essential, and all."""

from __future__ import annotations

import aiohttp
import pytest
from pack_runs import OTHERS, passes
from pack_runs import UK as PACKS_OF_UK
from pack_runs import patient as edit
from test_conformance_walk import METHODS, OLDEST, PROFILES, SCENARIOS, Scenario, configured, http
from town import UK, Town

__all__ = ["edit", "http"]

pytestmark = pytest.mark.asyncio(loop_scope="module")

each_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
ESSENTIAL = [(UK, "private_key_jwt"), (OLDEST, "tls_client_auth")]


@each_scenario
@pytest.mark.parametrize(("market", "method"), ESSENTIAL)
async def test_the_suite_passes_with_a_server_behind(
    town: Town, http: aiohttp.ClientSession, market: str, method: str, scenario: Scenario
) -> None:
    await scenario(await configured(town, http, market, method))


@pytest.mark.upstreams
@each_scenario
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("market", PROFILES)
async def test_the_whole_suite_passes_with_a_server_behind(
    town: Town, http: aiohttp.ClientSession, market: str, method: str, scenario: Scenario
) -> None:
    await scenario(await configured(town, http, market, method))


@pytest.mark.upstreams
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", [*PACKS_OF_UK, *OTHERS])
async def test_the_pack_passes_with_a_server_behind(town: Town, name: str) -> None:
    assert await passes(town, name) > 100
