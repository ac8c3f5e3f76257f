"""A script that is saved a hundred times a second, good and bad in turn, loses no request."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio
from town import Reply, Town, running

from dcrgw import app
from dcrgw.config.loading import load
from dcrgw.errors import Misconfigured

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCRIPT = """
from dcrgw.scripting.types import ClientRegistrationType

class ClientRegistration(ClientRegistrationType):
    def init(self, customScript, configurationAttributes):
        return True

    def destroy(self, configurationAttributes):
        return True

    def createClient(self, context):
        context.client.attributes["mark"] = "MARK"
        return True

    def updateClient(self, context):
        return True
"""
BAD = ("class ClientRegistration(\n", "", SCRIPT.replace("return True", "return False", 1), SCRIPT[: len(SCRIPT) // 2])


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["worker", "inline"])
async def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    folder = tmp_path_factory.mktemp(f"changing-{request.param}")
    (folder / "changing.py").write_text(SCRIPT.replace("MARK", "good 0"))
    table = '\n[[script]]\ntype = "client_registration"\nname = "changing"\nfile = "changing.py"\n'
    table += f'mode = "{request.param}"\n'
    async with running(folder, lambda text: text + table) as opened:
        yield opened


def marks(town: Town) -> list[str]:
    with closing(sqlite3.connect(f"file:{town.folder}/bank/registry.sqlite?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT json_extract(document, '$.attributes.mark') FROM clients").fetchall()
    return [mark for (mark,) in rows]


def save_in_turn(file: Path, times: int, enough: Callable[[], bool]) -> None:
    """Good and bad, renamed and written in place, ten milliseconds apart, so often and until enough; the last good."""
    n = 0
    while n < times or not enough():
        n += 1
        content = SCRIPT.replace("MARK", f"good {n}") if n % 2 else BAD[n // 2 % len(BAD)]
        if n % 3:
            file.write_text(content)
        else:
            fresh = file.with_suffix(".new")
            fresh.write_text(content)
            fresh.replace(file)
        time.sleep(0.01)
    file.write_text(SCRIPT.replace("MARK", "good at last"))


async def registered(town: Town, ended: asyncio.Event, replies: list[Reply]) -> None:
    while not ended.is_set():
        replies.append(await town.post(await town.body()))


async def under_saves(town: Town, times: int) -> None:
    ended, replies = asyncio.Event(), list[Reply]()
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(registered(town, ended, replies))
        try:
            await asyncio.to_thread(save_in_turn, town.folder / "changing.py", times, lambda: len(replies) > 3)
        finally:
            ended.set()
    assert {reply.status for reply in replies} == {201}
    assert len(marks(town)) >= len(replies)
    assert all(mark.startswith("good") for mark in marks(town))
    async with asyncio.timeout(60):
        while marks(town)[-1] != "good at last":
            await asyncio.sleep(0.1)
            assert (await town.post(await town.body())).status == 201


async def test_script_saved_all_the_time_loses_no_request(town: Town) -> None:
    await under_saves(town, 150)


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_script_saved_all_the_time_for_long_loses_no_request(town: Town) -> None:
    await under_saves(town, 5000)


async def test_cold_start_with_a_bad_script_leaves_nothing_running(town: Town) -> None:
    file = town.folder / "changing.py"
    await town.stop()
    await asyncio.to_thread(file.write_text, "\nx = = 1\n")
    try:
        with pytest.raises(Misconfigured, match="line 2"):
            await app.start(load(town.session.config))
    finally:
        await asyncio.to_thread(file.write_text, SCRIPT.replace("MARK", "good again"))
        await town.start()
