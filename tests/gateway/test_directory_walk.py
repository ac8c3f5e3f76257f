"""`dcrgw keystore test-directory`: each step of the bank's own side of a directory, and what mends it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from admin_clients import aside
from click.testing import CliRunner, Result
from gateway_process import directory
from town import Town

from dcrgw.cli import main
from dcrgw.testkit.certificates import CertificateAuthority
from dcrgw.testkit.keys import SigningKey

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    async with directory(tmp_path_factory.mktemp("sandbox")) as opened:
        yield opened


async def walk(town: Town, *arguments: str, before: str = "", after: str = "") -> Result:
    """The command's result, with a change of the configuration while it runs."""
    config = town.session.config
    assert before in town.plain
    config.write_text(town.plain.replace(before, after) if before else town.plain)
    password = (town.folder / "bank/transport.password").read_text()
    one = () if "--directory" in arguments else ("--directory", "primary")
    command = ["keystore", "test-directory", "--config", str(config), *one, *arguments]
    result = await aside(CliRunner().invoke, main, command)
    config.write_text(town.plain)
    assert password not in result.output
    assert "PRIVATE KEY" not in result.output
    return result


def failed(result: Result) -> list[str]:
    """The names of the steps that failed; each has its fix."""
    lines = result.output.splitlines()
    found = [n for n, line in enumerate(lines) if line.startswith("  FAILED")]
    assert all(lines[n + 1].startswith("         fix: ") for n in found)
    return [lines[n].removeprefix("  FAILED ").partition(",")[0] for n in found]


async def test_a_directory_that_knows_us_is_walked_to_its_end(town: Town) -> None:
    result = await walk(town)
    assert (result.exit_code, failed(result)) == (0, [])
    assert [line.split()[1].rstrip(",:") for line in result.output.splitlines()[1:]] == [
        "key", "software", "ourselves", "token", "SCIM",
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "market"), [("brazil", "brazil"), ("cdr", "australia")])
async def test_a_directory_that_publishes_a_list_is_walked_without_us(town: Town, name: str, market: str) -> None:
    result = await walk(town, "--directory", name)
    assert (result.exit_code, failed(result)) == (0, [])
    assert [line.split()[1] for line in result.output.splitlines()[1:]] == ["key", "software", "list"]
    for mode in ("500", "garbage", "redirect"):
        await town.break_down("list", mode, market=market, count=1)
        broken = await walk(town, "--directory", name)
        assert broken.exit_code == 1
        assert [step.partition(" of ")[0] for step in failed(broken)] == ["list"]


@pytest.mark.parametrize(
    ("endpoint", "mode", "steps"),
    [
        ("jwks", "garbage", ["key set"]),
        ("jwks", "500", ["key set"]),
        ("token", "down", ["token"]),
        ("token", "500", ["token"]),
        ("token", "garbage", ["token"]),
        ("scim", "redirect", ["SCIM"]),
        ("scim", "garbage", ["SCIM"]),
        ("scim", "500", ["SCIM"]),
    ],
)
async def test_the_step_that_fails_is_named(town: Town, endpoint: str, mode: str, steps: list[str]) -> None:
    await town.break_down(endpoint, mode)
    try:
        result = await walk(town)
    finally:
        await town.break_down(endpoint, "none")
    assert (result.exit_code, failed(result)) == (1, steps)


async def test_a_root_that_vouches_for_other_servers_is_told_with_its_setting(town: Town) -> None:
    (town.folder / "other.pem").write_bytes(CertificateAuthority.create("Other").certificate_pem)
    result = await walk(town, before='trust_keystore = "ca.pem"', after='trust_keystore = "other.pem"')
    assert failed(result) == ["key set", "software key sets", "token"]
    assert "trust_keystore" in result.output
    assert "software_jwks_trust" in result.output


async def test_a_signing_key_that_the_directory_does_not_know_is_told(town: Town) -> None:
    (town.folder / "bank/other.key").write_bytes(SigningKey.generate("other", "PS256").pem)
    (town.folder / "bank/other.key").chmod(0o600)
    before = 'signing_key = "bank/signing.key"\nsigning_cert = "bank/signing.pem"'
    result = await walk(town, before=before, after='signing_key = "bank/other.key"')
    assert failed(result) == ["token"]
    assert "signing key of kid" in result.output


async def test_a_configuration_that_is_refused_asks_nobody(town: Town) -> None:
    before = await town.times_asked("jwks")
    result = await walk(town, before="cooldown_s = 1", after="cooldown_s = 0")
    assert (result.exit_code, await town.times_asked("jwks")) == (1, before)
    assert (await walk(town, "--directory", "none")).exit_code == 2
