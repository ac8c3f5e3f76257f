"""Runs a pack: its cases one after the other, each cleared away before the next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dcrgw.compliance.conformance import playing, scene
from dcrgw.compliance.conformance.filling import Lacking
from dcrgw.compliance.conformance.pack import Case, Pack
from dcrgw.compliance.conformance.phone import Phone
from dcrgw.compliance.conformance.playing import Played
from dcrgw.compliance.conformance.scene import Bank
from dcrgw.compliance.conformance.tester import Tester
from dcrgw.compliance.conformance.wording import listed
from dcrgw.tpp import discovery
from dcrgw.tpp.client import Answer
from dcrgw.tpp.prepared import Moment
from dcrgw.tpp.setup import Incomplete


@dataclass(frozen=True, slots=True)
class Planned:
    """One case to play, with the values of its variant; `lacks` says why it cannot be played at all."""

    case: Case
    name: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    lacks: str = ""


def plan(pack: Pack, bank: Bank, only: tuple[str, ...] = ()) -> list[Planned]:
    """Every case of the pack, variants spread out; `only` are ids of cases, of variants, or their beginnings."""
    found = [each for case in pack.case for each in _variants(case, bank)]
    return [each for each in found if not only or any(_is_meant(each, name) for name in only)]


def unmet_wishes(pack: Pack, bank: Bank, only: tuple[str, ...]) -> list[str]:
    """The ids among `only` that name no case."""
    everything = plan(pack, bank)
    return [name for name in only if not any(_is_meant(each, name) for each in everything)]


async def known(tester: Tester, phone: Phone) -> Bank:
    """The bank, with what its discovery document says where it has one.

    Raises: ConnectionTrouble, DiscoveryFailed, CredentialsUnusable.
    """
    try:
        request = discovery.prepare(tester.own.setup(), Moment())
    except Incomplete:
        return Bank(tester)
    answer = await phone.send(request.outgoing)
    return _learnt(tester.knowing(well_known=request.outgoing.url), answer)


def _learnt(tester: Tester, answer: Answer) -> Bank:
    learnt = discovery.learnt(tester.own.setup(), answer)
    members = dict(answer.members)
    aliases = members.get("mtls_endpoint_aliases")
    places = {**members, **(aliases if isinstance(aliases, dict) else {})}
    where = places.get("registration_endpoint")
    registration = where if isinstance(where, str) else None
    wiser = tester.knowing(
        registration_endpoint=registration, token_endpoint=learnt.token_endpoint, issuer=learnt.issuer
    )
    return Bank(wiser, members)


async def run(pack: Pack, bank: Bank, planned: list[Planned], phone: Phone) -> AsyncIterator[Played]:
    """Each case as it ends. After three cases without any answer the rest is not tried."""
    silent = 0
    for each in planned:
        if each.lacks or silent >= 3:
            verdict, reason = ("skipped", each.lacks) if each.lacks else ("broken", "the bank has stopped answering")
            filled = scene.opened(pack, bank, each.case, each.variables).values.plainly
            title, clause, severity = map(filled, (each.case.title, each.case.clause, each.case.severity))
            yield Played(each.case, each.name, title, clause, severity, verdict, reason)
            continue
        played = await playing.play(pack, bank, each.case, each.variables, each.name, phone)
        silent = silent + 1 if played.is_silence else 0
        yield played
        if played.interrupted:
            raise asyncio.CancelledError


def _variants(case: Case, bank: Bank) -> Iterator[Planned]:
    if case.each_of is not None:
        try:
            values = scene.offered(bank, case.each_of)
        except Lacking as lacking:
            usual = {"as": listed(case.each_of.usual)}
            yield Planned(case, case.id, usual, lacks=f"this needs {lacking.args[0]}")
            return
        yield from (Planned(case, f"{case.id}[{value}]", {"as": value}) for value in values)
    elif case.each:
        for each in case.each:
            variables = each if isinstance(each, dict) else {"as": each}
            yield Planned(case, f"{case.id}[{variables['as']}]", variables)
    else:
        yield Planned(case, case.id)


def _is_meant(planned: Planned, name: str) -> bool:
    return name in (planned.name, planned.case.id) or planned.name.startswith(f"{name}.")
