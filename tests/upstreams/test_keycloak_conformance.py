"""The public suite's walk (tests/gateway) with Keycloak behind every market of OB UK.

The suite makes its assertions for the token endpoint that it finds in the discovery document, which Keycloak does not
take: so the gateway proves them in its place.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from keycloak_town import with_keycloak
from test_conformance_walk import (
    http,
    test_the_oldest_version_answers_a_subject_under_its_own_name_too,
    test_the_scenarios_pass_with_the_oldest_versions_names,
    test_the_suite_passes,
)
from town import Town

__all__ = [
    "http",
    "test_the_oldest_version_answers_a_subject_under_its_own_name_too",
    "test_the_scenarios_pass_with_the_oldest_versions_names",
    "test_the_suite_passes",
]

pytestmark = [pytest.mark.upstreams, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """A realm for each version."""
    markets = ("uk-3.1", "uk-3.2", "uk-3.3", "uk-3.4")
    methods = ["tls_client_auth", "client_secret_basic", "client_secret_post"]
    async with with_keycloak(tmp_path_factory.mktemp("sandbox"), markets, auth_methods=methods, gap="bridge") as opened:
        yield opened
