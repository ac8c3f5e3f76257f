"""A gateway that is killed while it registers: afterwards it and oidc-provider know the same clients."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import aiohttp
from behind import is_known_there, reconciled
from gateway_process import directory, serving
from town import UK, Reply, Town

from dcrgw.sandbox.upstream import Program

#: So many registrations at once, and the kill after so many answers.
MANY, HEARD = 16, 3


async def test_gateway_and_server_agree_after_a_kill(oidc_provider: Program, tmp_path: Path) -> None:
    async with directory(tmp_path, hasty, oidc_provider) as town:
        bodies = [await town.body() for _ in range(MANY)]
        async with serving(town) as gateway:
            heard: asyncio.Queue[None] = asyncio.Queue()
            async with asyncio.TaskGroup() as group:
                first = [group.create_task(attempt(town, body, heard)) for body in bodies]
                for _ in range(HEARD):
                    await heard.get()
                await gateway.kill()
        async with serving(town):
            again = [await town.post(body) for body in bodies]
            assert {each.status for each in again} == {201}, [each.body for each in again]
            ids = [each.body["client_id"] for each in again]
            assert len(set(ids)) == town.clients() == MANY
            answered = [each.result() for each in first]
            # What was answered is true; the killed ones were told nothing.
            pairs = [(each.body["client_id"], later) for each, later in zip(answered, ids, strict=True) if each]
            assert HEARD <= len(pairs) < MANY
            assert all(before == later for before, later in pairs)
            assert all([await is_known_there(town, each) for each in ids])
            told = await reconciled(town, UK, "--json")
            assert (told.exit_code, json.loads(told.stdout)) == (0, [])


def hasty(text: str) -> str:
    """What a killed gateway had under way is taken up by the next one after three times so long."""
    return text.replace("[market.upstream]\n", "[market.upstream]\ntotal_s = 1\n")


async def attempt(town: Town, body: bytes, heard: asyncio.Queue[None]) -> Reply | None:
    """The answer to a registration; None where the gateway ended first."""
    try:
        reply = await town.post(body)
    except aiohttp.ClientError:
        return None
    heard.put_nowait(None)
    return reply
