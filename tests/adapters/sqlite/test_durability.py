"""kill -9: every acknowledged registration is there afterwards, every other one whole or absent."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from registry_builders import client, registry

COMMITTER = Path(__file__).with_name("committing_process.py")


async def test_acknowledged_registrations_survive_kills(tmp_path: Path) -> None:
    await kill_and_check(tmp_path / "registry.db", kills=3)


@pytest.mark.slow
async def test_acknowledged_registrations_survive_many_kills(tmp_path: Path) -> None:
    await kill_and_check(tmp_path / "registry.db", kills=40)


async def kill_and_check(path: Path, kills: int) -> None:
    acknowledged: list[str] = []
    for kill in range(kills):
        acknowledged += register_until_killed(path, f"run-{kill}", after=40 + 37 * kill)
        connection = sqlite3.connect(path)
        try:
            stored = {row[0] for row in connection.execute("SELECT client_id FROM clients")}
            audited = [row[0] for row in connection.execute("SELECT client_id FROM audit")]
            tokens = {row[0] for row in connection.execute("SELECT jti FROM used_tokens")}
            requests = connection.execute("SELECT count(*) FROM requests").fetchone()[0]
        finally:
            connection.close()
        assert set(acknowledged) <= stored
        assert sorted(audited) == sorted(stored)
        assert tokens == {f"jti-of-{client_id}" for client_id in stored}
        assert requests == len(stored)
    async with registry(path) as store:
        assert await store.client("uk", acknowledged[-1]) == client(acknowledged[-1])


def register_until_killed(path: Path, prefix: str, after: int) -> list[str]:
    """Kill the process once it has acknowledged `after` registrations; all that it acknowledged."""
    with subprocess.Popen(
        [sys.executable, str(COMMITTER), str(path), prefix],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    ) as process:
        lines = [process.stdout.readline() for _ in range(after)]
        process.kill()
        lines += process.stdout.readlines()
    assert process.returncode == -9
    return [line.strip() for line in lines if line.endswith("\n")]
