"""What passes and what fails each check, for `dcrgw checks`: from the tables that the tests post to a gateway."""

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

DOCS = Path(__file__).parent
#: Of each check, so many wrong requests: a reader wants an idea, not the test.
_MOST = 3


def render() -> str:
    """The file's text: check id -> fix, profiles, passes, fails."""
    sys.path.insert(0, str(DOCS.parent / "tests" / "gateway"))
    wrongs = importlib.import_module("answers_page").wrongs()
    fixes: dict[str, str] = tomllib.loads((DOCS / "fixes.toml").read_text())
    profiles = {market.name: market.profile for market in MARKETS}
    found: dict[str, dict[str, Any]] = {}
    for wrong in wrongs:
        for check in wrong.checks:
            entry = found.setdefault(check, {"fix": "", "profiles": [], "passes": [], "fails": []})
            profile = profiles[wrong.market]
            if profile not in entry["profiles"]:
                entry["profiles"].append(profile)
            if len(entry["fails"]) < _MOST:
                entry["fails"].append({"sends": wrong.sends, "profile": profile, "error": wrong.error.value})
    for check in CATALOGUE:
        fix = fixes.get(check) or fixes.get(check.partition(".")[2] if ".jws." in check else "", "")
        passes = _passing(check)
        if fix or passes or check in found:
            entry = found.setdefault(check, {"fix": "", "profiles": [], "passes": [], "fails": []})
            entry["fix"], entry["passes"] = fix, passes
            entry["profiles"].sort()
    return json.dumps(found, indent=1, sort_keys=True) + "\n"


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
