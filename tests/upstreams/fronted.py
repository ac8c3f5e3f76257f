"""A town whose UK market has a fake server behind it: real TLS on both sides, and a server that says what it is told.

`Fronted.speak` makes the server speak bytes of its own; `calm` makes it a good one again, with the gateway's patience
restored.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web
from fake_as import Came, FakeAs, Raw
from town import UK, Town, running
from wire import Heard, Wire, client_tls, wire

PROOF = "the-gateway-and-nobody-else"
#: Of each kind, that the gateway holds to the server.
CONNECTIONS = 12
PAGES = ("interaction/*", "auth/*", "files/*", "token/*", "session/end/*", "bare")

_UPSTREAM = f"""
[market.upstream]
kind = "oidc-provider"
url = "{{url}}"
registration_token = "file:as.token"
trust_keystore = "as.pem"
proof_header = "X-Gateway-Proof"
proof = "file:as.proof"
introspection_client_id = "gateway"
introspection_client_secret = "file:as.proof"
pages = [{", ".join(f'"{each}"' for each in PAGES)}]
page_redirects = ["https://login.bank.example"]
connections = {CONNECTIONS}
total_s = 6
page_idle_s = 3
"""


def form_of(came: Came) -> dict[str, str]:
    """The parameters that arrived, each once."""
    pairs = parse_qsl(came.body.decode(), strict_parsing=True, keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def bearer(client_id: str = "", **members: Any) -> web.Response:
    """A good token answer."""
    return web.json_response(
        {"access_token": f"token-of-{client_id}", "token_type": "Bearer", "expires_in": 300, **members}
    )


@dataclass
class Fronted:
    """The town and what is behind it."""

    town: Town
    server: FakeAs

    @property
    def issuer(self) -> str:
        """The market's."""
        issuer: str = self.town.index(UK)["issuer"]
        return issuer

    async def speak(self, raw: Raw | None) -> None:
        """Answer every connection in this way from now on; those that are open are cut."""
        await self.server.stop()
        self.server.raw = raw
        await self.server.start()

    async def calm(self) -> None:
        """A good server again, and no connection that is still held against it."""
        self.server.says.clear()
        if self.server.raw is not None:
            await self.speak(None)
        # What the gateway remembers of a server that failed, it remembers for a while only.
        self.town.ahead_s += 20
        self.server.arrived.clear()

    def asked(self, path: str) -> list[Came]:
        """What arrived there."""
        return [came for came in self.server.arrived if came.path == path]

    @asynccontextmanager
    async def browser(self) -> AsyncIterator[Wire]:
        """A connection to the public listener, without a certificate."""
        async with wire(self.town, "public", tls=client_tls(self.town, None)) as connection:
            yield connection

    async def page(self, path: str, *headers: tuple[str, str], method: str = "GET", body: bytes = b"") -> Heard:
        """One request of a browser below the issuer, and its answer."""
        async with self.browser() as connection:
            return await connection.ask(self.request(path, *headers, method=method, body=body), head=method == "HEAD")

    def request(self, path: str, *headers: tuple[str, str], method: str = "GET", body: bytes = b"") -> bytes:
        """The bytes of one."""
        port = self.town.gateway.addresses["public"][1]
        lines = [f"{method} /{UK}/{path} HTTP/1.1", f"Host: localhost:{port}"]
        lines += [f"{name}: {value}" for name, value in headers]
        if method == "POST":
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


@asynccontextmanager
async def fronted(folder: Path, more: str = "", upstream: str = "", consent: str = "") -> AsyncIterator[Fronted]:
    """A town with it; gone at the end.

    `more` stands at the end of the configuration, `upstream` and `consent` in the tables of these names.
    """
    async with FakeAs() as server:
        server.trust.ca.cert_pem.write_to_path(folder / "as.pem")
        (folder / "as.token").write_text(server.initial_access_token)
        (folder / "as.proof").write_text(PROOF)
        for name in ("as.token", "as.proof"):
            (folder / name).chmod(0o600)

        def edit(text: str) -> str:
            name = text.index(f'name = "{UK}"', text.index("[[market]]"))
            issuer = re.compile(r'issuer = "([^"]+)"').search(text, name)
            assert issuer is not None
            server.issuer = issuer[1]
            # An endpoint that is judged, where the bank's own settings would let it through as a page.
            server.document = {
                "device_authorization_endpoint": f"{server.url}/files/device",
                "end_session_endpoint": f"{server.issuer}/session/end",
            }
            end = text.find("[market.revocation]", name)
            table = _UPSTREAM.format(url=server.url).lstrip() + upstream
            whole = f"{text[:end]}{table}\n{text[end:]}\n{more}"
            return whole.replace("[consent]\n", f"[consent]\n{consent}\n")

        async with running(folder, edit) as town:
            yield Fronted(town, server)
