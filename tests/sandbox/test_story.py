"""`dcrgw sandbox`: the story ends with 0 only if everything went as told; an end leaves nothing behind."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from fake_gateway import FakeGateway, start_fake
from rich.console import Console

from dcrgw.cli import explain
from dcrgw.cli.sandbox import LOG, run
from dcrgw.errors import Misconfigured
from dcrgw.sandbox.narrator import WARNING, Narrator
from dcrgw.sandbox.session import Ports


class Told:
    """A narrator that writes into memory."""

    def __init__(self) -> None:
        self.file = io.StringIO()
        self.narrator = Narrator(Console(file=self.file, highlight=False))

    @property
    def text(self) -> str:
        return self.file.getvalue()


async def story(folder: Path, temper: str = "") -> tuple[int, str]:
    told = Told()
    code = await run(
        folder, Ports(), story=True, narrator=told.narrator, start=lambda config: start_fake(config, temper)
    )
    return code, told.text


def left_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_story_ends_well(tmp_path: Path) -> None:
    code, text = await story(tmp_path)
    assert code == 0, text
    assert WARNING in text
    assert "answer: 201" in text
    assert "rules.redirect_uris.subset" in text
    assert "rules.scope.within_roles" in text
    assert "fake: 1 passed" in text
    for line in ("answer: 200", "answer: 204", "answer: 401"):
        assert line in text
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    "temper", ["lenient", "refuses", "silent", "undying", "generous", "wordless", "unsigned", "forgetful"]
)
async def test_story_fails_where_the_gateway_does_otherwise(tmp_path: Path, temper: str) -> None:
    code, text = await story(tmp_path, temper)
    assert code == 1
    assert "Not as told" in text
    assert left_in(tmp_path) == []


async def test_log_of_a_gateway_that_went_wrong_is_kept_and_named(tmp_path: Path) -> None:
    async def broken(config: Path) -> FakeGateway:
        config.with_name(LOG).write_text("what happened")
        raise Misconfigured("a key is missing")

    told = Told()
    assert await run(tmp_path, Ports(), story=True, narrator=told.narrator, start=broken) == 1
    assert left_in(tmp_path) == [LOG]
    assert str(tmp_path / LOG) in told.text


async def test_gateway_that_does_not_start_is_told(tmp_path: Path) -> None:
    async def broken(config: Path) -> FakeGateway:
        raise Misconfigured("a key is missing")

    told = Told()
    assert await run(tmp_path, Ports(), story=True, narrator=told.narrator, start=broken) == 1
    assert "a key is missing" in told.text


async def test_story_reads_as_plain_lines_in_a_pipe(tmp_path: Path) -> None:
    _, text = await story(tmp_path)
    assert "\x1b" not in text
    assert "1. The directory is up" in text
    assert all(line == line.rstrip("\n") for line in text.splitlines())


async def serving(folder: Path, told: Told, gateways: list[FakeGateway]) -> asyncio.Task[int]:
    async def start(config: Path) -> FakeGateway:
        gateways.append(await start_fake(config))
        return gateways[-1]

    task = asyncio.get_running_loop().create_task(
        run(folder, Ports(), story=False, narrator=told.narrator, start=start)
    )
    async with asyncio.timeout(60):
        while "Serving" not in told.text:
            assert not task.done(), told.text
            await asyncio.sleep(0.01)
    return task


async def test_sigterm_ends_a_serving_sandbox_cleanly(tmp_path: Path) -> None:
    told = Told()
    task = await serving(tmp_path, told, [])
    assert (tmp_path / "sandbox.json").exists()
    os.kill(os.getpid(), signal.SIGTERM)
    assert await task == 0
    assert left_in(tmp_path) == []


async def finished(*command: str) -> tuple[int, str]:
    """A command's exit code and output, while this loop goes on serving."""
    done = await asyncio.to_thread(
        subprocess.run, command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False
    )
    return done.returncode, done.stdout


def _report(folder: Path, report_id: str) -> dict[str, Any]:
    """A report, by the management API that sandbox.json names."""
    management = json.loads((folder / "sandbox.json").read_text())["directory_endpoints"]["management"]
    with urlopen(f"{management}/reports/{report_id}", timeout=120) as answer:
        return json.load(answer)


async def test_script_of_curl_and_openssl_registers_and_explain_tells_why(tmp_path: Path) -> None:
    gateways: list[FakeGateway] = []
    task = await serving(tmp_path, Told(), gateways)
    (gateway,) = gateways
    script = Path(__file__).parents[2] / "docs/examples/register.sh"
    code, output = await finished("sh", str(script), str(tmp_path), "uk-3.3")
    assert code == 0, output
    assert '"client_id": "c-1"' in output
    (body,) = gateway.bodies
    index = json.loads((tmp_path / "sandbox.json").read_text())
    assert body["content_type"] == "application/jose"
    assert body["claims"]["iss"] == index["software_id"]
    assert body["claims"]["aud"] == index["request_audience"]
    assert body["claims"]["tls_client_auth_subject_dn"] == index["transport_subject_dn"]

    gateway.temper = "refuses"
    code, output = await finished("sh", str(script), str(tmp_path))
    assert code != 0
    assert "fake.signature" in output

    report = await asyncio.to_thread(_report, tmp_path, "last")
    lines = [line for line, _ in explain.told(report)]
    assert lines[0] == "report r-2: create in market uk-3.2"
    assert any(line.startswith("failed  fake.signature") for line in lines)
    assert lines[-2:] == ["decision: rejected (3 passed, 1 failed)", "  fake.signature: no"]
    assert (await asyncio.to_thread(_report, tmp_path, "r-1"))["decision"] == "accepted"
    os.kill(os.getpid(), signal.SIGINT)
    assert await task == 0
