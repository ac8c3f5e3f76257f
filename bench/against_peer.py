"""G1, G1b, G2: plain RFC 7591 registrations, the gateway and its bare edge beside npm oidc-provider."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.contest import Arena, Entry
from bench.goals import GOALS, Measured, told_of_client
from bench.load import Load
from bench.servers import Bare, Gateway, Peer
from bench.town import PLAIN, Town

#: More than any contender here answers in a second.
_PER_SECOND = 12_000
_PER_SECOND_EACH = 800
#: Handshakes are the work of the second contest: fewer at once, as many as keep a core busy.
_CONNECTIONS_EACH = 8


async def measure(town: Town, arena: Arena, node: str, peer: Path, *, warm_s: float, seconds: float) -> list[Measured]:
    """The three goals, each beside what no gateway of this build could pass.

    `warm_s` is for all contenders, since the peer's compiler needs it.
    """
    contenders = (Gateway(town, PLAIN), Bare(town), Peer(town, node, peer))
    kept = Load(
        bodies=town.plain_bodies(int(_PER_SECOND * (warm_s + seconds))),
        certificate=town.certificate,
        media_type="application/json",
        warm_s=warm_s,
        seconds=seconds,
    )
    rounds = await arena.fight([Entry(each, kept) for each in contenders], "G1 kept alive")
    results = [
        *(_ratios(goal, name, "rps", rounds) for goal, name in (("G1", "gateway"), ("G1-bare", "bare"))),
        *(_ratios(goal, name, "server_cpu_us", rounds) for goal, name in (("G1b", "gateway"), ("G1b-bare", "bare"))),
    ]
    fresh = replace(
        kept,
        bodies=town.plain_bodies(int(_PER_SECOND_EACH * (warm_s + seconds))),
        connections=_CONNECTIONS_EACH,
        each=True,
    )
    rounds = await arena.fight([Entry(each, fresh) for each in contenders], "G2 connection each")
    return [*results, *(_ratios(goal, name, "rps", rounds) for goal, name in (("G2", "gateway"), ("G2-bare", "bare")))]


def _ratios(goal: str, ours: str, figure: str, rounds: list[dict[str, Any]]) -> Measured:
    """One goal of a contest: rates are ours over the peer's, costs the peer's over ours."""
    measured = Measured(GOALS[goal], rounds=rounds)
    pairs = [(found[ours][figure], found[Peer.name][figure]) for found in rounds]
    measured.ratios = [mine / theirs if figure == "rps" else theirs / mine for mine, theirs in pairs]
    return told_of_client(measured, [found[name]["client_share"] for found in rounds for name in (ours, Peer.name)])
