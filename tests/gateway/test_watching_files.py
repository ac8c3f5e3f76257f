"""The watch: a gateway that looks for itself, and one that is told by a signal or by a command."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from admin_clients import aside
from click.testing import CliRunner
from cryptography.hazmat.primitives.serialization import Encoding
from gateway_process import SOON_S, directory, serving
from town import Town, running
from wire import wire

from dcrgw.app.reloading import Reloading
from dcrgw.cli.reload import reload
from dcrgw.config.model import Settings

pytestmark = pytest.mark.asyncio(loop_scope="module")


def watching(text: str) -> str:
    """Often, so that nobody waits."""
    return text if "[reload]" in text else text + "\n[reload]\ninterval_s = 0.05\n"


def patient(text: str) -> str:
    """Only when told to."""
    return text + "\n[reload]\ninterval_s = 0\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    async with running(tmp_path_factory.mktemp("sandbox"), watching) as opened:
        yield opened


async def until(true: Callable[[], bool]) -> None:
    """Wait for something that comes soon."""
    async with asyncio.timeout(SOON_S):
        while not true():  # noqa: ASYNC110 - the gateway is not to know that it is watched
            await asyncio.sleep(0.02)


def complaints(town: Town) -> tuple[str, ...]:
    return next(each.details for each in town.gateway.health.conditions if each.component == "configuration")


def renew(folder: Path, town: Town) -> bytes:
    """A new server pair, the two files one after the other. Gives the certificate, DER."""
    issued = town.session.parties.authorities.server()
    for name, content in (("server.pem", issued.chain_pem), ("server.key", issued.key_pem)):
        (folder / "fresh").write_bytes(content)
        (folder / "fresh").chmod(0o600)
        (folder / "fresh").rename(folder / name)
    return issued.der


async def test_a_renamed_pair_is_served_without_being_told(town: Town) -> None:
    der = renew(town.folder / "bank", town)
    await until(lambda: town.gateway.materials.mtls.certificate.public_bytes(Encoding.DER) == der)
    async with wire(town) as connection:
        assert connection.writer.get_extra_info("ssl_object").getpeercert(True) == der


async def test_a_half_written_store_is_taken_when_it_is_whole(town: Town) -> None:
    store = town.folder / "bank/transport.p12"
    whole, before = store.read_bytes(), town.gateway.generation
    with store.open("wb") as file:
        file.write(whole[:300])
        file.flush()
        # It stays half for longer than the watch waits for a writer.
        await until(lambda: bool(complaints(town)))
        assert town.gateway.generation == before
        file.write(whole[300:])
    await until(lambda: not complaints(town))
    assert town.gateway.generation == before + 1
    assert (await town.post(await town.body())).status == 201


async def test_a_slip_that_is_taken_back_while_it_is_read_is_forgotten(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is looked at says before and after it the same: only the slip was read."""
    config = town.session.config
    right, mode = config.read_bytes(), config.stat().st_mode & 0o777

    def slip(reloading: Reloading) -> Settings:
        monkeypatch.undo()
        put(config, b"[oops", mode)
        try:
            return reloading._read_anew()
        finally:
            put(config, right, mode)

    monkeypatch.setattr(Reloading, "_read_anew", slip)
    assert (await town.gateway.reload()).faults
    await until(lambda: not complaints(town))


async def test_a_file_that_only_a_refused_configuration_names_is_looked_at_too(town: Town) -> None:
    config, before = town.session.config, town.gateway.generation
    text = config.read_text()
    config.write_text(text.replace('trust = ["ca.pem"]', 'trust = ["ca.pem", "late.pem"]'))
    await until(lambda: any("late.pem" in told for told in complaints(town)))
    (town.folder / "late.pem").write_bytes(town.session.parties.authorities.foreign.certificate_pem)
    await until(lambda: town.gateway.generation == before + 1)
    assert not complaints(town)


NAMES = ("ca.pem", "issuing.pem", "bank/server.pem", "bank/server.key", "bank/transport.p12", "bank/signing.key")


def spoil(path: Path, how: int, good: bytes, aside_: Path) -> None:
    """Another state of a file: cut, gone, open to all, garbage, a link, a link to itself, a FIFO, or right."""
    path.unlink(missing_ok=True)
    match how:
        case 0:
            put(path, good[: len(good) // 2])
        case 1:
            pass
        case 2:
            put(path, good, 0o666)
        case 3:
            put(path, bytes(500))
        case 4:
            aside_.unlink(missing_ok=True)
            put(aside_, good)
            path.symlink_to(aside_)
        case 5:
            path.symlink_to(path)
        case 6:
            os.mkfifo(path)
        case _:
            put(path, good)


def put(path: Path, content: bytes, mode: int = 0o600) -> None:
    path.touch(mode)
    path.chmod(mode)
    path.write_bytes(content)


async def test_a_storm_of_changes_costs_no_request(town: Town) -> None:
    good = {name: (town.folder / name).read_bytes() for name in NAMES}

    def storm() -> None:
        for turn in range(240):
            name = NAMES[turn % len(NAMES)]
            spoil(town.folder / name, turn * 5 % 8, good[name], town.folder / f"aside-{turn % 3}")
            time.sleep(0.01)
        for name in NAMES:
            spoil(town.folder / name, 7, good[name], town.folder / "aside")

    statuses = set()
    async with asyncio.TaskGroup() as both:
        storming = both.create_task(asyncio.to_thread(storm))
        while not storming.done():
            statuses.add((await town.post(await town.body())).status)
    assert statuses == {201}
    assert (await town.gateway.reload()).faults == ()
    assert (await town.post(await town.body())).status == 201


async def test_a_process_takes_changes_by_signal_and_by_command(tmp_path: Path) -> None:
    async with directory(tmp_path, patient) as town, serving(town) as gateway:
        renew(tmp_path / "bank", town)
        gateway.tell(signal.SIGHUP)
        await gateway.until("reloaded", generation=2)
        config = town.session.config
        arguments = ["--socket", str(tmp_path / "admin.sock")]
        text = config.read_text()
        config.write_text(text.replace("cooldown_s = 1", "cooldown_s = 2"))
        done = await aside(CliRunner().invoke, reload, arguments)
        assert (done.exit_code, "cooldown_s: 1 -> 2" in done.output) == (0, True)
        config.write_text(text.replace("cooldown_s = 1", "cooldown_s = 0"))
        refused = await aside(CliRunner().invoke, reload, arguments)
        assert (refused.exit_code, "keysets.cooldown_s" in refused.output) == (1, True)
        await gateway.until("reload_refused", generation=3)
        gateway.tell(signal.SIGTERM)
        assert await gateway.end() == 0
