"""The commands as a newcomer runs them, with the real gateway: the story, a served sandbox, the script, explain."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCRIPT = Path(__file__).parents[2] / "docs/examples/register.sh"


async def ran(*command: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


async def dcrgw(*arguments: str) -> tuple[int, str]:
    return await ran(sys.executable, "-m", "dcrgw", *arguments)


def left_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def index_of(folder: Path) -> None:
    async with asyncio.timeout(30):
        while not (folder / "sandbox.json").exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.05)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """The folder of a sandbox that serves in a process of its own, and ends well on SIGTERM."""
    place = tmp_path_factory.mktemp("served")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "dcrgw", "sandbox", "--dir", str(place), stderr=asyncio.subprocess.DEVNULL
    )
    await index_of(place)
    yield place
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    assert left_in(place) == []


async def test_story_ends_well(tmp_path: Path) -> None:
    code, text = await dcrgw("sandbox", "--story", "--dir", str(tmp_path))
    assert code == 0, text
    assert "All went as told." in text
    assert "Traceback" not in text
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("market", ["uk-3.2", "uk-3.3", "uk-3.4", "generic"])
async def test_script_registers_in_every_market(folder: Path, market: str) -> None:
    code, output = await ran("sh", str(SCRIPT), str(folder), market)
    assert code == 0, output
    assert json.loads(output)["client_id"]


async def test_explain_tells_the_last_decision(folder: Path) -> None:
    await ran("sh", str(SCRIPT), str(folder))
    code, text = await dcrgw("explain", "--sandbox", str(folder))
    assert code == 0
    assert "in market uk-3.2" in text
    assert "passed  statement.jws.signature" in text
    assert "decision: registered" in text


async def test_explain_of_an_unknown_report_is_a_sentence(folder: Path) -> None:
    code, text = await dcrgw("explain", "--sandbox", str(folder), "no-such-report")
    assert code == 1
    assert "no such report" in text


async def test_script_without_a_sandbox_says_so(tmp_path: Path) -> None:
    code, text = await ran("sh", str(SCRIPT), str(tmp_path))
    assert code == 2
    assert os.fspath(tmp_path) in text
