"""Contests: contenders in turn, the order reversed each round, each from an empty store and killed at its end."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import load, machine
from bench.load import Load
from bench.servers import Contender


@dataclass(frozen=True, slots=True)
class Entry:
    """One contender and the load that it gets."""

    contender: Contender
    load: Load


@dataclass(frozen=True, slots=True)
class Arena:
    """Where contests take place."""

    folder: Path
    generator: Path
    rounds: int

    async def fight(self, entries: Sequence[Entry], told: str) -> list[dict[str, Any]]:
        """The rounds: contender's name -> its figures, with the machine's load before the run."""
        rounds = []
        for number in range(self.rounds):
            order = entries if number % 2 == 0 else entries[::-1]
            figures = {entry.contender.name: await self.run(entry) for entry in order}
            rounds.append(figures)
            _tell(told, number, figures)
        return rounds

    async def run(self, entry: Entry) -> dict[str, Any]:
        """One run. Raises: RunFailed or ServerFailed when its figures mean nothing."""
        folder = self.folder / "run"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        answers = folder / "answers.bin"
        before = machine.load()
        async with entry.contender.serve(folder) as running:
            figures = await load.run(
                self.generator, entry.load, port=running.port, path=running.path, pid=running.pid, answers=answers
            )
        checked = entry.contender.check(folder, answers)
        return {**figures, "ids_checked": checked, "load_before": before}


def _tell(told: str, number: int, figures: dict[str, dict[str, Any]]) -> None:
    each = "; ".join(
        f"{name} {found['rps']:.0f}/s, {found['server_cpu_us']:.0f} us CPU each, client {found['client_share']:.0%}"
        for name, found in figures.items()
    )
    print(f"  {told}, round {number + 1}: {each}", flush=True)
