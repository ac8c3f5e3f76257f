"""Bundles of every version that was ever written: read, and decided again to the byte, wherever and whenever.

The files under golden/ are never written anew. A test that fails here means that an older bundle is no longer read:
give the new field a default, or `compliance/upgrades.py` a line.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dcrgw.compliance import bundle as bundles
from dcrgw.compliance.bundle import Decided
from dcrgw.compliance.replay import canonical, replay

GOLDEN = sorted(Path(__file__).parent.glob("golden/v*/*.bundle.json"))

#: Checks that came with markets beyond the UK, and with clients of self-signed certificates.
OF_MARKETS = {
    "client.method.listener",
    "rules.jwks.certificate",
    "management.token.scope",
    "rules.grant_types.needed",
    "rules.metadata.forbidden",
    "rules.response_types.members",
    "rules.webhook_uris.form",
    "statement.roles.admitted",
}
#: Checks that there were not yet when the golden bundles of a version were written.
LATER = {
    "v1": {
        "client.assertion.keys",
        "details.rules",
        "identity.psd2.authority",
        "keys.transport.not_revoked",
        "management.token.own_right",
        "rules.authorization_details_types.supported",
        "rules.scope.certified",
        *OF_MARKETS,
    },
    "v2": {"management.token.own_right", *OF_MARKETS},
}


def without_later(outcome: Decided, version: str) -> Decided:
    """The outcome without those, none of which may refuse what passed before."""
    checks = LATER.get(version, set())
    later = [finding for finding in outcome.findings if finding[0] in checks]
    assert not [finding for finding in later if finding[1] in ("failed", "unknown")]
    return replace(outcome, findings=tuple(finding for finding in outcome.findings if finding[0] not in checks))


_REPLAY = """
import asyncio, pathlib, sys, time
time.tzset()
from dcrgw.compliance import bundle as bundles
from dcrgw.compliance.bundle import Decided
from dcrgw.compliance.replay import canonical, replay
for name in sys.argv[1:]:
    bundle = bundles.read(pathlib.Path(name).read_bytes())
    sys.stdout.buffer.write(canonical(asyncio.run(replay(bundle)).decided) + b"\\n")
"""


def test_every_version_has_a_golden_bundle() -> None:
    written = {json.loads(path.read_bytes())["version"] for path in GOLDEN}
    assert written == set(range(1, bundles.VERSION + 1))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_bundle_of_any_version_comes_out_the_same(path: Path) -> None:
    bundle = bundles.read(path.read_bytes())
    replayed = asyncio.run(replay(bundle))
    now = without_later(replayed.decided, path.parent.name)
    assert now.decision == bundle.decided.decision
    # A later dcrgw may judge in another order; what it finds is the same.
    assert sorted(now.findings) == sorted(bundle.decided.findings)
    if path.parent.name == f"v{bundles.VERSION}":
        assert canonical(now) == canonical(bundle.decided)


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/St_Johns"])
def test_the_findings_are_the_same_bytes_in_another_zone_and_locale(zone: str) -> None:
    elsewhere = {**os.environ, "TZ": zone, "LC_ALL": "C", "PYTHONHASHSEED": "7"}
    names = [str(path) for path in GOLDEN]
    ran = subprocess.run([sys.executable, "-c", _REPLAY, *names], env=elsewhere, capture_output=True, check=True)
    here = [canonical(asyncio.run(replay(bundles.read(path.read_bytes()))).decided) for path in GOLDEN]
    assert ran.stdout.splitlines() == here
