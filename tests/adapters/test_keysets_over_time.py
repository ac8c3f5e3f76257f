"""Any history of requests, outages and rotations: what a key set cache may never do."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.adapters.fetcher import Fetched, FetchFailed, FetchReason
from dcrgw.adapters.kept_keys import Freshness
from dcrgw.adapters.keysets import CachedKeySets, KeySetSource
from dcrgw.errors import Unavailable
from dcrgw.testkit.keys import SigningKey

POLICY = Freshness()


@cache
def document(kid: str) -> bytes:
    return json.dumps({"keys": [SigningKey.generate(kid, "ES256").public_jwk()]}).encode()


@dataclass
class World:
    """A host that publishes one kid at a time, or fails; and a clock."""

    at: float = 1000.0
    kid: str = "k0"
    is_up: bool = True
    #: Times of fetches, and when each kid was last published.
    fetches: list[float] = field(default_factory=list)
    published: dict[str, float] = field(default_factory=dict)

    async def get(self, url: str, *, hosts: Any, headers: Any = None) -> Fetched:
        self.fetches.append(self.at)
        await asyncio.sleep(0)
        if not self.is_up:
            raise FetchFailed(FetchReason.CONNECT, "down")
        self.published[self.kid] = self.at
        return Fetched(200, "", document(self.kid))


_STEP = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([1, 4, 30, 60, 100, 300, 3700])),
    st.tuples(st.just("ask"), st.sampled_from(["k0", "k1", "k2", "unknown"])),
    st.tuples(st.just("rotate"), st.sampled_from(["k0", "k1", "k2"])),
    st.tuples(st.sampled_from(["fail", "heal"]), st.just(0)),
)


async def live(steps: list[tuple[str, Any]]) -> None:
    world = World()
    source = KeySetSource("d", "https://a.example/", world, world, frozenset())  # type: ignore[arg-type]
    keysets = CachedKeySets([source], freshness=POLICY, clock=lambda: world.at, jitter=lambda: 0.0)
    for step, what in steps:
        if step == "wait":
            world.at += what
        elif step == "rotate":
            world.kid = what
        elif step in ("fail", "heal"):
            world.is_up = step == "heal"
        else:
            await ask(world, keysets, what)
    for status in keysets.status():
        assert status.age_s is None or status.age_s >= 0
    await keysets.close()


async def ask(world: World, keysets: CachedKeySets, kid: str) -> None:
    before = len(world.fetches)
    try:
        found = await keysets.of_directory("d", kid)
    except Unavailable:
        # Refusing to answer needs a reason: the last attempt failed.
        assert not world.is_up or world.at - world.fetches[-1] < POLICY.longest_pause_s
    else:
        (served,) = found.keys
        assert world.at - world.published[served] < POLICY.lifetime_s + POLICY.stale_s
        if world.is_up and world.fetches[-1] == world.at and len(world.fetches) > before:
            assert served == world.kid or served == kid
    # One request causes at most one fetch that it waits for and one behind its back.
    assert len(world.fetches) - before <= 1
    while running := keysets._flights._running:
        await asyncio.gather(*running.values(), return_exceptions=True)
        await asyncio.sleep(0)


@given(st.lists(_STEP, max_size=40))
@settings(max_examples=60)
def test_no_history_serves_beyond_the_bound_or_asks_twice(steps: list[tuple[str, Any]]) -> None:
    asyncio.run(live(steps))
