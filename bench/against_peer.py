"""G1, G1b, G2: plain RFC 7591 registrations, the gateway beside npm oidc-provider."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench.contest import Arena, Entry
from bench.goals import GOALS, Measured, told_of_client
from bench.load import Load
from bench.servers import Gateway, Peer
from bench.town import PLAIN, Town

#: More than any contender here answers in a second.
_PER_SECOND = 6000
_PER_SECOND_EACH = 800
#: Handshakes are the work of the second contest: fewer at once, as many as keep a core busy.
_CONNECTIONS_EACH = 8


async def measure(town: Town, arena: Arena, node: str, peer: Path, *, warm_s: float, seconds: float) -> list[Measured]:
    """The three goals. `warm_s` is for both, since the peer's compiler needs it."""
    contenders = (Gateway(town, PLAIN), Peer(town, node, peer))
    kept = Load(
        bodies=town.plain_bodies(int(_PER_SECOND * (warm_s + seconds))),
        certificate=town.certificate,
        media_type="application/json",
        warm_s=warm_s,
        seconds=seconds,
    )
    rounds = await arena.fight([Entry(each, kept) for each in contenders], "G1 kept alive")
    rate, cpu = Measured(GOALS["G1"], rounds=rounds), Measured(GOALS["G1b"])
    ours, theirs = (each.name for each in contenders)
    rate.ratios = [found[ours]["rps"] / found[theirs]["rps"] for found in rounds]
    cpu.ratios = [found[theirs]["server_cpu_us"] / found[ours]["server_cpu_us"] for found in rounds]
    fresh = replace(
        kept,
        bodies=town.plain_bodies(int(_PER_SECOND_EACH * (warm_s + seconds))),
        connections=_CONNECTIONS_EACH,
        each=True,
    )
    rounds = await arena.fight([Entry(each, fresh) for each in contenders], "G2 connection each")
    each = Measured(GOALS["G2"], rounds=rounds)
    each.ratios = [found[ours]["rps"] / found[theirs]["rps"] for found in rounds]
    for measured in (rate, each):
        told_of_client(measured, [figures["client_share"] for found in measured.rounds for figures in found.values()])
    return [rate, cpu, each]
