"""Keycloak and Ory Hydra as they are installed by `make test-upstreams`, run behind a town's markets.

Their configurations are those of docs/examples/upstreams, with this machine's addresses in them.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from admin_clients import aside
from click.testing import CliRunner
from town import Town

from dcrgw.cli import main
from dcrgw.sandbox.authorities import SERVER_NAMES
from dcrgw.testkit.certificates import CertificateAuthority

PROJECT = Path(__file__).parents[2]
EXAMPLES = PROJECT / "docs/examples/upstreams"
INSTALLED = Path(os.environ.get("DCRGW_UPSTREAMS", PROJECT / "var/upstreams"))
SECRET = "of-the-gateway-alone"
#: A cold start of Keycloak builds itself first.
_START_S = 240
_END_S = 20


def installed(server: str, pattern: str) -> Path:
    """The program of a server; what is not there skips by its name."""
    found = sorted(INSTALLED.glob(f"{server}/{pattern}"))
    if not found:
        pytest.skip(f"{server} is not installed: `make test-upstreams` does that, where its registry has it")
    return found[-1]


def write_certificates(folder: Path) -> None:
    """An authority for the gateway and the server behind it alone."""
    inside = CertificateAuthority.create("Example Bank inside (not for production)")
    folder.mkdir()
    (folder / "ca.pem").write_bytes(inside.certificate_pem)
    issued = {
        "server": inside.issue_server(*SERVER_NAMES),
        "gateway": inside.issue("obtransport", subject="CN=gateway"),
    }
    for name, each in issued.items():
        (folder / f"{name}.pem").write_bytes(each.chain_pem)
        (folder / f"{name}.key").write_bytes(each.key_pem)
    (folder / "secret").write_text(SECRET)


def upstream_section(server: str, url: str, folder: Path, **changes: Any) -> str:
    """The example's [market.upstream] with this machine's places."""
    text = (EXAMPLES / server / "dcrgw.toml").read_text()
    places = {
        "url": url,
        "trust_keystore": str(folder / "ca.pem"),
        "transport_cert": str(folder / "gateway.pem"),
        "transport_key": str(folder / "gateway.key"),
        "admin_client_secret": f"file:{folder / 'secret'}",
        "introspection_client_secret": f"file:{folder / 'secret'}",
        **changes,
    }
    for name, value in places.items():
        line = f"{name} = {json.dumps(value)}"
        text = re.sub(rf"^{name} = .*$", line.replace("\\", r"\\"), text, flags=re.MULTILINE)
    return text


def behind(text: str, market: str, issuer: str, section: str) -> str:
    """A sandbox's configuration with a server behind one market."""
    before, mark, after = text.partition(f'[[market]]\nname = "{market}"')
    assert mark
    own, *rest = re.split(r"(?=^\[\[)", after, flags=re.MULTILINE)
    own = re.sub(r"^issuer = .*$", f'issuer = "{issuer}"', own, count=1, flags=re.MULTILINE)
    return before + mark + own + f"\n{section}\n" + "".join(rest)


def rename(town: Town, market: str, issuer: str) -> None:
    """Let the town's TPPs know the market by another issuer, for which they make their assertions too."""
    entry = next(each for each in town.session.index["markets"] if each["market"] == market)
    entry["well_known"] = entry["well_known"].replace(entry["issuer"], issuer)
    entry["issuer"] = entry["assertion_audience"] = issuer
    (town.folder / "sandbox.json").write_text(json.dumps(town.session.index))


@asynccontextmanager
async def serving(
    command: Iterable[str | Path], log: Path, is_up: Callable[[], Any], **env: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A server's process and all its children, from when it answers until the end."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *map(str, command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **env},
            start_new_session=True,
        )
    try:
        async with asyncio.timeout(_START_S):
            while not await is_up():
                assert process.returncode is None, tail(log)
                await asyncio.sleep(0.3)
        yield process
    finally:
        with_children = os.getpgid(process.pid) if process.returncode is None else None
        if with_children is not None:
            os.killpg(with_children, signal.SIGTERM)
            try:
                async with asyncio.timeout(_END_S):
                    await process.wait()
            except TimeoutError:
                os.killpg(with_children, signal.SIGKILL)
                await process.wait()


def tail(log: Path) -> str:
    """The end of a server's log."""
    return log.read_text(errors="replace")[-3000:]


async def answers(url: str, folder: Path) -> bool:
    """Whether a server says at this URL that all is well."""
    try:
        return (await get(url, folder))[0] == 200
    except aiohttp.ClientError:
        return False


async def get(url: str, folder: Path, **how: Any) -> tuple[int, Any]:
    """What a server says past the gateway, to the gateway's certificate: status and JSON."""
    tls = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    tls.load_cert_chain(folder / "gateway.pem", folder / "gateway.key")
    method = how.pop("method", "GET")
    async with aiohttp.ClientSession() as http, http.request(method, url, ssl=tls, **how) as answer:
        raw = await answer.read()
        return answer.status, json.loads(raw) if raw[:1] in (b"{", b"[") else None


async def until_ready(town: Town) -> None:
    """Wait until the gateway has found what stands behind it."""
    assert town.gateway is not None
    async with asyncio.timeout(60):
        while not town.gateway.health.ready:  # noqa: ASYNC110 - it is told by a server that is real
            await asyncio.sleep(0.2)


async def doctor(town: Town, market: str) -> tuple[int, str]:
    """What `dcrgw doctor upstream --register` says of a market: its status and its lines."""
    command = (sys.executable, "-m", "dcrgw", "doctor", "upstream", "--register", "--market", market)
    process = await asyncio.create_subprocess_exec(
        *command, "--config", str(town.session.config), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


async def reconciled(town: Town, *arguments: str) -> tuple[int, str]:
    """What `dcrgw reconcile` says: its status and its lines."""
    found = await aside(
        CliRunner().invoke, main, ["reconcile", *arguments, "--socket", str(town.folder / "admin.sock")]
    )
    return found.exit_code, found.output
