"""`dcrgw replay --tpp`: recorded registrations, sent to a live bank."""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from dcrgw.cli import live
from dcrgw.compliance.conformance import replaying, running, tester
from dcrgw.compliance.conformance.phone import Phone
from dcrgw.compliance.conformance.playing import Played
from dcrgw.compliance.conformance.telling import Run
from dcrgw.compliance.sources import Found

_UNREADABLE = 2


def replay_live(
    found: Sequence[Found],
    count: int,
    file: Path,
    *,
    against: str | None,
    market: str | None,
    timeout: float,
    rate: float,
    form: str,
    out: Path | None,
) -> None:
    """Send each bundle's request to the bank, tell what came of it, and end the process with the run's status."""
    profiles = dict.fromkeys(each.bundle.market.profile.name for each in found if each.bundle is not None)
    profile, *others = profiles or [""]
    with live.exit_statuses():
        tests = tester.load(file, profile=profile, market=market, others=() if against else others)
        tests = tests.against(against) if against else tests
        place = tests.own.bank.registration_endpoint or ""
        result = Run(replaying.pack_of(profile), place, time.time(), name="replay")

        async def play(opened: Phone) -> AsyncIterator[tuple[Played, int]]:
            bank = await running.known(tests, opened)
            async for played in replaying.replayed(found, bank, opened):
                yield played, count

        live.carry_out(result, tests, play, timeout=timeout, rate=rate, form=form, transcript=False)
    live.report(result, form, out)
    sys.exit(_UNREADABLE if any(each.bundle is None for each in found) else live.status(result))
