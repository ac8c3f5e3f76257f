"""Bundles of every version that was ever written: read, and decided again to the byte, wherever and whenever.

The files under golden/ are of real runs (`tests/gateway/every_decision.py` makes those of a new version) and never
written anew. A test that fails here means that an older bundle is no longer read, or no longer means what it did:
give a new field a default, or `compliance/upgrades.py` a line. Where a rule or its words must change, CHANGES says so.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from older_writers import decided_elsewhere

from dcrgw.compliance import bundle as bundles
from dcrgw.compliance import roll
from dcrgw.compliance.replay import canonical, replay
from dcrgw.compliance.values import labels
from dcrgw.core.checks import CATALOGUE

GOLDEN = sorted(Path(__file__).parent.glob("golden/v*/*.bundle.json"))

#: "v3/registered" -> checks whose finding is another than when the bundle was written, each with a reason in
#: docs/replay.md. There is none so far.
CHANGES: dict[str, set[str]] = {}


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.name.removesuffix('.bundle.json')}"


def test_every_version_has_a_golden_bundle() -> None:
    written = {json.loads(path.read_bytes())["version"] for path in GOLDEN}
    assert written == set(range(1, bundles.VERSION + 1))


@pytest.mark.parametrize("path", GOLDEN, ids=name_of)
def test_a_bundle_of_any_version_comes_out_the_same(path: Path) -> None:
    bundle = bundles.read(path.read_bytes())
    now, then = asyncio.run(replay(bundle)).decided, bundle.decided
    changed = {each[0] for each in {*now.findings} ^ {*then.findings}}
    assert changed == CHANGES.get(name_of(path), set())
    assert now.decision == then.decision
    if not changed:
        assert canonical(now) == canonical(then)


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/St_Johns"])
def test_the_findings_are_the_same_bytes_in_another_zone_and_locale_and_year(zone: str) -> None:
    here = [canonical(asyncio.run(replay(bundles.read(path.read_bytes()))).decided) for path in GOLDEN]
    assert decided_elsewhere(GOLDEN, zone) == here


def test_the_roll_has_every_check_and_every_port_method() -> None:
    """`python -m docs.generate` adds what is missing."""
    import dcrgw.app  # noqa: F401 - declares every check

    assert roll.grown(CATALOGUE, labels()) == "\n".join(roll.lines()) + "\n"
    assert len(set(roll.lines())) == len(roll.lines())
