"""The catalogue of checks with what is written about each: examples, the profiles that use it, what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from dcrgw.core.checks import CATALOGUE

_NOTHING: Mapping[str, Any] = {"fix": "", "profiles": [], "passes": [], "fails": []}


def whole() -> Iterator[dict[str, Any]]:
    """Every check that is declared by now: `dcrgw.app` imports them all."""
    for each in CATALOGUE.values():
        said = {"rule": each.sentence, "spec": each.spec, "error": each.code.value, "status": each.status}
        yield {"check": each.id, **said, **_NOTHING, **_examples().get(each.id, {})}


def to_do(check: str) -> str:
    """What somebody does about it whose request it refuses, in Markdown's words; empty where nothing is written."""
    return str(_examples().get(check, _NOTHING)["fix"])


@cache
def _examples() -> dict[str, dict[str, Any]]:
    """Made by `docs.generate`."""
    text = (resources.files("dcrgw.compliance") / "examples.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, Any]] = json.loads(text)
    return found
