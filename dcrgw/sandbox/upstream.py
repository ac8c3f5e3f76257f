"""An authorization server behind the sandbox's markets: its files, and its process."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dcrgw
from dcrgw.config.profiles import load_profile
from dcrgw.sandbox.authorities import SERVER_NAMES
from dcrgw.sandbox.files import Folder
from dcrgw.sandbox.gateway_config import DETAIL_TYPES, Endpoints, SandboxMarket
from dcrgw.sandbox.parties import Parties
from dcrgw.testkit.certificates import CertificateAuthority

#: The servers that come with the project.
EXAMPLES = Path(dcrgw.__file__).parents[1] / "docs/examples/upstreams"
#: What a server's folder holds; it is run with the name of its configuration.
PROGRAM = "server.mjs"
#: The name of its files in the sandbox's folder, and of its log there.
FOLDER, LOG = "upstream", "upstream.log"
#: Below the issuer: where the server asks customers.
PAGES = "interaction"
#: The gateway's own client at the server.
GATEWAY_CLIENT = "gateway"
_LEAST_NODE = (20, 19)
_START_S, _END_S = 30, 5
_SCOPES = frozenset({"openid", "profile", "offline_access"})


class UpstreamUnusable(Exception):
    """There is no such server, or nothing to run it with; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Program:
    """A server that can be run."""

    folder: Path
    node: str


def program(name: str) -> Program:
    """The server of a name (`oidc-provider`) or in a folder. Raises: UpstreamUnusable."""
    folder = EXAMPLES / name if re.fullmatch(r"[a-z0-9-]+", name) else Path(name)
    if not (folder / PROGRAM).is_file():
        known = ", ".join(sorted(each.parent.name for each in EXAMPLES.glob(f"*/{PROGRAM}"))) or "none"
        raise UpstreamUnusable(f"there is no {folder / PROGRAM}; the servers that come with the project: {known}")
    node = shutil.which("node")
    if node is None:
        raise UpstreamUnusable("node is not installed: it runs the server (Node.js 22 or newer; on Debian `nodejs`)")
    asked = [node, "--version"]
    version = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=10).stdout  # noqa: S603 - ours
    found = tuple(int(each) for each in re.findall(r"\d+", version)[:2])
    if found < _LEAST_NODE:
        raise UpstreamUnusable(f"node is {version.strip() or 'broken'}: the server needs v20.19 or newer, best v22")
    if (folder / "package.json").exists() and not (folder / "node_modules").is_dir():
        raise UpstreamUnusable(
            f"its packages are not there: run `npm ci --prefix {folder}` first (npm comes with node)"
        )
    return Program(folder.resolve(), node)


@dataclass(slots=True)
class Upstream:
    """One server behind all markets of a sandbox; `port` stays the same when it is started again."""

    program: Program
    folder: Folder
    port: int
    _process: asyncio.subprocess.Process | None = field(default=None, repr=False)

    @property
    def log(self) -> Path:
        """What it wrote to its standard error; it outlives a run that went wrong."""
        return self.folder.path / LOG

    @property
    def pid(self) -> int:
        """Of its process. Raises: LookupError where it does not run."""
        if self._process is None:
            raise LookupError("the server does not run")
        return self._process.pid

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Started, and gone at the end. Raises: UpstreamUnusable where it does not start."""
        try:
            await self.start()
            yield
        finally:
            await self.stop()

    async def start(self) -> None:
        """Run it from its configuration, with nothing in its memory. Raises: UpstreamUnusable."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                self.program.node,
                str(self.program.folder / PROGRAM),
                str(self.folder.path / FOLDER / "config.json"),
                # Held open: when we are gone, however, it reads the end and goes as well.
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                # It asks the TPPs' key sets, at a directory whose root only the sandbox knows.
                env={**os.environ, "NODE_EXTRA_CA_CERTS": str(self.folder.path / "ca.pem")},
            )
        assert self._process.stdout is not None
        async with asyncio.timeout(_START_S):
            line = await self._process.stdout.readline()
        if not line.startswith(b"ready"):
            raise UpstreamUnusable(f"the server did not start: {self.log.read_text(errors='replace')[-1000:].strip()}")

    async def stop(self) -> None:
        """End it by its own clean-up, or else without."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(_END_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def kill(self) -> None:
        """End it at once, as a power cut does; all that it knew is lost."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            await process.wait()


def write(folder: Folder, parties: Parties, endpoints: Endpoints, markets: Iterable[SandboxMarket], port: int) -> None:
    """The server's configuration, and what it and the gateway prove to each other."""
    # An authority for these two alone: whoever it names is believed about TPPs' certificates.
    inside = CertificateAuthority.create("Example Bank inside (not for production)")
    server, gateway = inside.issue_server(*SERVER_NAMES), inside.issue("obtransport", subject="CN=gateway")
    # The listener of the gateway admits certificates of the directory's authorities.
    asking = parties.authorities.issue("obtransport", parties.bank.software, parties.bank.organisation)
    folder.write(f"{FOLDER}/ca.pem", inside.certificate_pem)
    for name, issued in (("server", server), ("gateway", gateway), ("asking", asking)):
        folder.write(f"{FOLDER}/{name}.pem", issued.chain_pem)
        folder.write_private(f"{FOLDER}/{name}.key", issued.key_pem)
    folder.write(f"{FOLDER}/asking-alone.pem", asking.certificate_pem)
    for name in ("registration.token", "gateway.secret", "pairwise.salt"):
        folder.write_private(f"{FOLDER}/{name}", secrets.token_urlsafe(32).encode())
    people = [
        {"login": each.entry.login, "name": each.entry.customer.name, "sub": each.entry.customer.sub,
         "password": str(each.entry.password)} for each in parties.people
    ]  # fmt: skip
    folder.write_private(f"{FOLDER}/customers.json", json.dumps(people).encode())
    document = _configuration(endpoints, markets, port)
    folder.write(f"{FOLDER}/config.json", json.dumps(document, indent=2).encode() + b"\n")


def _configuration(endpoints: Endpoints, markets: Iterable[SandboxMarket], port: int) -> dict[str, Any]:
    keystores = [endpoints.keystore, *(each.keystore for each in endpoints.abroad.values())]
    return {
        "bank_name": "Example Bank",
        "demo": True,
        "listen": {"port": port, "certificate": "server.pem", "key": "server.key"},
        "gateway": {"ca": "ca.pem"},
        "details": {"ca": "../ca.pem", "certificate": "asking.pem", "key": "asking.key"},
        "customers": "customers.json",
        "pairwise_salt": "pairwise.salt",
        "inner_key_hosts": [each.removeprefix("https://") for each in keystores],
        "markets": [
            {
                "issuer": endpoints.issuer(market),
                "base_url": endpoints.base_url(market),
                "registration_token": "registration.token",
                "gateway_client_id": GATEWAY_CLIENT,
                "gateway_client_secret": "gateway.secret",
                "scopes": _scopes(market),
                "detail_types": list(DETAIL_TYPES),
            }
            for market in markets
        ],
    }


def _scopes(market: SandboxMarket) -> list[str]:
    """All that a client of the market may register."""
    metadata = load_profile(market.profile).metadata
    return sorted(_SCOPES.union(metadata.free_scopes, market.scope.split(), *metadata.role_scopes.values()))
