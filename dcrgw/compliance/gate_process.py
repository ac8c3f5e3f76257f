"""The process in which a change is tried: decides bundles by what serves and by what would serve, and tells as it goes.

Its orders come on standard input: one line of JSON with both (`carrying`), then a line for each bundle, {"path"} or
{"name", "size"} with so many bytes behind it. It answers with a line of JSON for each bundle. It is started by `gate`,
with an empty environment, and runs scripts, so that nothing of the gateway's is in it but what it was told.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from dcrgw.compliance.bundle import Bundle, write
from dcrgw.compliance.carrying import delivered
from dcrgw.compliance.comparing import Shift, shift
from dcrgw.compliance.kept import text_of
from dcrgw.compliance.outcomes import Outcome, recorded_outcome
from dcrgw.compliance.replay import UNKNOWN, Undecidable
from dcrgw.compliance.settings import Deciding, Foreign, deciding, tell_nobody
from dcrgw.compliance.sources import Found, bundles_of, found_in
from dcrgw.errors import GatewayError
from dcrgw.scripting.runners import Runners

#: How nice it is to the gateway beside it.
_NICE = 10
#: Lines told of one changed decision, and characters of a line.
_MOST_LINES, _LONGEST = 6, 300
#: What is no decision at all: where what serves comes to none, the recorded one stands for it.
_NO_DECISION = ("unavailable", "misconfigured", "failed", UNKNOWN)

Told = dict[str, Any]


def main() -> None:
    """Carry out the orders on standard input."""
    os.nice(_NICE)
    orders, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What an inline script prints or reads must not get between the lines.
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)

    def tell(told: Told) -> None:
        answers.write(json.dumps(told) + "\n")
        answers.flush()

    try:
        asyncio.run(_try(orders, tell))
    except GatewayError as error:
        tell({"failed": str(error)[:_LONGEST]})
        sys.exit(1)


async def _try(orders: BinaryIO, tell: Any) -> None:
    both = json.loads(orders.readline())
    serving, wanted = delivered(both["serving"], "serving"), delivered(both["wanted"], "wanted")
    runners = Runners(wanted.scripts.workers, tell_nobody)
    try:
        async with (
            deciding(serving.rules, runners=runners) as before,
            deciding(wanted.rules, runners=runners) as after,
        ):
            seen: set[bytes] = set()
            for found in _bundles(orders):
                told = {"repeated": 1} if _is_repeated(found, seen) else await _judged(found, before, after)
                tell({"name": _name(found), **told})
    finally:
        await runners.close()
    tell({"ended": True})


def _bundles(orders: BinaryIO) -> Iterator[Found]:
    while line := orders.readline():
        order = json.loads(line)
        if "path" in order:
            yield from bundles_of([Path(order["path"])], for_replay=True)
        else:
            yield found_in(orders.read(order["size"]), Path(order["name"]), for_replay=True)


def _is_repeated(found: Found, seen: set[bytes]) -> bool:
    """Whether the same decision came already, from the folder or from the record.

    It is known by all that it says: where two of one id say different things, both are tried.
    """
    if found.bundle is None:
        return False
    # Read for a replay, it has the journal's questions beside it.
    digest = sha256(write(found.bundle) + text_of(found.bundle.questions).encode()).digest()
    if digest in seen:
        return True
    seen.add(digest)
    return False


async def _judged(found: Found, before: Deciding, after: Deciding) -> Told:
    bundle = found.bundle
    if bundle is None:
        return {"fault": found.fault[:_LONGEST]}
    try:
        earlier, later = await _decided(bundle, before), await _decided(bundle, after)
    except Undecidable as undecidable:
        return {"fault": str(undecidable)[:_LONGEST]}
    if later is None:
        return (
            {"change": f"market {bundle.market.name} is gone", "lines": []} if earlier is not None else {"foreign": 1}
        )
    if earlier is None or earlier.decided.decision.startswith(_NO_DECISION):
        earlier = recorded_outcome(bundle)
    differs = shift(earlier, later)
    if differs.is_effect or later.decided.decision == UNKNOWN:
        return {"change": f"{bundle.operation} in {bundle.market.name}: {differs.sentence}", "lines": _lines(differs)}
    return {"findings": 1} if differs else {}


async def _decided(bundle: Bundle, rules: Deciding) -> Outcome | None:
    try:
        return await rules.decide(bundle)
    except Foreign:
        return None


def _lines(differs: Shift) -> list[str]:
    """What says most: why there is no decision, what failed, what is stored otherwise; the rest follows from it."""
    told = [differs.why] if differs.why else []
    told += [each.words for each in differs.checks if "failed" in (each.before, each.after)]
    told += [each.words for each in differs.stored]
    return [line[:_LONGEST] for line in told[:_MOST_LINES]]


def _name(found: Found) -> str:
    return found.path.name.removesuffix(".bundle.json")


if __name__ == "__main__":
    main()
