"""What passes and what fails each check, for `dcrgw checks`: by hand, and from the tables that the tests post."""

from __future__ import annotations

import importlib
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from dcrgw.core.checks import CATALOGUE
from dcrgw.sandbox.gateway_config import MARKETS
from dcrgw.testkit.statements import request_claims, statement_claims
from docs.uses_of_checks import profiles_of

DOCS = Path(__file__).parent
#: Of each check, so many wrong requests: a reader wants an idea, not the test.
_MOST = 3
#: Beginning of the ids of a token's own checks -> what examples call the token.
_TOKENS = {
    "request.jws.": "a request",
    "statement.jws.": "a software statement",
    "client.assertion.jws.": "a client assertion",
    "authorize.object.jws.": "a request object",
}


def render() -> str:
    """The file's text: check id -> fix, profiles, passes, fails."""
    fixes: dict[str, str] = tomllib.loads((DOCS / "fixes.toml").read_text())
    written = tomllib.loads((DOCS / "examples.toml").read_text())
    strangers = written["checks"].keys() - CATALOGUE.keys()
    if strangers:
        raise ValueError(f"docs/examples.toml has no such check: {', '.join(sorted(strangers))}")
    tried = _tried()
    found = {check: _entry(check, fixes, written, tried.get(check, [])) for check in CATALOGUE}
    lines = (f"{json.dumps(check)}: {json.dumps(found[check], sort_keys=True)}" for check in sorted(found))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _entry(check: str, fixes: dict[str, str], written: dict[str, Any], tried: list[dict[str, str]]) -> dict[str, Any]:
    passes, fails = _by_hand(check, written)
    return {
        "fix": fixes.get(check) or fixes.get(check.partition(".")[2] if ".jws." in check else "", ""),
        "profiles": profiles_of(check),
        "passes": [*_passing(check), *filter(None, [passes])],
        "fails": [*({"sends": text, "profile": "", "error": ""} for text in filter(None, [fails])), *tried[:_MOST]],
    }


def _by_hand(check: str, written: dict[str, Any]) -> tuple[str, str]:
    """What passes and what fails, as docs/examples.toml has it; empty where it says nothing."""
    token = next((name for beginning, name in _TOKENS.items() if check.startswith(beginning)), None)
    pair = written["checks"].get(check, ("", "")) if token is None else written["jws"][check.rpartition(".")[2]]
    passes, fails = (text.replace("{token}", token or "") for text in pair)
    return passes, fails


def _tried() -> dict[str, list[dict[str, str]]]:
    """Check -> the wrong requests of the tests' tables that it refuses."""
    sys.path.insert(0, str(DOCS.parent / "tests" / "gateway"))
    wrongs = importlib.import_module("answers_page").wrongs()
    profiles = {market.name: market.profile for market in MARKETS}
    found: dict[str, list[dict[str, str]]] = {}
    for wrong in wrongs:
        told = {"sends": wrong.sends, "profile": profiles[wrong.market], "error": wrong.error.value}
        for check in wrong.checks:
            found.setdefault(check, []).append(told)
    return found


def _passing(check: str) -> list[str]:
    """The member of a right request or statement that the check is about, as far as its id names one."""
    stage, _, rest = check.partition(".")
    claims = {"statement": statement_claims(), "request": request_claims(None), "rules": request_claims(None)}.get(
        stage
    )
    if claims is None:
        return []
    named = rest.partition(".")[0]
    about = [
        name
        for name in (named, f"software_{named}", f"token_endpoint_{named}", f"{named}_subject_dn")
        if name in claims
    ]
    return [f"{name}: {json.dumps(claims[name])}" for name in about[:1]]
