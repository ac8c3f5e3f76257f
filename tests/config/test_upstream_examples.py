"""The configurations of docs/examples/upstreams are taken as they stand."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from bank_configuration import settings

EXAMPLES = sorted((Path(__file__).parents[2] / "docs/examples/upstreams").glob("*/dcrgw.toml"))


def test_there_are_examples() -> None:
    assert {each.parent.name for each in EXAMPLES} >= {"keycloak", "hydra"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.parent.name)
def test_the_example_is_taken(example: Path) -> None:
    (market,) = tomllib.loads(f"[[market]]\n{example.read_text()}")["market"]
    taken = settings({"market[0].upstream": market["upstream"], "registry.sealing_keys": ["env:SEAL"]})
    assert taken.markets[0].upstream is not None
    assert taken.markets[0].upstream.kind == example.parent.name
