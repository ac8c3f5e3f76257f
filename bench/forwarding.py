"""G16: a token request that goes on to the authorization server behind the gateway, beside the same asked directly.

Compared are the time of one request after another over one connection, and the gateway's CPU where many come, beside
that of a gateway that answers by itself.
"""

from __future__ import annotations

import json
import shutil
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp

from bench import load
from bench.goals import GOALS, Measured
from bench.load import Load
from bench.servers import Gateway
from bench.town import PLAIN, Town, opened
from dcrgw.sandbox.upstream import Program

#: A server that does nothing: what is left is the way to it and back.
NULL = Path(__file__).parent / "null"
#: More than one connection gets answers in a second.
_PER_SECOND = 60_000
_WARM_S = 2.0
_CONNECTIONS = 16
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to a token. `certificate` is chain and key in one file; `pid` is whose CPU is read."""

    port: int
    certificate: Path
    pid: int
    body: bytes

    async def run(self, generator: Path, bodies: Path, seconds: float, answers: Path) -> dict[str, Any]:
        """The figures of two runs: how long one request after another takes, and what each costs where many come."""

        async def asked(connections: int) -> dict[str, Any]:
            form = Load(bodies, self.certificate, _FORM, connections=connections, warm_s=_WARM_S, seconds=seconds)
            place = {"port": self.port, "path": f"/{PLAIN}/token", "pid": self.pid, "answers": answers}
            return await load.run(generator, form, **place)

        one, many = await asked(1), await asked(_CONNECTIONS)
        return {"p50_ms": one["p50_ms"], "one": one, "server_cpu_us": many["server_cpu_us"], "many": many}


async def measure(folder: Path, generator: Path, program: Program, *, rounds: int, seconds: float) -> list[Measured]:
    """The goals, each server in a town of its own, beside a town that has none."""
    pace = _Pace(generator, rounds, seconds)
    async with opened(_emptied(folder / "alone")) as town, _registered(town, folder / "alone") as alone:
        real = await _beside(folder / "forwarded", program, "oidc-provider", alone, pace)
        null = await _beside(folder / "nothing", Program(NULL, program.node), "null", alone, pace)
    return [
        _ratios("G16", "p50_ms", "direct", real),
        _ratios("G16-null", "p50_ms", "direct", null),
        _ratios("G16b", "server_cpu_us", "built in", real),
        _ratios("G16b-null", "server_cpu_us", "built in", null),
    ]


@dataclass(frozen=True, slots=True)
class _Pace:
    generator: Path
    rounds: int
    seconds: float

    async def figures(self, way: _Way, folder: Path) -> dict[str, Any]:
        bodies = folder / "tokens.bin"
        count = int(_PER_SECOND * (_WARM_S + self.seconds))
        bodies.write_bytes((struct.pack("<I", len(way.body)) + way.body) * count)
        return await way.run(self.generator, bodies, self.seconds, folder / "answers.bin")


async def _beside(folder: Path, program: Program, name: str, alone: _Way, pace: _Pace) -> list[dict[str, Any]]:
    """Interleaved rounds: all ways, and turned round each time."""
    found = []
    async with opened(_emptied(folder), program) as town:
        server = town.session.upstream
        assert server is not None
        async with server.running(), _registered(town, folder) as forwarded:
            direct = _Way(server.port, _inside(town, folder), server.pid, forwarded.body)
            ways = {"forwarded": forwarded, "direct": direct, "built in": alone}
            for number in range(pace.rounds):
                order = list(ways.items())[:: 1 if number % 2 == 0 else -1]
                found.append({way: await pace.figures(each, folder) for way, each in order})
                told = "; ".join(
                    f"{way} {each['p50_ms']:.2f} ms, {each['server_cpu_us']:.0f} us CPU"
                    for way, each in found[-1].items()
                )
                print(f"  G16 {name}, round {number + 1}: {told}", flush=True)
    return found


@asynccontextmanager
async def _registered(town: Town, folder: Path) -> AsyncIterator[_Way]:
    """A gateway that serves, and the token endpoint as a client of it asks it."""
    async with Gateway(town, PLAIN, None).serve(folder) as gateway:
        client = await _client(town)
        form = {"grant_type": "client_credentials", "scope": "accounts"}
        shown = {name: client[name] for name in ("client_id", "client_secret")}
        yield _Way(gateway.port, town.certificate, gateway.pid, urlencode({**form, **shown}).encode())


def _inside(town: Town, folder: Path) -> Path:
    """The gateway's own certificate and key, in one file."""
    target, place = folder / "gateway.pem", town.session.folder.path / "upstream"
    target.touch(mode=0o600)
    target.write_bytes((place / "gateway.pem").read_bytes() + (place / "gateway.key").read_bytes())
    return target


async def _client(town: Town) -> dict[str, Any]:
    folder, tpp = town.session.folder.path, town.session.parties.default
    tls = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    tls.load_cert_chain(town.certificate)
    asked = {
        "client_name": "Benchmark", "redirect_uris": list(tpp.software.redirect_uris), "scope": "accounts",
        "grant_types": ["client_credentials"], "response_types": [],
        "token_endpoint_auth_method": "client_secret_post",
    }  # fmt: skip
    url = f"https://localhost:{town.port}/{PLAIN}/register"
    async with aiohttp.ClientSession() as http, http.post(url, json=asked, ssl=tls) as answer:
        found: dict[str, Any] = json.loads(await answer.read())
        if answer.status != 201:
            raise AssertionError(f"the client was not registered: {found}")
        return found


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _ratios(goal: str, figure: str, beside: str, rounds: list[dict[str, Any]]) -> Measured:
    measured = Measured(GOALS[goal], rounds=rounds)
    measured.ratios = [each["forwarded"][figure] / each[beside][figure] for each in rounds]
    return measured
