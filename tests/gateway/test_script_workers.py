"""Workers and their template are killed at random while TPPs register: what that costs, and whom."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
from town import UK, Reply, Town, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCRIPT = """
from dcrgw.scripting.types import ClientRegistrationType

class ClientRegistration(ClientRegistrationType):
    def init(self, customScript, configurationAttributes):
        return True

    def createClient(self, context):
        context.client.attributes["standing"] = context.directory.standing().is_good
        if context.register_request.claims.get("client_name") == "End me":
            import os
            os._exit(3)
        return True

    def updateClient(self, context):
        return True

    def destroy(self, configurationAttributes):
        return True
"""
#: Longer than the script's own deadline of 5 s: nobody waits beyond it.
WITHIN_S = 60.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scripted(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """A town with a script for one of its markets; the others have none."""
    async with running(tmp_path_factory.mktemp("killed")) as town:
        file = town.folder / "asking.py"
        file.write_text(SCRIPT)
        town.edit = lambda plain: (
            plain
            + f'\n[[script]]\ntype = "client_registration"\nname = "asking"\nfile = "{file}"\nmarkets = ["{UK}"]\n'
        )
        await town.start()
        yield town


def template_of(town: Town):
    assert town.gateway is not None
    return town.gateway.scripts.runners.workers.template


async def kill_at_random(town: Town, seed: int, template_too: bool) -> None:
    """Until cancelled. The template is killed now and then."""
    chance = random.Random(seed)
    while True:
        await asyncio.sleep(chance.uniform(0.01, 0.08))
        template = template_of(town)
        pids = [*template.pids, *([template.pid] if template_too and template.pid and chance.random() < 0.1 else [])]
        if pids:
            with suppress(ProcessLookupError):
                os.kill(chance.choice(pids), signal.SIGKILL)


async def storm(town: Town, count: int, seed: int, template_too: bool) -> tuple[list[Reply], list[Reply]]:
    """The replies to registrations with the script and without it."""
    asked = [await town.body(UK) for _ in range(count)]
    plain = [await town.body("uk-3.3") for _ in range(count)]
    killing = asyncio.get_running_loop().create_task(kill_at_random(town, seed, template_too))
    try:
        async with asyncio.timeout(WITHIN_S + count):
            replies = await asyncio.gather(
                *(town.post(body, UK) for body in asked), *(town.post(body, "uk-3.3") for body in plain)
            )
    finally:
        killing.cancel()
    return replies[:count], replies[count:]


async def check(town: Town, count: int, seed: int, template_too: bool) -> Counter[int]:
    before = town.clients()
    scripted, plain = await storm(town, count, seed, template_too)
    assert {reply.status for reply in plain} == {201}, "a registration without a script was touched"
    statuses = Counter(reply.status for reply in scripted)
    assert set(statuses) <= {201, 500, 503}
    assert all(
        reply.body["error"] in ("server_error", "temporarily_unavailable") for reply in scripted if reply.status > 201
    )
    assert town.clients() - before == statuses[201] + len(plain)
    # And when nobody kills any more, everything is as it was, once the last death is noticed and waited for.
    async with asyncio.timeout(WITHIN_S):
        while (await town.post(await town.body(UK), UK)).status != 201:  # noqa: ASYNC110 - asking is the point
            await asyncio.sleep(0.1)
    return statuses


async def test_killed_workers_cost_their_calls_and_nobody_elses(scripted: Town) -> None:
    await check(scripted, 24, seed=1, template_too=False)


async def test_a_killed_template_costs_no_more_than_its_workers_calls(scripted: Town) -> None:
    await check(scripted, 16, seed=2, template_too=True)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_workers_killed_for_long(scripted: Town) -> None:
    total: Counter[int] = Counter()
    for seed in range(20):
        total += await check(scripted, 40, seed, template_too=True)
    assert total[201]
    assert total[500] + total[503]


async def test_a_worker_that_ends_is_named_in_the_report_and_kept_for_the_operator(scripted: Town) -> None:
    gateway = scripted.gateway
    assert gateway is not None
    reply = await scripted.post(await scripted.body(UK, client_name="End me"), UK)
    assert (reply.status, reply.body["error"]) == (500, "server_error")
    assert "asking" not in str(reply.body)
    failure = gateway.scripts.host.errors()[0]
    assert failure.report_id == gateway.reports[-1].report_id
    assert failure.generation == 1
    assert "status 3" in failure.what


async def test_what_a_script_asks_stands_in_the_evidence(scripted: Town) -> None:
    gateway = scripted.gateway
    assert gateway is not None
    assert (await scripted.post(await scripted.body(UK), UK)).status == 201
    _, evidence = gateway.recent.kept[-1]
    asked = [entry.port for entry in evidence.journal.entries]
    assert asked.count("directories.standing") == 2
    question = next(entry.question for entry in evidence.journal.entries if entry.port == "scripts.create_client")
    assert not any(callable(each) for each in question)


async def test_nothing_of_a_stopped_gateway_is_left(scripted: Town) -> None:
    template = template_of(scripted)
    pids = [template.pid, *template.pids]
    await scripted.stop()
    assert pids[0] is not None
    while any(_lives(pid) for pid in pids):  # noqa: ASYNC110 - the kernel tells nobody
        await asyncio.sleep(0.01)
    await scripted.start()


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
