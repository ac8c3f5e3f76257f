"""What a change of configuration tells: what differs, and nothing else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from bank_configuration import MARKET, settings

from dcrgw.app.reloading import _changes

SEALED = {"path": "registry.sqlite", "sealing_keys": ["env:SEALING_KEY"]}


def materials(**market: Any) -> Any:
    return SimpleNamespace(settings=settings({"registry": SEALED, "market": [{**MARKET, **market}]}))


def test_section_that_came_or_went_tells_what_is_set_in_it() -> None:
    own = {"kind": "hydra", "url": "https://as.inside", "admin_url": "https://admin.inside", "certificate_form": "none"}
    came = _changes(materials(), materials(upstream=own))
    assert "market[0].upstream.url: - -> https://as.inside" in came
    assert not [each for each in came if each.endswith(": - -> -")]
    went = _changes(materials(upstream=own), materials())
    assert [each.partition(":")[0] for each in went] == [each.partition(":")[0] for each in came]


def test_what_stayed_is_not_told() -> None:
    assert _changes(materials(), materials()) == []
