"""Banks that a conformance run must find fault with, over plain HTTP on loopback."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from dcrgw.compliance.conformance import loading, phone, running, signing
from dcrgw.compliance.conformance.pack import Pack
from dcrgw.compliance.conformance.playing import Played
from dcrgw.compliance.conformance.tester import BankTable, HookTable, Party, PartyTable, Tester
from dcrgw.testkit.certificates import CertificateAuthority
from dcrgw.testkit.keys import SigningKey
from dcrgw.testkit.statements import statement_claims

SECRET, TOKEN = "canary-client-secret-0123456789", "canary-access-token-0123456789"


@dataclass
class Credulous:
    """Says yes to everything, and repeats what it was told."""

    clients: dict[str, dict[str, Any]] = field(default_factory=dict)
    deletes: bool = True
    asked: list[tuple[str, str]] = field(default_factory=list)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/register", self.register)
        app.router.add_post("/token", self.token)
        app.router.add_route("*", "/register/{client_id}", self.manage)
        app.router.add_route("*", "/{anything:.*}", self.anything)
        return app

    async def register(self, request: web.Request) -> web.Response:
        self.asked.append(("POST", request.path))
        body = await request.text()
        claims = signing.parts(body)[1]
        try:
            claims = claims or dict(json.loads(body))
        except (ValueError, TypeError):
            claims = {}
        client_id = secrets.token_hex(8)
        self.clients[client_id] = {**claims, "client_id": client_id, "client_secret": SECRET}
        return web.json_response(self.clients[client_id], status=201)

    async def token(self, request: web.Request) -> web.Response:
        return web.json_response({"access_token": TOKEN, "token_type": "Bearer"})

    async def manage(self, request: web.Request) -> web.Response:
        self.asked.append((request.method, request.path))
        client_id = request.match_info["client_id"]
        if request.method == "DELETE":
            if not self.deletes:
                return web.json_response({}, status=500)
            self.clients.pop(client_id, None)
            return web.Response(status=204)
        return web.json_response({"client_id": client_id, **self.clients.get(client_id, {})})

    async def anything(self, request: web.Request) -> web.Response:
        return web.json_response({})


class Surly(Credulous):
    """Says no to everything, and breaks at that."""

    async def register(self, request: web.Request) -> web.Response:
        return web.Response(status=500, text="Traceback (most recent call last)")


@asynccontextmanager
async def at(bank: Credulous, folder: Path) -> AsyncIterator[Tester]:
    """The bank serving, and a tester for it whose hook gives statements."""
    key = SigningKey.generate("sig-1")
    claims = statement_claims()
    issued = CertificateAuthority.create("A CA").issue("obtransport", software_id="software", org_id="organisation")
    files = {
        "transport.pem": issued.chain_pem,
        "transport.key": issued.key_pem,
        "statement.jwt": key.sign(claims).encode(),
        "signing.key": key.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    async with TestServer(bank.app(), host="127.0.0.1") as server:
        base = str(server.make_url("")).rstrip("/")
        place = BankTable(registration_endpoint=f"{base}/register", token_endpoint=f"{base}/token", audience="bank")
        own = PartyTable(
            certificate=folder / "transport.pem",
            key=folder / "transport.key",
            signing_key=folder / "signing.key",
            kid="sig-1",
            statement=folder / "statement.jwt",
            software_id=str(claims["software_id"]),
            redirect_uris=("https://tpp.example/cb",),
            scope="openid accounts",
        )
        yield Tester(Party(own, place))


async def played(bank: Credulous, folder: Path, name: str, *only: str) -> list[Played]:
    """A pack, or some cases of it, against the bank."""
    async with at(bank, folder) as tests:
        return await run(tests, loading.load(name), *only)


async def run(tests: Tester, pack: Pack, *only: str) -> list[Played]:
    """A pack against a tester's bank."""
    async with phone.phone(tests, timeout_s=60, pause_s=0) as opened:
        bank = await running.known(tests, opened)
        return [each async for each in running.run(pack, bank, running.plan(pack, bank, only), opened)]


def hooked(tests: Tester, hook: HookTable) -> Tester:
    """The tester with a hook."""
    return replace(tests, hook=hook)
