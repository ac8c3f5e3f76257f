"""The commands as a newcomer runs them, with the real gateway: the story, a served sandbox, the script, explain."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from click.testing import CliRunner

from dcrgw.cli import main

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "docs/examples/register.sh"
WALK = ROOT / "docs/examples/walk.sh"
METHODS = ["tls_client_auth", "private_key_jwt", "client_secret_basic", "client_secret_post", "client_secret_jwt"]
#: Market -> the ways to authenticate there.
MARKETS = {
    **dict.fromkeys(["uk-3.2", "uk-3.3", "uk-3.4"], METHODS),
    "uk-3.1": METHODS[:-1],
    "generic": METHODS,
    "brazil": ["private_key_jwt", "tls_client_auth"],
    "australia": ["private_key_jwt"],
}
#: A narrator's line: a numbered title with its timing, a detail below one, a closing word, the warning, or nothing.
TOLD = re.compile(r"\d+\. .+ \(\d+ ms\)|   \S.*|.+ \(\d+\.\d s\)|dcrgw sandbox - .+|")


async def ran(*command: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


async def dcrgw(*arguments: str) -> tuple[int, str]:
    return await ran(sys.executable, "-m", "dcrgw", *arguments)


async def called(*arguments: str) -> tuple[int, str]:
    """A command in this process: starting a new one is what takes time."""
    done = await asyncio.to_thread(CliRunner().invoke, main, arguments)
    return done.exit_code, done.output


def left_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def index_of(folder: Path) -> None:
    async with asyncio.timeout(60):
        while not (folder / "sandbox.json").exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.05)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """The folder of a sandbox that serves in a process of its own, and ends well on SIGTERM."""
    place = tmp_path_factory.mktemp("served")
    with (place.parent / f"{place.name}.terminal").open("wb") as terminal:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "dcrgw", "sandbox", "--dir", str(place), stdout=terminal, stderr=terminal
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
    assert [line for line in text.splitlines() if not TOLD.fullmatch(line)] == []
    assert re.findall(r"answer: (\d+)", text) == (
        # registered; discovery, a payment pushed, keys, redeemed, introspected, one refused; the client's life; refused
        ["201", *("200", "201", "200", "200", "200", "400"), *("200", "200", "200", "204", "401"), "400"]
    )
    assert "authorization_details /0/creditorAccount: must be there" in text
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("market", MARKETS)
async def test_walk_lives_a_clients_whole_life_by_every_method(folder: Path, market: str) -> None:
    code, output = await ran("sh", str(WALK), str(folder), market)
    assert code == 0, output
    lives = output.splitlines()
    assert lives[::7] == [f"{market}, {method}" for method in MARKETS[market]]
    assert [line.rpartition(" ")[2] for line in lives[1:7]] == ["201", "200", "200", "200", "204", "401"]


async def test_walk_ends_at_the_first_answer_that_is_not_as_told(folder: Path, tmp_path: Path) -> None:
    index = json.loads((folder / "sandbox.json").read_text())
    for market in index["markets"]:
        market["token_endpoint"] += "/elsewhere"
    for name in ("ca.pem", "transport.pem", "transport.key", "signing.key", "statement.jwt"):
        (tmp_path / name).symlink_to(folder / name)
    (tmp_path / "sandbox.json").write_text(json.dumps(index, indent=2))
    code, output = await ran("sh", str(WALK), str(tmp_path), "uk-3.2")
    assert code == 1
    assert "a token by tls_client_auth: 404" in output
    assert "read" not in output


@pytest.mark.parametrize("market", MARKETS)
async def test_commands_live_a_clients_whole_life_too(folder: Path, market: str) -> None:
    here = ("--sandbox", str(folder), "--market", market)
    for verb, *more in (("register",), ("token",), ("read",), ("update", "--scope", "openid"), ("delete",)):
        code, text = await called("tpp", verb, *here, *more)
        assert code == 0, text
    code, text = await called("tpp", "delete", *here)
    assert code == 1, text
    assert "401" in text


@pytest.mark.parametrize("market", MARKETS)
async def test_script_registers_in_every_market(folder: Path, market: str) -> None:
    # After the lives above: some markets take one client of a software only, and this one stays.
    code, output = await ran("sh", str(SCRIPT), str(folder), market)
    assert code == 0, output
    assert json.loads(output)["client_id"]


async def test_commands_of_the_readme_run(folder: Path) -> None:
    blocks = re.findall(r"```console\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    commands = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    assert {command.split()[0] for command in commands} == {"make", "dcrgw", "docs/examples/walk.sh"}
    for command in commands:
        program, *words = shlex.split(command.replace("var/sandbox", str(folder)))
        if program == "dcrgw":
            code, text = await called(*words)
        else:
            # What targets and scripts do is another test's: here only that there are such.
            check = ["make", "-C", str(ROOT), "-n", *words] if program == "make" else ["sh", "-n", str(ROOT / program)]
            code, text = await ran(*check)
        assert code == 0, f"{command}\n{text}"


async def test_terminal_shows_no_log_and_the_log_has_every_request(folder: Path) -> None:
    await ran("sh", str(SCRIPT), str(folder))
    async with asyncio.timeout(60):
        while "path=/uk-3.2/register" not in (folder / "gateway.log").read_text():  # noqa: ASYNC110 - a thread writes it
            await asyncio.sleep(0.05)
    terminal = (folder.parent / f"{folder.name}.terminal").read_text()
    assert [line for line in terminal.splitlines() if not TOLD.fullmatch(line)] == []


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
