"""The bench refuses to say what it did not measure."""

from __future__ import annotations

import json
import sqlite3
import struct
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bench import load
from bench.contest import Arena
from bench.goals import GOALS, Measured, skipped, table, told_of_client
from bench.load import Load, NoGenerator, RunFailed
from bench.servers import Gateway, ServerFailed
from bench.town import opened, records
from bench.whole import measure_fetches, signed_load

FIGURES = {
    "rps": 100.0, "requests": 500, "server_cpu_us": 900.0, "client_share": 0.1, "started": 500, "answered": 500,
    "ok": 500, "refused": 0, "failed": 0, "errors": 0, "ran_dry": False,
}  # fmt: skip


def measured(goal: str, *ratios: float) -> Measured:
    return Measured(GOALS[goal], list(ratios))


@pytest.mark.parametrize(
    ("goal", "ratio", "verdict"),
    [
        ("G1", 3.0, "aim"),
        ("G1", 2.0, "must"),
        ("G1", 1.99, "missed"),
        ("G3", 2.5, "aim"),
        ("G3", 4.0, "must"),
        ("G3", 4.01, "missed"),
        ("G11", 1.0, "aim"),
        ("G11", 2.0, "missed"),
    ],
)
def test_verdict_follows_the_bound_in_its_direction(goal: str, ratio: float, verdict: str) -> None:
    assert measured(goal, ratio).verdict == verdict


def test_the_median_of_the_rounds_decides_and_not_the_best() -> None:
    assert measured("G1", 9.0, 1.0, 1.5).verdict == "missed"


def test_a_goal_that_was_not_measured_is_skipped_with_its_reason() -> None:
    (each,) = skipped(["G1"], "no Node here")
    assert each.verdict == "skipped"
    assert each.json()["skipped"] == "no Node here"
    assert "no Node here" in table([each])


def test_a_run_that_the_generator_bounds_is_marked() -> None:
    assert told_of_client(measured("G2", 2.0), [0.3, 0.71]).notes
    assert not told_of_client(measured("G2", 2.0), [0.3, 0.7]).notes


async def run(folder: Path, **changes: Any) -> dict[str, Any]:
    """The bench's reading of a generator that reports these figures."""
    generator = folder / "lg"
    generator.write_text(f"#!{sys.executable}\nprint({json.dumps({**FIGURES, **changes})!r})\n")
    generator.chmod(0o700)
    wanted = Load(folder / "bodies", folder / "pem", "application/json")
    return await load.run(generator, wanted, port=1, path="/", pid=1, answers=folder / "answers")


async def test_figures_of_a_clean_run_are_taken(tmp_path: Path) -> None:
    assert (await run(tmp_path))["rps"] == 100.0


@pytest.mark.parametrize("change", [{"refused": 1}, {"failed": 1}, {"errors": 1}, {"ran_dry": True}, {"requests": 0}])
async def test_figures_of_any_other_run_are_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(RunFailed):
        await run(tmp_path, **change)


def stored(folder: Path, ids: Iterable[str]) -> None:
    with closing(sqlite3.connect(folder / "registry.sqlite")) as db, db:
        db.execute("CREATE TABLE clients (client_id TEXT)")
        db.executemany("INSERT INTO clients VALUES (?)", [(each,) for each in ids])


def answered(folder: Path, ids: Iterable[str]) -> Path:
    bodies = [json.dumps({"client_id": each}).encode() for each in ids]
    target = folder / "answers.bin"
    target.write_bytes(b"".join(struct.pack("<I", len(body)) + body for body in bodies))
    return target


def test_every_acknowledged_client_must_be_a_row(tmp_path: Path) -> None:
    stored(tmp_path, ["a", "b", "c"])
    gateway = Gateway(None, "uk-3.2")  # type: ignore[arg-type] # it serves nobody here
    assert gateway.check(tmp_path, answered(tmp_path, ["a", "b"])) == 2
    with pytest.raises(ServerFailed):
        gateway.check(tmp_path, answered(tmp_path, ["a", "lost"]))


@pytest.mark.slow
async def test_generator_registers_at_the_real_gateway_and_cold_keys_are_fetched_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as town:
        try:
            generator = load.build(tmp_path)
        except NoGenerator as missing:
            pytest.skip(str(missing))
        wanted = signed_load(town, seconds=0.1)
        assert sum(1 for _ in records(wanted.bodies)) > 100
        found = await measure_fetches(town, Arena(tmp_path, generator, 1), wanted)
    assert found.ratios == [1.0]
    assert found.rounds[0]["gateway"]["ids_checked"] == 32
