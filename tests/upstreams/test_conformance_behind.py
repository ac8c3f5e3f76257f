"""The public suite's walk (tests/gateway) with oidc-provider behind every market."""

from __future__ import annotations

import pytest
from test_conformance_walk import (
    http,
    test_the_oldest_version_answers_a_subject_under_its_own_name_too,
    test_the_scenarios_pass_with_the_oldest_versions_names,
    test_the_suite_passes,
)

__all__ = [
    "http",
    "test_the_oldest_version_answers_a_subject_under_its_own_name_too",
    "test_the_scenarios_pass_with_the_oldest_versions_names",
    "test_the_suite_passes",
]

pytestmark = pytest.mark.asyncio(loop_scope="module")
