"""The contenders, each as a process of its own that is started for one run and killed at its end."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import aiohttp

from bench.town import Town, records
from dcrgw.sandbox.serving import LOOPBACK, free_ports

PROJECT = Path(__file__).parent.parent
PEER = Path(__file__).parent / "peer"
_START_S = 30.0


class ServerFailed(Exception):
    """A contender did not start, or did not keep its word."""


@dataclass(frozen=True, slots=True)
class Running:
    """A serving process. `prefix` goes before the endpoint's own path."""

    pid: int
    port: int
    path: str


class Contender(Protocol):
    """One side of a contest."""

    @property
    def name(self) -> str:
        """Under which its figures stand."""
        ...

    def serve(self, folder: Path) -> AbstractAsyncContextManager[Running]:
        """Serve from an empty store, for one run."""
        ...

    def check(self, folder: Path, answers: Path) -> int:
        """Compare what was answered with what was kept; how many were compared. Raises: ServerFailed."""
        ...


class Gateway:
    """`dcrgw run` with a real configuration and a registry of its own."""

    def __init__(self, town: Town, market: str, mode: str | None = "inline") -> None:
        self._town, self._market, self._mode = town, market, mode
        self.name = "gateway" if mode == "inline" else f"gateway, {mode or 'no script'}"

    @asynccontextmanager
    async def serve(self, folder: Path) -> AsyncIterator[Running]:
        """Ready when its own probe says so; killed in mid-flight, so that only what was synced is left."""
        configuration = self._town.configuration(folder / "registry.sqlite", self._mode)
        command = [sys.executable, "-m", "dcrgw", "run", "--config", str(configuration)]
        with (folder / "gateway.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(*command, cwd=PROJECT, stdout=log, stderr=log)
            try:
                await _ready(process, f"http://{LOOPBACK}:{self._town.session.endpoints.health}/readyz", log.name)
                yield Running(process.pid, self._town.port, f"/{self._market}/register")
            finally:
                await _killed(process)

    def check(self, folder: Path, answers: Path) -> int:
        """Every client_id that a 201 named is a row, after the kill."""
        return _compared(answers, folder / "registry.sqlite")


class Bare:
    """bench.bare: the gateway's edge and store, with nothing between them."""

    name = "bare"

    def __init__(self, town: Town) -> None:
        self._town = town

    def serve(self, folder: Path) -> AbstractAsyncContextManager[Running]:
        """Ready when it says so."""
        (port,) = free_ports(1)
        command = [sys.executable, "-m", "bench.bare", str(port), *_bank_files(self._town), str(folder / "bare.sqlite")]
        return _told_ready(command, PROJECT, folder / "bare.log", port)

    def check(self, folder: Path, answers: Path) -> int:
        """Every client_id that a 201 named is a row, after the kill."""
        return _compared(answers, folder / "bare.sqlite")


class Peer:
    """npm oidc-provider, which keeps its clients in memory."""

    name = "oidc-provider"

    def __init__(self, town: Town, node: str, folder: Path) -> None:
        self._town, self._node, self._folder = town, node, folder

    def serve(self, folder: Path) -> AbstractAsyncContextManager[Running]:
        """Ready when it says so."""
        (port,) = free_ports(1)
        command = [self._node, "op.mjs", str(port), *_bank_files(self._town)]
        return _told_ready(command, self._folder, folder / "peer.log", port)

    def check(self, folder: Path, answers: Path) -> int:
        """Nothing can be compared: what it kept died with it. The ids are distinct at least."""
        ids = [json.loads(answer)["client_id"] for answer in records(answers)]
        if len(set(ids)) != len(ids):
            raise ServerFailed("the peer answered a client_id twice")
        return len(ids)


def _bank_files(town: Town) -> list[str]:
    """Server certificate, its key and the client CA."""
    return [str(town.session.folder.path / name) for name in ("bank/server.pem", "bank/server.key", "ca.pem")]


@asynccontextmanager
async def _told_ready(command: list[str], cwd: Path, log: Path, port: int) -> AsyncIterator[Running]:
    """A process that says `ready` on its standard output, and answers at /reg or anywhere."""
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(*command, cwd=cwd, stdout=subprocess.PIPE, stderr=file)
        try:
            assert process.stdout is not None
            line = await asyncio.wait_for(process.stdout.readline(), _START_S)
            if line.strip() != b"ready":
                raise ServerFailed(f"{command[0]} did not start: {_end_of(str(log))}")
            yield Running(process.pid, port, "/reg")
        finally:
            await _killed(process)


def _compared(answers: Path, database: Path) -> int:
    answered = {json.loads(answer)["client_id"] for answer in records(answers)}
    with closing(sqlite3.connect(database)) as db:
        kept = {client_id for (client_id,) in db.execute("SELECT client_id FROM clients")}
    if lost := answered - kept:
        raise ServerFailed(f"{len(lost)} of {len(answered)} acknowledged clients are not in the database")
    return len(answered)


def installed_peer(folder: Path) -> Path:
    """The peer with its locked dependencies in `folder`. Raises: ServerFailed."""
    npm = shutil.which("npm")
    if npm is None:
        raise ServerFailed("npm is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "op.mjs"):
        shutil.copy(PEER / name, folder / name)
    if not (folder / "node_modules/oidc-provider").is_dir():
        done = subprocess.run(
            [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
            cwd=folder,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise ServerFailed(f"npm ci failed: {done.stderr.strip()[-300:]}")
    return folder


async def _ready(process: asyncio.subprocess.Process, url: str, log: str) -> None:
    try:
        async with asyncio.timeout(_START_S), aiohttp.ClientSession() as http:
            while process.returncode is None:
                try:
                    async with http.get(url) as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientConnectionError:
                    pass
                await asyncio.sleep(0.05)
    except TimeoutError:
        pass
    raise ServerFailed(f"the gateway did not start: {_end_of(log)}")


def _end_of(log: str) -> str:
    return Path(log).read_text()[-1000:]


async def _killed(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()
