"""Recorded requests about registrations, sent live to any bank: is it answered there as it was decided here?"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable
from functools import cache

from dcrgw.compliance.bundle import Bundle
from dcrgw.compliance.conformance import loading, playing, recorded
from dcrgw.compliance.conformance import recorded_cases as cases
from dcrgw.compliance.conformance.filling import Lacking
from dcrgw.compliance.conformance.hooks import HookFailed
from dcrgw.compliance.conformance.pack import Case, Pack
from dcrgw.compliance.conformance.phone import Phone
from dcrgw.compliance.conformance.playing import Played
from dcrgw.compliance.conformance.recorded_cases import NotLive
from dcrgw.compliance.conformance.scene import Bank
from dcrgw.compliance.sources import SUFFIX, Found
from dcrgw.tpp.credentials import CredentialsUnusable

#: How a registration is cleared away where no pack is of the bundle's profile.
_PLAIN = "rfc7591"
_NOTHING = Case.model_validate(
    {"id": "recorded", "title": "A recorded decision", "clause": "-", "steps": [{"do": "register", "expect": [{}]}]}
)


@cache
def pack_of(profile: str) -> Pack:
    """The pack of a profile: how its registrations are managed."""
    packs = {pack.profile: pack for pack in map(loading.load, reversed(loading.names()))}
    found = packs.get(profile) or packs[_PLAIN]
    # Any bank is asked, also one that manages its clients in another way than the one that recorded.
    return found.model_copy(update={"management": "as-given"})


async def replayed(found: Iterable[Found], bank: Bank, phone: Phone) -> AsyncIterator[Played]:
    """Each bundle's request, sent in the tester's name; passed where status and error are those of the recording."""
    for each in found:
        name = each.path.name.removesuffix(SUFFIX)
        if each.bundle is None:
            yield Played(_NOTHING, name, _NOTHING.title, "-", verdict="broken", reason=each.fault)
        else:
            yield await _sent(each.bundle, name, bank, phone)


async def _sent(bundle: Bundle, name: str, bank: Bank, phone: Phone) -> Played:
    try:
        cases.answered(bundle)
        restated = await recorded.restate(bundle, bank, time.time())
        case, variables = cases.case_of(bundle, restated)
    except (NotLive, Lacking) as error:
        why = f"this needs {error.args[0]}" if isinstance(error, Lacking) else str(error)
        return Played(_NOTHING, name, _NOTHING.title, "-", verdict="skipped", reason=why)
    except (HookFailed, CredentialsUnusable) as error:
        return Played(_NOTHING, name, _NOTHING.title, "-", verdict="broken", reason=str(error))
    played = await playing.play(pack_of(bundle.market.profile.name), bank, case, variables, name, phone)
    own = cases.STEPS[bundle.operation]
    if played.verdict == "failed" and not any(each.do == own and each.received for each in played.exchanges):
        played.verdict = "broken"
        played.reason = f"there is no client to {own}: {played.reason}"
    if restated.notes and played.verdict != "passed":
        played.reason += f" (note: {'; '.join(restated.notes)})"
    return played
