"""G4, G9 and G11: the whole gateway on signed OB UK requests."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from bench.contest import Arena, Entry
from bench.floor import Floor
from bench.goals import GOALS, Measured, told_of_client
from bench.inprocess import script_costs
from bench.load import Load
from bench.servers import Gateway
from bench.town import UK, Town

#: More than one process answers in a second.
_PER_SECOND = 2500
_WARM_S = 2.0
_FIRST = 32


async def measure(town: Town, arena: Arena, *, seconds: float) -> list[Measured]:
    """Both goals. The directory is alive; its word and all key sets are cached as configured for production."""
    load = signed_load(town, seconds=seconds)
    return [await _cpu(town, arena, load), await measure_fetches(town, arena, load)]


def signed_load(town: Town, *, seconds: float) -> Load:
    """Enough signed requests for one run; the next run has a registry that does not know them."""
    return Load(
        bodies=town.signed_bodies(int(_PER_SECOND * (_WARM_S + seconds))),
        certificate=town.certificate,
        media_type="application/jose",
        warm_s=_WARM_S,
        seconds=seconds,
    )


async def _cpu(town: Town, arena: Arena, load: Load) -> Measured:
    measured, floor, gateway = Measured(GOALS["G4"]), Floor(town), Gateway(town, UK)
    for number in range(arena.rounds):
        before = floor.cpu_us()
        figures = await arena.run(Entry(gateway, load))
        floor_us = (before + floor.cpu_us()) / 2
        measured.rounds.append({gateway.name: figures, "floor_us": floor_us})
        measured.ratios.append(figures["server_cpu_us"] / floor_us)
        print(
            f"  G4 OB UK, round {number + 1}: {figures['rps']:.0f}/s, {figures['server_cpu_us']:.0f} us CPU each,"
            f" floor {floor_us:.0f} us, client {figures['client_share']:.0%}",
            flush=True,
        )
    return told_of_client(measured, [found[gateway.name]["client_share"] for found in measured.rounds])


async def measure_scripts(town: Town, arena: Arena, *, seconds: float) -> list[Measured]:
    """G9: what a trivial script adds to a registration in process, by the whole gateway's CPU for one without it.

    The difference of two runs of the whole gateway would drown in what another tenant of the machine does meanwhile,
    so the added part is measured in process, in short turns, and only what it is compared with comes from a run.
    """
    found = {mode: Measured(GOALS[goal]) for mode, goal in (("inline", "G9"), ("worker", "G9b"))}
    gateway = Gateway(town, UK, None)
    for number in range(arena.rounds):
        added = await script_costs(town, arena.folder)
        # Made anew: the bodies of both stand in one file.
        without = (await arena.run(Entry(gateway, signed_load(town, seconds=seconds))))["server_cpu_us"]
        for mode, measured in found.items():
            measured.rounds.append({"added_us": added[mode], "registration_us": without})
            measured.ratios.append(added[mode] / without)
        told = ", ".join(f"{mode} {each:.0f} us" for mode, each in added.items())
        print(f"  G9 OB UK, round {number + 1}: {told}, a registration without it {without:.0f} us", flush=True)
    return list(found.values())


async def measure_fetches(town: Town, arena: Arena, load: Load) -> Measured:
    """How often each URL is asked while the first requests of a cold gateway come at once."""
    measured = Measured(GOALS["G11"])
    first = replace(load, connections=_FIRST, limit=_FIRST, warm_s=0.0, seconds=30.0)
    for _ in range(arena.rounds):
        town.session.traffic.reset()
        figures = await arena.run(Entry(Gateway(town, UK), first))
        asked = Counter(arrival.path.partition("?")[0] for arrival in town.session.traffic.arrivals)
        measured.rounds.append({"gateway": figures, "fetches": dict(asked)})
        measured.ratios.append(float(max(asked.values())))
    return measured
