"""G3, G5 and what a script adds: judging and proving, with nothing around it; G13: judging again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from statistics import median

from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS

from bench.floor import Floor, cpu_us
from bench.goals import GOALS, Measured
from bench.rehearsal import Rehearsal, rehearsal
from bench.town import Town, records
from dcrgw.cli.calm import calm_collector
from dcrgw.compliance import bundle as bundles
from dcrgw.compliance.replay import replay
from dcrgw.core.jose.keys import key_set
from dcrgw.core.jose.reader import JosePolicy, claims, read
from dcrgw.core.jose.verification import verify
from dcrgw.testkit.keys import SigningKey, jwks

_BODIES = 40
_TURNS = 8
_SCRIPT_TURNS = 20
_TOKENS = 100


async def measure_registration(town: Town, folder: Path, rounds: int) -> Measured:
    """G3: floor and registrations in turns within each round, by the CPU time of this thread."""
    measured, floor = Measured(GOALS["G3"]), Floor(town)
    bodies = list(islice(records(town.signed_bodies(_BODIES)), _BODIES))
    async with rehearsal(town, folder) as stage:
        for _ in range(rounds):
            floor_us = work_us = 0.0
            for _ in range(_TURNS):
                floor_us += cpu_us(floor.once, _BODIES)
                begun = time.thread_time()
                for body in bodies:
                    await stage.register(body)
                work_us += (time.thread_time() - begun) / len(bodies) * 1e6
            measured.rounds.append({"floor_us": floor_us / _TURNS, "registration_us": work_us / _TURNS})
            measured.ratios.append(work_us / floor_us)
    return measured


async def script_costs(town: Town, folder: Path) -> dict[str, float]:
    """CPU microseconds that the trivial script adds to a registration, by mode; a worker's own are among them.

    The median of many short turns, each beside one without a script.
    """
    bodies = list(islice(records(town.signed_bodies(_BODIES)), _BODIES))
    async with (
        rehearsal(town, folder, None) as plain,
        rehearsal(town, folder, "inline") as inline,
        rehearsal(town, folder, "worker") as worker,
    ):
        stages, added = {"inline": inline, "worker": worker}, {"inline": list[float](), "worker": list[float]()}
        for turn in range(_SCRIPT_TURNS + 1):
            for mode, stage in stages.items():
                without, spent = await _spent(plain, bodies), await _spent(stage, bodies)
                if turn:  # the first warms up
                    added[mode].append(spent - without)
    return {mode: median(each) for mode, each in added.items()}


async def _spent(stage: Rehearsal, bodies: list[bytes]) -> float:
    """CPU microseconds of this thread and of the stage's workers for one registration."""
    pids = stage.runners.workers.template.pids
    begun = time.thread_time() + sum(map(_process_s, pids))
    for body in bodies:
        await stage.register(body)
    return (time.thread_time() + sum(map(_process_s, pids)) - begun) / len(bodies) * 1e6


def _process_s(pid: int) -> float:
    """Seconds on a processor, to the nanosecond."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


async def measure_replay(town: Town, folder: Path, rounds: int) -> Measured:
    """G13: registrations, and their bundles read from their documents and decided again, in turns."""
    measured = Measured(GOALS["G13"])
    bodies = list(islice(records(town.signed_bodies(_BODIES)), _BODIES))
    async with rehearsal(town, folder) as stage:
        documents = [await stage.bundle(body) for body in bodies]
        with calm_collector():  # as `dcrgw run` and `dcrgw replay` work
            for _ in range(rounds):
                first_us = again_us = 0.0
                for _ in range(_TURNS):
                    begun = time.thread_time()
                    for body in bodies:
                        await stage.register(body)
                    half = time.thread_time()
                    for document in documents:
                        assert (await replay(bundles.read(document, for_replay=True))).is_same
                    ended = time.thread_time()
                    first_us += (half - begun) / _BODIES * 1e6
                    again_us += (ended - half) / _BODIES * 1e6
                measured.rounds.append({"registration_us": first_us / _TURNS, "replay_us": again_us / _TURNS})
                measured.ratios.append(first_us / again_us)
    return measured


def measure_door(town: Town, rounds: int) -> Measured:
    """G5: read, verify and parse the claims of one statement; jwcrypto with the JWK parsed once, the same token.

    The goal is on PS256; ES256 stands in the raw rounds, since there the curve's own cost hides the library's.
    """
    measured = Measured(
        GOALS["G5"], notes=["jwcrypto: JWS.deserialize with a JWK that was parsed once, and json.loads"]
    )
    contests = {alg: _contenders(town, SigningKey.generate("bench", alg)) for alg in ("PS256", "ES256")}
    for number in range(rounds):
        found = {}
        for alg, contenders in contests.items():
            order = list(contenders.items())
            for name, work in order if number % 2 == 0 else order[::-1]:
                found[f"{name}_{alg}_us"] = cpu_us(work, _TOKENS)
        measured.rounds.append(found)
        measured.ratios.append(found["jwcrypto_PS256_us"] / found["door_PS256_us"])
    return measured


def _contenders(town: Town, key: SigningKey) -> dict[str, Callable[[], object]]:
    token = key.sign(json.loads(_payload(town.statement())))
    keys, policy = key_set(jwks(key)), JosePolicy(frozenset({key.alg}))
    jwk = JWK(**key.public_jwk())

    def door() -> object:
        unverified = read(token, policy)
        verify(unverified, keys, policy)
        return claims(unverified.payload)

    def jwcrypto() -> object:
        jws = JWS()
        jws.allowed_algs = [key.alg]
        jws.deserialize(token, jwk)
        return json.loads(jws.payload)

    assert door() == jwcrypto()
    return {"door": door, "jwcrypto": jwcrypto}


def _payload(token: str) -> bytes:
    return read(token, JosePolicy(frozenset({"PS256"}))).payload
