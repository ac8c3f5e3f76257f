"""Hosts for the scripting tests, in both modes: what holds inline holds in a worker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.scripting.hiring import WorkerSettings
from dcrgw.scripting.host import ScriptHost
from dcrgw.scripting.runners import Runners

#: Makes a host of entries, each loaded with the properties that stand in it.
Hosted = Callable[..., Awaitable[ScriptHost]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def runners() -> AsyncIterator[Runners]:
    made = Runners(WorkerSettings(cpu_s=5.0), lambda *_args, **_fields: None)
    yield made
    await made.close()


@pytest.fixture(params=["inline", "worker"])
def mode(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest_asyncio.fixture(loop_scope="module")
async def hosted(runners: Runners, mode: str) -> AsyncIterator[Hosted]:
    hosts = []

    async def make(*entries: ScriptEntry, properties: dict[str, str] | None = None, **options: Any) -> ScriptHost:
        host = ScriptHost(on_event=options.pop("on_event", lambda *_args, **_fields: None), **options)
        hosts.append(host)
        loaded = [await runners.load(replace(entry, mode=mode), properties or {}) for entry in entries]
        host.swap(loaded)
        return host

    yield make
    for host in hosts:
        await host.close()
