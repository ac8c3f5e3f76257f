"""`python -m bench`: measure the goals of bench/goals.py, and say what came out."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from bench import against_peer, details, forwarding, inprocess, load, machine, store, whole
from bench.contest import Arena
from bench.goals import BESIDE_PEER, FORWARDED, GOALS, Measured, skipped, table
from bench.load import NoGenerator
from bench.servers import ServerFailed, installed_peer
from bench.town import Town, opened
from dcrgw.sandbox.upstream import UpstreamUnusable, program

#: Above these a machine is too busy, or its disk too slow, for a gate to mean anything.
_BUSY_PER_CORE = 1.0
_SLOW_SYNC_US = 20_000
#: `--check` is for a shared machine in CI: a goal may miss its bound by this factor.
_GENEROUS = 1.5


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asks for."""

    goals: frozenset[str]
    rounds: int
    seconds: float
    warm_s: float
    folder: Path
    node: str | None

    def wants(self, *ids: str) -> bool:
        """True when any of these goals is asked for."""
        return not self.goals.isdisjoint(ids)


@click.command()
@click.option("--goals", default=",".join(GOALS), show_default=True, help="Which goals, separated by commas.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1), help="Rounds of each contest.")
@click.option("--seconds", default=4.0, show_default=True, help="Measured span of each run.")
@click.option("--warm", "warm_s", default=5.0, show_default=True, help="Warm-up before a run beside the peer.")
@click.option("--folder", default=Path("var/bench"), show_default=True, type=click.Path(path_type=Path), help="Where.")
@click.option("--node", default=None, help="The node to run the peer with.  [default: the one on the PATH]")
@click.option("--json", "target", type=click.Path(path_type=Path), help="Where the raw rounds go.  [default: FOLDER]")
@click.option("--check", is_flag=True, help="Fail when a goal misses its bound by far; says so where it cannot judge.")
def main(
    goals: str, rounds: int, seconds: float, warm_s: float, folder: Path, node: str | None, target: Path | None,
    check: bool,
) -> None:  # fmt: skip
    """Measure the goals in interleaved rounds; every figure is a ratio."""
    asked = frozenset(goals.split(","))
    if unknown := asked - GOALS.keys():
        raise click.BadParameter(f"there is no {', '.join(sorted(unknown))}", param_hint="--goals")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    wish = Wish(asked, rounds, seconds, warm_s, folder.resolve(), node or shutil.which("node"))
    begun = time.time()
    before = machine.facts(wish.folder, wish.node)
    results = asyncio.run(_measured(wish))
    found = {
        "at": begun,
        "machine": {**before, "load_after": machine.load()},
        "settings": {"rounds": rounds, "seconds": seconds, "warm_s": warm_s},
        "goals": {each.goal.id: each.json() for each in results},
    }
    target = target or wish.folder / "results.json"
    target.write_text(json.dumps(found, indent=2) + "\n")
    print(f"\n{_described(before)}\n\n{table(results)}\n\nRaw rounds: {target}")
    sys.exit(_judged(results, before) if check else 0)


async def _measured(wish: Wish) -> list[Measured]:
    async with opened(wish.folder) as town:
        results = []
        if wish.wants("G3"):
            results.append(await inprocess.measure_registration(town, wish.folder, wish.rounds))
        if wish.wants("G13"):
            results.append(await inprocess.measure_replay(town, wish.folder, wish.rounds))
        if wish.wants("G5"):
            results.append(inprocess.measure_door(town, wish.rounds))
        if wish.wants("G8"):
            results.append(await store.measure(town, wish.folder, wish.rounds))
        if wish.wants("G15"):
            results.append(await details.measure_judgement(wish.rounds))
        results += await _under_load(town, wish)
    return [each for goal in GOALS for each in results if each.goal.id == goal and wish.wants(goal)]


async def _under_load(town: Town, wish: Wish) -> list[Measured]:
    try:
        arena = Arena(wish.folder, load.build(wish.folder), wish.rounds)
    except NoGenerator as missing:
        return skipped([*BESIDE_PEER, *FORWARDED, "G4", "G9", "G9b", "G11"], str(missing))
    results = await _forwarded(arena, wish) if wish.wants(*FORWARDED) else []
    if wish.wants("G4", "G11"):
        results += await whole.measure(town, arena, seconds=wish.seconds)
    if wish.wants("G9", "G9b"):
        results += await whole.measure_scripts(town, arena, seconds=wish.seconds)
    if wish.wants(*BESIDE_PEER):
        results += await _beside_peer(town, arena, wish)
    return results


async def _forwarded(arena: Arena, wish: Wish) -> list[Measured]:
    try:
        server = program("oidc-provider")
    except UpstreamUnusable as unusable:
        return skipped(FORWARDED, str(unusable))
    return await forwarding.measure(wish.folder, arena.generator, server, rounds=arena.rounds, seconds=wish.seconds)


async def _beside_peer(town: Town, arena: Arena, wish: Wish) -> list[Measured]:
    if wish.node is None:
        return skipped(BESIDE_PEER, "Node is not installed, so there is no peer to measure against")
    try:
        peer = installed_peer(wish.folder / "peer")
    except ServerFailed as failure:
        return skipped(BESIDE_PEER, str(failure))
    return await against_peer.measure(town, arena, wish.node, peer, warm_s=wish.warm_s, seconds=wish.seconds)


def _described(facts: dict[str, Any]) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in facts["packages"].items() if version)
    return (
        f"{facts['cpu']}, {facts['cores']} cores, load {facts['load'][0]} at the start; fdatasync p50"
        f" {facts['fdatasync_p50_us']} us; SQLite {facts['sqlite']} synchronous=FULL\nPython {facts['python']},"
        f" {facts['openssl_of_ssl']} (ssl), {facts['openssl_of_cryptography']} (cryptography), {packages},"
        f" node {facts['node']}"
    )


def _judged(results: Sequence[Measured], facts: dict[str, Any]) -> int:
    """The exit code of --check."""
    if facts["load"][0] > _BUSY_PER_CORE * facts["cores"] or facts["fdatasync_p50_us"] > _SLOW_SYNC_US:
        print("not judged: the machine was busy at the start, or its disk is too slow")
        return 0
    missed = [each.goal.id for each in results if each.ratios and each.goal.must is not None and not _is_near(each)]
    if missed:
        print(f"missed by far: {', '.join(missed)}")
    return 1 if missed else 0


def _is_near(measured: Measured) -> bool:
    forgiven = _GENEROUS if measured.goal.more else 1 / _GENEROUS
    return measured.goal.verdict(measured.median * forgiven) != "missed"


if __name__ == "__main__":
    main()
