"""Packs played against the town's markets, and what is to come of them.

Meanwhile it is seen that whatever judges in a market is listed as used by its profile.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import resources

from town import Town

from dcrgw.compliance.conformance import loading, phone, running, tester
from dcrgw.compliance.conformance.playing import Played
from dcrgw.core.checks import Verdict

_NO_SECRETS = {"register.secret-expiry"}
_NO_CIBA = {f"obuk.ciba.{each}" for each in ("mode-missing", "push", "user-code")}
_ONE_CLIENT = {"manage.stranger[read]", "manage.stranger[update]", "manage.stranger[delete]"}
#: What a market does not have, and the standard does not ask for.
SKIPPED = {
    "br-of": _NO_SECRETS | _ONE_CLIENT,
    "au-cdr": _NO_SECRETS
    | _ONE_CLIENT
    | {f"token.{each}" for each in ("other-certificate", "no-certificate", "subject-spelling")},
    "obuk-3.3": _NO_CIBA,
    "obuk-3.4": _NO_CIBA,
}
#: No market of the sandbox wants one.
_INITIAL_TOKEN = {f"register.initial-token[{each}]" for each in ("none", "an-empty-one", "one-that-nobody-gave")}
#: Packs that share most cases with another one: of these only what sets them apart, unless there is time.
ALIKE = {
    "obuk-3.1": ("register", "obuk", "obuk31"),
    "obuk-3.2": ("register", "obuk", "manage.read"),
    "obuk-3.3": ("register", "obuk", "manage.update"),
    "oidc-registration": ("register", "oidc"),
}


#: The catalogue's word on who uses a check.
USED_BY = json.loads((resources.files("dcrgw.compliance") / "examples.json").read_text("utf-8"))
#: Two files play them, so that two processes may.
UK = tuple(name for name in loading.names() if name.startswith("obuk"))
OTHERS = tuple(name for name in loading.names() if name not in UK)


def patient(text: str) -> str:
    """The configuration with revocation lists that serve again: no case takes a certificate back."""
    assert "renew_s = 0 " in text
    return text.replace("renew_s = 0 ", "renew_s = 600 ")


async def played(town: Town, name: str, only: tuple[str, ...], judged: set[str]) -> list[Played]:
    """What came of a pack, or of some of its cases. `judged` gets the checks that said yes or no meanwhile."""
    pack = loading.load(name)
    tests = tester.load(town.folder / "sandbox.json", profile=pack.profile)
    async with phone.phone(tests, timeout_s=30, pause_s=0) as opened:
        bank = await running.known(tests, opened)
        planned = running.plan(pack, bank, only)
        cases, before = [], _newest(town)
        async for each in running.run(pack, bank, planned, opened):
            cases.append(each)
            judged |= set(_judged_since(town, before, pack.profile))
            before = _newest(town)
        return cases


def _newest(town: Town) -> str:
    return town.gateway.recent.kept[-1][0].report_id if town.gateway.recent.kept else ""


def _judged_since(town: Town, before: str, profile: str) -> Iterator[str]:
    """The checks of every report after that one about the profile's market that did not skip."""
    markets = town.gateway.materials.markets
    for report, _ in reversed(town.gateway.recent.kept):
        if report.report_id == before:
            return
        if report.market in markets and markets[report.market].profile.name == profile:
            yield from (each.check.id for each in report.findings if each.verdict is not Verdict.SKIPPED)


async def passes(town: Town, name: str, only: tuple[str, ...] = ()) -> int:
    """How many cases there were, all as the standard demands, and nothing left behind."""
    judged: set[str] = set()
    cases = await played(town, name, only, judged)
    assert judged
    profile = loading.load(name).profile
    assert [check for check in judged if profile not in USED_BY[check]["profiles"]] == []
    assert {each.id: each.reason for each in cases if each.verdict not in ("passed", "skipped")} == {}
    allowed = SKIPPED.get(name, set()) | _INITIAL_TOKEN
    assert {each.id for each in cases if each.verdict == "skipped"} == allowed & {each.id for each in cases}
    assert [each.id for each in cases if each.left_behind] == []
    return len(cases)
