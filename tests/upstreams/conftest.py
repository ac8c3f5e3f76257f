"""The servers of docs/examples/upstreams, as they come: what cannot run them skips by name."""

from __future__ import annotations

import pytest

from dcrgw.sandbox.upstream import Program, UpstreamUnusable, program


@pytest.fixture(scope="session")
def oidc_provider() -> Program:
    """npm oidc-provider, installed by `npm ci`."""
    try:
        return program("oidc-provider")
    except UpstreamUnusable as unusable:
        pytest.skip(f"oidc-provider: {unusable}")
