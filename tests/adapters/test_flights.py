import asyncio

import pytest

from dcrgw.adapters.flights import Flights


async def test_call_is_shared_by_all_who_ask_meanwhile() -> None:
    flights: Flights[str, int] = Flights()
    calls = []

    async def call() -> int:
        calls.append(1)
        await asyncio.sleep(0)
        return len(calls)

    assert await asyncio.gather(*(flights.join("a", call) for _ in range(10))) == [1] * 10
    assert await flights.join("a", call) == 2


async def test_keys_do_not_share() -> None:
    flights: Flights[str, str] = Flights()

    async def call(name: str) -> str:
        await asyncio.sleep(0)
        return name

    assert await asyncio.gather(*(flights.join(k, lambda k=k: call(k)) for k in "ab")) == ["a", "b"]


async def test_every_waiter_sees_the_failure_and_the_next_call_is_fresh() -> None:
    flights: Flights[str, int] = Flights()

    async def fails() -> int:
        await asyncio.sleep(0)
        raise LookupError

    async def works() -> int:
        return 1

    results = await asyncio.gather(*(flights.join("a", fails) for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [LookupError] * 3
    assert await flights.join("a", works) == 1


async def test_failure_that_nobody_waits_for_is_not_left_behind(caplog: pytest.LogCaptureFixture) -> None:
    import gc

    flights: Flights[str, int] = Flights()

    async def fails() -> int:
        raise LookupError

    flights.start("a", fails)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not flights.running("a")
    gc.collect()
    assert caplog.text == ""


async def test_close_ends_what_runs() -> None:
    flights: Flights[str, None] = Flights()
    ended = asyncio.Event()

    async def hangs() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    flights.start("a", hangs)
    await asyncio.sleep(0)
    await flights.close()
    assert ended.is_set()
    assert not flights.running("a")
