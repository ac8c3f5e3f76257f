"""Key sets under outages, rotations and storms: what is counted is what arrived at the server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web

from dcrgw.adapters.fetcher import FetchLimits
from dcrgw.adapters.kept_keys import Freshness, KeySetStatus
from dcrgw.adapters.keysets import CachedKeySets, KeySetSource
from dcrgw.errors import Misconfigured, Rejected, Unavailable
from dcrgw.testkit.keys import SigningKey

PATH = "/org/software.jwks"


@cache
def jwk(kid: str) -> dict[str, Any]:
    return SigningKey.generate(kid, "ES256").public_jwk()


def published(*kids: str, **headers: str) -> web.Response:
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.Response(body=json.dumps({"keys": [jwk(kid) for kid in kids]}).encode(), headers=said)


class Bench:
    """One directory whose own keys and software keys one counting server publishes."""

    def __init__(self, server: Any, keysets: CachedKeySets, time: Any, changes: list[KeySetStatus]) -> None:
        self.server, self.keysets, self.time, self.changes = server, keysets, time, changes

    def publish(self, *kids: str, **headers: str) -> None:
        self.server.answer = lambda _: published(*kids, **headers)

    def fail(self, status: int = 500, body: bytes = b"") -> None:
        self.server.answer = lambda _: web.Response(status=status, body=body)

    @property
    def asked(self) -> int:
        return len(self.server.arrived)

    async def directory(self, kid: str = "a") -> set[str]:
        return set((await self.keysets.of_directory("primary", kid)).keys)

    async def software(self, kid: str = "a", path: str = PATH) -> set[str]:
        return set((await self.keysets.of_software("primary", self.server.url(path), kid)).keys)

    async def landed(self) -> None:
        """The end of what refreshes in the background."""
        running = self.keysets._flights._running
        while running:
            await asyncio.gather(*running.values(), return_exceptions=True)
            await asyncio.sleep(0)


@pytest.fixture
async def bench(host: Any, fetcher: Any, time: Any) -> AsyncIterator[Bench]:
    server = await host(lambda _: published("a"))
    changes: list[KeySetStatus] = []
    source = KeySetSource("primary", server.url("/jwks"), fetcher(with_certificate=True), fetcher(), server.names)
    keysets = CachedKeySets([source], clock=time, jitter=lambda: 0.0, on_change=changes.append)
    yield Bench(server, keysets, time, changes)
    await keysets.close()


async def test_set_is_fetched_once_and_then_served_from_memory(bench: Bench) -> None:
    for _ in range(5):
        assert await bench.directory() == {"a"}
        assert await bench.software() == {"a"}
    assert [arrived.path for arrived in bench.server.arrived] == ["/jwks", PATH]
    first = await bench.keysets.of_directory("primary", "a")
    assert first is await bench.keysets.of_directory("primary", "a")
    assert first.source == bench.server.url("/jwks")


async def test_transport_certificate_is_shown_to_the_directory_only(bench: Bench) -> None:
    await bench.directory()
    await bench.software()
    assert [arrived.peer for arrived in bench.server.arrived] == ["BANKSW1", None]


async def test_directory_that_is_not_configured_is_the_banks_fault(bench: Bench) -> None:
    with pytest.raises(Misconfigured):
        await bench.keysets.of_directory("other", "a")
    with pytest.raises(Misconfigured):
        await bench.keysets.of_software("other", bench.server.url(), "a")


# Many at once


async def test_hundred_cold_requests_make_one_fetch(bench: Bench) -> None:
    sets = await asyncio.gather(*(bench.directory() for _ in range(100)), *(bench.software() for _ in range(100)))
    assert sets == [{"a"}] * 200
    assert bench.asked == 2


async def test_cancelled_waiter_does_not_end_the_fetch_for_others(bench: Bench) -> None:
    release, arrived = asyncio.Event(), asyncio.Event()

    async def answer(_: Any) -> web.Response:
        arrived.set()
        await release.wait()
        return published("a")

    bench.server.answer = answer
    async with asyncio.TaskGroup() as group:
        first, second = group.create_task(bench.directory()), group.create_task(bench.directory())
        await arrived.wait()
        first.cancel()
        await asyncio.sleep(0)
        release.set()
    assert first.cancelled()
    assert second.result() == {"a"}
    assert bench.asked == 1


async def test_fetch_goes_on_when_every_waiter_is_gone(bench: Bench) -> None:
    release, arrived = asyncio.Event(), asyncio.Event()

    async def answer(_: Any) -> web.Response:
        arrived.set()
        await release.wait()
        return published("a")

    bench.server.answer = answer
    async with asyncio.TaskGroup() as group:
        only = group.create_task(bench.directory())
        await arrived.wait()
        only.cancel()
    release.set()
    await bench.landed()
    assert await bench.directory() == {"a"}
    assert bench.asked == 1


async def test_ten_thousand_unknown_kids_make_one_fetch_per_cool_down(bench: Bench) -> None:
    assert await bench.directory() == {"a"}
    for i in range(5000):
        assert await bench.directory(f"random-{i}") == {"a"}
    assert bench.asked == 2
    bench.time.at += 59
    for i in range(4000):
        await bench.directory(f"other-{i}")
    assert bench.asked == 2
    bench.time.at += 1
    await asyncio.gather(*(bench.directory(f"third-{i}") for i in range(1000)))
    assert bench.asked == 3


async def test_cold_storm_of_unknown_kids_makes_one_fetch(bench: Bench) -> None:
    await asyncio.gather(*(bench.directory(f"random-{i}") for i in range(200)))
    for i in range(200):
        await bench.directory(f"more-{i}")
    assert bench.asked == 1


async def test_unknown_kids_of_one_software_do_not_use_up_anothers_cool_down(bench: Bench) -> None:
    await bench.software("x", "/one.jwks")
    await bench.software("x", "/two.jwks")
    bench.time.at += 61
    await bench.software("y", "/one.jwks")
    await bench.software("y", "/two.jwks")
    assert bench.asked == 4


# Rotation


async def test_new_kid_is_found_by_one_refetch(bench: Bench) -> None:
    await bench.directory()
    bench.publish("b")
    sets = await asyncio.gather(*(bench.directory("b") for _ in range(50)))
    assert sets == [{"b"}] * 50
    assert bench.asked == 2


async def test_new_kid_is_found_although_a_stranger_set_off_the_fetch(bench: Bench) -> None:
    await bench.directory()
    bench.publish("b")
    sets = await asyncio.gather(bench.directory("random"), bench.directory("b"))
    assert sets == [{"b"}, {"b"}]
    assert bench.asked == 2


async def test_new_kid_is_found_by_a_fetch_under_way_within_the_cool_down(bench: Bench) -> None:
    bench.publish("a", Cache_Control="no-store")
    await bench.directory("random")
    bench.publish("b")
    # The last quarter of the shortest lifetime lies within the cool-down.
    bench.time.at += 45
    assert await bench.directory("b") == {"b"}
    assert bench.asked == 2


async def test_removed_kid_is_gone_after_the_lifetime(bench: Bench) -> None:
    await bench.directory()
    bench.publish("b")
    bench.time.at += 300
    assert await bench.directory("a") == {"b"}


async def test_purge_forgets_at_once(bench: Bench) -> None:
    await bench.directory()
    await bench.software()
    bench.publish("b")
    bench.keysets.purge("other")
    assert await bench.directory("a") == {"a"}
    bench.keysets.purge("primary")
    assert await bench.directory("b") == {"b"}
    assert await bench.software("b") == {"b"}
    bench.keysets.purge()
    assert bench.keysets.status() == ()


# Lifetime


async def test_last_quarter_refreshes_behind_the_requests_backs(bench: Bench) -> None:
    await bench.directory()
    bench.time.at += 224
    await bench.directory()
    await bench.landed()
    assert bench.asked == 1
    release = asyncio.Event()

    async def answer(_: Any) -> web.Response:
        await release.wait()
        return published("a", "b")

    bench.server.answer = answer
    bench.time.at += 1
    # Nobody waits: the server answers only afterwards.
    for _ in range(20):
        assert await bench.directory() == {"a"}
    release.set()
    await bench.landed()
    assert await bench.directory() == {"a", "b"}
    assert bench.asked == 2


@pytest.mark.parametrize(
    ("cache_control", "lifetime_s"),
    [("", 300), ("max-age=600", 600), ("max-age=0", 60), ("no-store", 60), ("max-age=315360000", 3600)],
)
async def test_lifetime_of_the_host_is_clamped(bench: Bench, cache_control: str, lifetime_s: int) -> None:
    bench.publish("a", Cache_Control=cache_control)
    await bench.directory()
    bench.publish("b")
    bench.time.at += lifetime_s * 0.75 - 1
    assert await bench.directory() == {"a"}
    await bench.landed()
    assert bench.asked == 1
    bench.time.at += lifetime_s * 0.25 + 1
    assert await bench.directory() == {"b"}


async def test_unchanged_set_is_not_sent_again(bench: Bench) -> None:
    bench.publish("a", ETag='"one"')
    await bench.directory()
    bench.server.answer = lambda _: web.Response(status=304)
    bench.time.at += 300
    assert await bench.directory() == {"a"}
    assert bench.server.arrived[1].headers["If-None-Match"] == '"one"'
    bench.time.at += 200
    assert await bench.directory() == {"a"}
    assert bench.asked == 2
    assert bench.keysets.status()[0].last_error is None


# Outage


async def test_cold_outage_is_unavailable_and_paused(bench: Bench) -> None:
    bench.fail()
    for _ in range(10):
        with pytest.raises(Unavailable) as caught:
            await bench.directory()
        assert caught.value.dependency == "keys.primary"
        assert caught.value.retry_after_s == 5
    assert bench.asked == 1
    bench.time.at += 5
    bench.publish("a")
    assert await bench.directory() == {"a"}


async def test_dead_host_serves_its_old_set_within_the_bound_only(bench: Bench) -> None:
    await bench.directory()
    await bench.server.stop()
    bench.time.at += 300
    assert await bench.directory() == {"a"}
    assert bench.keysets.status()[0].is_stale
    bench.time.at += 3599
    assert await bench.directory() == {"a"}
    await bench.landed()
    bench.time.at += 1
    with pytest.raises(Unavailable):
        await bench.directory()


async def test_pauses_grow_while_the_host_fails_and_no_request_waits(bench: Bench) -> None:
    await bench.directory()
    bench.fail()
    asked = []
    bench.time.at += 225
    for _ in range(1000):
        assert await bench.directory() == {"a"}
        await bench.landed()
        if len(asked) < bench.asked - 1:
            asked.append(bench.time.at)
        bench.time.at += 1
    gaps = [later - earlier for earlier, later in pairwise(asked)]
    assert gaps[:6] == [5, 10, 20, 40, 60, 60]
    assert set(gaps[4:]) == {60}


async def test_failing_host_that_hangs_makes_no_request_wait(bench: Bench) -> None:
    await bench.directory()
    bench.fail()
    bench.time.at += 225
    await bench.directory()
    await bench.landed()
    release, arrived = asyncio.Event(), asyncio.Event()

    async def answer(_: Any) -> web.Response:
        arrived.set()
        await release.wait()
        return published("b")

    bench.server.answer = answer
    bench.time.at += 100
    # Beyond its lifetime, and the host answers only when released: served all the same.
    assert await bench.directory() == {"a"}
    await arrived.wait()
    assert await bench.directory() == {"a"}
    release.set()
    await bench.landed()
    assert await bench.directory("b") == {"b"}


async def test_unknown_kid_while_the_host_is_down_is_unavailable_never_unknown(bench: Bench) -> None:
    await bench.directory()
    bench.fail()
    for i in range(20):
        with pytest.raises(Unavailable):
            await bench.directory(f"new-{i}")
    assert bench.asked == 2
    assert await bench.directory("a") == {"a"}
    bench.publish("a", "new-1")
    bench.time.at += 5
    assert await bench.directory("new-1") == {"a", "new-1"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"keys":[',
        b'{"keys":[]}',
        b'{"keys":{}}',
        b"[]",
        b'{"keys":[{"kty":"oct","k":"AA","kid":"a"}]}',
        b" " * 300_000,
        b"[" * 100_000,
    ],
)
async def test_broken_or_empty_set_never_replaces_a_good_one(bench: Bench, body: bytes) -> None:
    await bench.directory()
    bench.fail(200, body)
    bench.time.at += 300
    assert await bench.directory() == {"a"}
    assert bench.keysets.status()[0].last_error
    with pytest.raises(Unavailable):
        await bench.directory("b")


@pytest.mark.parametrize("status", [204, 301, 302, 304, 400, 401, 404, 429, 500, 503])
async def test_answer_other_than_200_is_an_outage(bench: Bench, status: int) -> None:
    bench.fail(status)
    with pytest.raises(Unavailable):
        await bench.directory()
    with pytest.raises(Unavailable):
        await bench.software()


async def test_software_that_published_no_key_for_longer_than_the_bound_is_told_of_its_kid(bench: Bench) -> None:
    assert await bench.software() == {"a"}
    bench.publish()
    bench.time.at += 300 + 3600 + 1
    assert await bench.software() == set()


async def test_empty_set_of_a_directory_is_an_outage_and_of_a_software_a_set_without_the_kid(bench: Bench) -> None:
    bench.fail(200, b'{"keys":[]}')
    with pytest.raises(Unavailable):
        await bench.directory()
    assert await bench.software() == set()


async def test_dead_software_host_leaves_the_directory_alone(bench: Bench) -> None:
    bench.server.answer = lambda came: published("a") if came.path == "/jwks" else web.Response(status=500)
    with pytest.raises(Unavailable) as caught:
        await bench.software()
    assert caught.value.dependency == "software_keys.primary"
    assert await bench.directory() == {"a"}


async def test_change_of_health_and_of_kids_is_announced(bench: Bench) -> None:
    await bench.directory()
    bench.fail()
    bench.time.at += 300
    await bench.directory()
    bench.time.at += 5
    await bench.directory()
    await bench.landed()
    bench.publish("b")
    bench.time.at += 10
    await bench.directory("b")
    assert [(change.kids, change.last_error is None) for change in bench.changes] == [
        (("a",), True),
        (("a",), False),
        (("b",), True),
    ]


async def test_start_fetches_every_directory_and_survives_an_outage(bench: Bench) -> None:
    bench.fail()
    await bench.keysets.refresh_directories()
    status = bench.keysets.status()[0]
    assert (status.kids, status.age_s) == ((), None)
    bench.time.at += 5
    bench.publish("a")
    await bench.keysets.refresh_directories()
    bench.time.at += 7
    status = bench.keysets.status()[0]
    assert (status.kids, status.age_s, status.next_refresh_s, status.is_stale) == (("a",), 7, 218, False)


# URLs of software


async def test_software_on_a_foreign_host_is_refused_without_a_request(bench: Bench) -> None:
    for url in ("https://evil.example/a.jwks", bench.server.url().replace("https", "http"), "https://localhost:22/"):
        with pytest.raises(Rejected) as caught:
            await bench.keysets.of_software("primary", url, "a")
        assert caught.value.faults[0].check == "fetch.url"
    assert bench.asked == 0


async def test_software_whose_address_is_private_is_refused(bench: Bench, fetcher: Any) -> None:
    guarded = fetcher(limits=FetchLimits())
    url = bench.server.url(PATH)
    source = KeySetSource("primary", bench.server.url("/jwks"), guarded, guarded, bench.server.names)
    keysets = CachedKeySets([source], clock=bench.time)
    for _ in range(3):
        with pytest.raises(Rejected) as caught:
            await keysets.of_software("primary", url, "a")
        assert caught.value.faults[0].check == "fetch.address"
    assert bench.asked == 0
    # The operator's own URL is no TPP's fault.
    with pytest.raises(Unavailable):
        await keysets.of_directory("primary", "a")
    await keysets.close()


async def test_software_sets_are_bounded_in_number(bench: Bench, fetcher: Any) -> None:
    source = KeySetSource("primary", bench.server.url("/jwks"), fetcher(), fetcher(), bench.server.names)
    keysets = CachedKeySets([source], clock=bench.time, software_sets=3)
    for i in range(10):
        await keysets.of_software("primary", bench.server.url(f"/{i}.jwks"), "a")
    assert len(keysets.status()) == 3
    await keysets.close()


async def test_bug_is_seen_by_who_waits_and_the_next_request_tries_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(document: bytes, *, source: str) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr("dcrgw.adapters.keysets.key_set", broken)
    with pytest.raises(ZeroDivisionError):
        await bench.directory()
    monkeypatch.undo()
    bench.time.at += 5
    assert await bench.directory() == {"a"}


def test_pause_has_jitter_and_a_cap() -> None:
    freshness = Freshness()
    assert freshness.pause(1, 0.0) == 5
    assert freshness.pause(1, 0.8) == 4
    assert freshness.pause(10_000, 0.0) == 60


async def test_a_directory_that_is_back_is_noticed_without_a_request(host: Any, fetcher: Any) -> None:
    server = await host(lambda _: web.Response(status=500))
    back = asyncio.Event()
    source = KeySetSource("primary", server.url("/jwks"), fetcher(), fetcher(), server.names)
    keysets = CachedKeySets(
        [source],
        freshness=Freshness(first_pause_s=0.01, longest_pause_s=0.02),
        on_change=lambda status: back.set() if status.is_usable else None,
    )
    try:
        await keysets.refresh_directories()
        assert not keysets.status()[0].is_usable
        server.answer = lambda _: published("a")
        async with asyncio.timeout(60):
            await back.wait()
        assert keysets.status()[0].is_usable
    finally:
        await keysets.close()
