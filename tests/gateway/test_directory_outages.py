"""Every cell of docs/faults.md's table of outages, played against the whole gateway."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import fault_page
import pytest
import pytest_asyncio
from fault_page import Outage
from town import UK, Town, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Beyond every pause after a failure, and within every lifetime.
PAUSE_S = 70
LIFETIME_S, BOUND_S = 300, 600


def impatient(text: str) -> str:
    """A gateway that gives up on a slow directory sooner, yet not on a busy machine."""
    return patient(text).replace("[fetch]\n", "[fetch]\ntotal_s = 2\n")


def patient(text: str) -> str:
    """The sandbox's configuration with lifetimes that a test knows; the directory's word is kept a while."""
    return text.replace(
        "[keysets]\n", f"[keysets]\nlifetime_s = {LIFETIME_S}\nstale_s = {BOUND_S - LIFETIME_S}\n"
    ).replace("lifetime_s = 0 ", "lifetime_s = 60 ")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def troubled(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """A town whose directory is in trouble."""
    async with running(tmp_path_factory.mktemp("troubled"), patient) as opened:
        yield opened


def _cells() -> list[Any]:
    """Every cell; where only the mode of a refresh behind the scenes differs, two modes are enough for every day."""
    return [
        pytest.param(
            each,
            id=f"{each.endpoint}-{each.mode}-{each.had}",
            marks=[pytest.mark.slow] if each.had != "cold" and each.mode not in ("garbage", "down") else [],
        )
        for each in fault_page.outages()
    ]


@pytest.mark.parametrize("case", _cells())
async def test_an_outage_is_answered_as_the_page_says_and_mends_itself(troubled: Town, case: Outage) -> None:
    town = troubled
    await town.manage("POST", "/reset")
    town.ahead_s = 0
    if case.had == "cold":
        await town.break_down(case.endpoint, case.mode)
    town.edit = impatient if case.mode == "slow" else patient
    await town.start()
    await _age(town, case)
    body, before = await town.body(), (town.clients(), town.used())
    reply = await town.post(body)
    assert reply.status == case.status, reply.body
    if case.status == 503:
        assert reply.body["error"] == "temporarily_unavailable"
        assert "errors" not in reply.body
        assert 1 <= int(reply.headers["Retry-After"]) <= 60
        assert (town.clients(), town.used()) == before
    assert not any("redirected=1" in each.path for each in town.session.traffic.arrivals)
    await _mends(town, case, body)


async def _age(town: Town, case: Outage) -> None:
    """Give the gateway what it has before the outage, as old as the case wants it."""
    if case.had == "cold":
        return
    assert (await town.post(await town.body())).status == 201
    town.ahead_s = {"warm": 0, "stale": LIFETIME_S + 1, "too old": BOUND_S + 1}[case.had]
    await town.break_down(case.endpoint, case.mode)


async def _mends(town: Town, case: Outage, body: bytes) -> None:
    """Once the directory is well again the same bytes are taken, and nobody restarts anything."""
    await town.break_down(case.endpoint, "none")
    town.ahead_s += PAUSE_S
    assert (await town.post(body)).status == 201
    assert (await town.post(await town.body())).status == 201


@pytest.mark.parametrize("mode", ["500", "down"])
async def test_a_directory_without_keys_takes_the_gateway_off_readyz_until_it_has_some(
    troubled: Town, mode: str
) -> None:
    town = troubled
    await town.manage("POST", "/reset")
    town.ahead_s = 0
    await town.break_down("jwks", mode)
    await town.start()
    assert await _ready(town) == 503
    await town.break_down("jwks", "none")
    town.ahead_s = PAUSE_S
    assert (await town.post(await town.body())).status == 201
    assert await _ready(town) == 200


async def test_an_outage_of_one_software_leaves_the_gateway_ready(troubled: Town) -> None:
    town = troubled
    await town.manage("POST", "/reset")
    town.ahead_s = 0
    await town.break_down("software-jwks", "down")
    await town.start()
    assert (await town.post(await town.body())).status == 503
    assert await _ready(town) == 200


async def test_in_an_outage_the_directory_is_asked_less_often_than_requests_come(troubled: Town) -> None:
    town = troubled
    for endpoint in ("jwks", "software-jwks", "token", "scim"):
        await town.manage("POST", "/reset")
        town.ahead_s = 0
        await town.break_down(endpoint, "500")
        town.stands_at = time.monotonic()
        try:
            await town.start()
            bodies = [await town.body() for _ in range(10)]
            assert {(await town.post(body)).status for body in bodies} == {503}
        finally:
            town.stands_at = None
        assert await town.times_asked(endpoint) <= 3, endpoint


async def test_the_callers_label_ties_an_outage_to_its_report(troubled: Town) -> None:
    town = troubled
    await town.manage("POST", "/reset")
    town.ahead_s = 0
    await town.break_down("scim", "500")
    await town.start()
    label = "7f2c0f0e-4a41-4f3a-9d52-f8f0a6c2a001"
    reply = await town.post(await town.body(), UK, headers={"x-fapi-interaction-id": label})
    assert reply.headers["x-fapi-interaction-id"] == label
    report = await town.manage("GET", "/reports/last")
    assert (report["interaction_id"], report["decision"]) == (label, "unavailable")
    assert [each["check"] for each in report["findings"] if each["verdict"] == "unknown"] == ["standing.known"]


async def _ready(town: Town) -> int:
    async with aiohttp.ClientSession() as http, http.get(f"{town.index()['health']}/readyz") as answer:
        return answer.status
