"""G16: a token request that goes on to the authorization server behind the gateway, beside the same asked directly.

Compared are the time of one request after another over one connection, and the gateway's CPU beside the server's own.
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
class _Asked:
    """One way to a token endpoint. `certificate` is chain and key in one file; `pid` is whose CPU is read."""

    port: int
    certificate: Path
    pid: int

    async def run(self, generator: Path, bodies: Path, seconds: float, answers: Path) -> dict[str, Any]:
        """The figures of two runs: how long one request after another takes, and what each costs where many come."""

        async def asked(connections: int) -> dict[str, Any]:
            form = Load(bodies, self.certificate, _FORM, connections=connections, warm_s=_WARM_S, seconds=seconds)
            place = {"port": self.port, "path": f"/{PLAIN}/token", "pid": self.pid, "answers": answers}
            return await load.run(generator, form, **place)

        one, many = await asked(1), await asked(_CONNECTIONS)
        return {"p50_ms": one["p50_ms"], "one": one, "server_cpu_us": many["server_cpu_us"], "many": many}


async def measure(folder: Path, generator: Path, program: Program, *, rounds: int, seconds: float) -> list[Measured]:
    """The goals, each server in a town of its own."""
    real = await _beside(folder / "forwarded", generator, program, "oidc-provider", rounds, seconds)
    null = await _beside(folder / "nothing", generator, Program(NULL, program.node), "null", rounds, seconds)
    return [
        _ratios("G16", "p50_ms", real), _ratios("G16-null", "p50_ms", null), _ratios("G16b", "server_cpu_us", real),
    ]  # fmt: skip


async def _beside(
    folder: Path, generator: Path, program: Program, name: str, rounds: int, seconds: float
) -> list[dict[str, Any]]:
    """Interleaved rounds: both ways, and turned round each time."""
    found = []
    async with opened(_emptied(folder), program) as town, _serving(town, folder) as (ways, body):
        bodies = _repeated(folder / "tokens.bin", body, int(_PER_SECOND * (_WARM_S + seconds)))
        for number in range(rounds):
            order = list(ways.items()) if number % 2 == 0 else list(ways.items())[::-1]
            figures = {way: await asked.run(generator, bodies, seconds, folder / "answers.bin") for way, asked in order}
            found.append(figures)
            told = "; ".join(
                f"{way} {each['p50_ms']:.2f} ms, {each['server_cpu_us']:.0f} us CPU" for way, each in figures.items()
            )
            print(f"  G16 {name}, round {number + 1}: {told}", flush=True)
    return found


@asynccontextmanager
async def _serving(town: Town, folder: Path) -> AsyncIterator[tuple[dict[str, _Asked], bytes]]:
    """Gateway and server, with a client that both know; the two ways, and what is sent on either."""
    server = town.session.upstream
    assert server is not None
    async with server.running(), Gateway(town, PLAIN, None).serve(folder) as gateway:
        client = await _registered(town)
        inside = folder / "gateway.pem"
        inside.touch(mode=0o600)
        place = town.session.folder.path / "upstream"
        inside.write_bytes((place / "gateway.pem").read_bytes() + (place / "gateway.key").read_bytes())
        form = {"grant_type": "client_credentials", "scope": "accounts"}
        body = urlencode({**form, "client_id": client["client_id"], "client_secret": client["client_secret"]}).encode()
        ways = {
            "forwarded": _Asked(gateway.port, town.certificate, gateway.pid),
            "direct": _Asked(server.port, inside, server.pid),
        }
        yield ways, body


async def _registered(town: Town) -> dict[str, Any]:
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


def _repeated(target: Path, body: bytes, count: int) -> Path:
    target.write_bytes((struct.pack("<I", len(body)) + body) * count)
    return target


def _ratios(goal: str, figure: str, rounds: list[dict[str, Any]]) -> Measured:
    measured = Measured(GOALS[goal], rounds=rounds)
    measured.ratios = [each["forwarded"][figure] / each["direct"][figure] for each in rounds]
    return measured
