"""An authorization server on loopback over real TLS: RFC 7591/7592 kept in memory, and every way to go wrong.

`async with FakeAs() as server:` starts one; `server.says["POST", "/reg"] = handler` replaces an answer, and
`server.raw = bytes_handler` makes it speak bytes of its own. What arrived stands in `server.arrived`.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

import trustme
from aiohttp import web

Raw = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Says = Callable[["Came"], web.StreamResponse | Awaitable[web.StreamResponse]]


class Trust:
    """One CA, the servers that it vouches for and the clients that trust it."""

    def __init__(self) -> None:
        self.ca = trustme.CA()
        self.transport = self.ca.issue_cert("gateway@bank.example", common_name="gateway")

    def server(self, *names: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*(names or ("localhost", "127.0.0.1"))).configure_cert(context)
        context.verify_mode = ssl.CERT_OPTIONAL
        self.ca.configure_trust(context)
        return context

    def client(self, *, with_certificate: bool = False) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.ca.configure_trust(context)
        if with_certificate:
            self.transport.configure_cert(context)
        return context


@dataclass
class Came:
    """One request as the server saw it."""

    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: bytes
    #: Common name of the certificate that was shown.
    peer: str | None

    def field(self, name: str) -> str | None:
        values = self.fields(name)
        return values[0] if values else None

    def fields(self, name: str) -> list[str]:
        return [value for each, value in self.headers if each.lower() == name.lower()]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def oauth_error(status: int, error: str, description: str = "", **headers: str) -> web.Response:
    body = {"error": error, **({"error_description": description} if description else {})}
    return web.json_response(body, status=status, headers=headers)


@dataclass
class FakeAs:
    """`issuer` is what it calls itself; by default its own address. Clients are kept by id."""

    issuer: str = ""
    #: The header by which a client_id is chosen, as for oidc-provider; empty: it chooses itself.
    client_id_header: str = "x-dcrgw-client-id"
    #: Keeps the secret that a registration names; else it makes one of its own.
    takes_secrets: bool = False
    initial_access_token: str = "let-me-in"
    trust: Trust = field(default_factory=Trust)
    clients: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    introspected: dict[str, dict[str, Any]] = field(default_factory=dict)
    arrived: list[Came] = field(default_factory=list)
    says: dict[tuple[str, str], Says] = field(default_factory=dict)
    #: Members that it leaves out of what it keeps.
    drops: frozenset[str] = frozenset()
    #: Other members of its discovery document, or other values; None takes one away.
    document: dict[str, Any] = field(default_factory=dict)
    keys: list[dict[str, Any]] = field(default_factory=list)
    raw: Raw | None = None
    #: Another server's answers beside its own: None where it has none.
    also: Callable[[Came], web.Response | None] = lambda _: None
    port: int = 0

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def paths(self, method: str | None = None) -> list[str]:
        return [came.path for came in self.arrived if method in (None, came.method)]

    def last(self, method: str, path: str) -> Came:
        return next(came for came in reversed(self.arrived) if (came.method, came.path) == (method, path))

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, port: int = 0) -> Self:
        runner = web.ServerRunner(web.Server(self._handle, handler_cancellation=True), shutdown_timeout=0.1)
        await runner.setup()
        # In front of it a door of bytes, so that a test may say anything at all instead of HTTP.
        self._inner = runner.server
        self._runner = runner
        loop = asyncio.get_running_loop()
        self._served: set[asyncio.Task[None]] = set()
        self._listening = await loop.create_server(
            self._protocol, "127.0.0.1", port or self.port, ssl=self.trust.server(), reuse_address=True
        )
        self.port = self._listening.sockets[0].getsockname()[1]
        self.issuer = self.issuer or self.url
        return self

    async def stop(self) -> None:
        """Vanish: nothing listens, and every connection is cut."""
        self._listening.close()
        for task in tuple(self._served):
            task.cancel()
        await asyncio.gather(*self._served, return_exceptions=True)
        await self._runner.cleanup()

    def _protocol(self) -> asyncio.BaseProtocol:
        if self.raw is None:
            assert self._inner is not None
            protocol: asyncio.BaseProtocol = self._inner()
            return protocol
        reader = asyncio.StreamReader()
        return asyncio.StreamReaderProtocol(reader, self._speak)

    async def _speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        assert self.raw is not None
        self._served.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self.raw(reader, writer)
        finally:
            writer.transport.abort()
            self._served.discard(task)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        fields = [(name.decode(), value.decode("latin-1")) for name, value in request.raw_headers]
        came = Came(request.method, path, query, fields, await request.read(), _common_name(request))
        self.arrived.append(came)
        said = self._answer(came)
        found = said if isinstance(said, web.StreamResponse) else await said
        if not isinstance(found, web.Response):
            # A page that is written piece by piece: `Streaming`.
            assert isinstance(found, Streaming)
            await found.prepare(request)
            await found.write_all()
        return found

    def _answer(self, came: Came) -> web.StreamResponse | Awaitable[web.StreamResponse]:
        replaced = self.says.get((came.method, came.path))
        if replaced is not None:
            return replaced(came)
        other = self.also(came)
        if other is not None:
            return other
        if came.path.startswith("/reg/"):
            return self._managed(came, came.path.removeprefix("/reg/"))
        own = {
            "/.well-known/openid-configuration": self._discovery,
            "/reg": self._register,
            "/introspect": self._introspect,
            "/jwks": lambda _: web.json_response({"keys": self.keys}),
        }.get(came.path)
        return own(came) if own is not None else web.json_response({"error": "not_found"}, status=404)

    def _discovery(self, _: Came) -> web.Response:
        names = {
            "authorization": "auth",
            "introspection": "introspect",
            "pushed_authorization_request": "par",
            "registration": "reg",
            "revocation": "revoke",
            "token": "token",
            "userinfo": "me",
        }
        document: dict[str, Any] = {
            "issuer": self.issuer,
            **{f"{name}_endpoint": f"{self.issuer}/{path}" for name, path in names.items()},
            "jwks_uri": f"{self.issuer}/jwks",
            **self.document,
        }
        return web.json_response({name: value for name, value in document.items() if value is not None})

    def _register(self, came: Came) -> web.Response:
        if came.field("authorization") != f"Bearer {self.initial_access_token}":
            return oauth_error(401, "invalid_token", "no access token provided")
        chosen = came.field(self.client_id_header) if self.client_id_header else None
        client_id = chosen or secrets.token_hex(8)
        self.clients[client_id] = self._kept(came.json)
        named = came.json.get("client_secret") if self.takes_secrets else None
        self._give_secret(client_id, named)
        return self._told(client_id, 201)

    def _give_secret(self, client_id: str, secret: str | None) -> None:
        """A client by a secret has one: this, or one of the server's own; no other client has any."""
        client = self.clients[client_id]
        client.pop("client_secret", None)
        if client.get("token_endpoint_auth_method", "").startswith("client_secret"):
            client["client_secret"] = secret or secrets.token_hex(16)

    def _managed(self, came: Came, client_id: str) -> web.Response:
        if client_id not in self.clients or came.field("authorization") != f"Bearer {self.tokens[client_id]}":
            return oauth_error(401, "invalid_token", "invalid token provided")
        if came.method == "DELETE":
            del self.clients[client_id], self.tokens[client_id]
            return web.Response(status=204)
        if came.method == "GET":
            return self._told(client_id, 200, renews=False)
        forbidden = {"registration_access_token", "registration_client_uri", "client_secret_expires_at"}
        for name in (forbidden | {"client_id_issued_at"}) & came.json.keys():
            return oauth_error(400, "invalid_request", f"request MUST NOT include the {name} field")
        before = self.clients[client_id]
        if came.json.get("client_secret", before.get("client_secret")) != before.get("client_secret"):
            return oauth_error(400, "invalid_request", "provided client_secret does not match")
        self.clients[client_id] = self._kept(came.json)
        self._give_secret(client_id, before.get("client_secret"))
        return self._told(client_id, 200)

    def _kept(self, members: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in members.items() if name not in self.drops | {"client_id"}}

    def _told(self, client_id: str, status: int, *, renews: bool = True) -> web.Response:
        if renews:
            self.tokens[client_id] = secrets.token_urlsafe(32)
        members = {
            **self.clients[client_id],
            "client_id": client_id,
            "client_id_issued_at": int(time.time()),
            "registration_access_token": self.tokens[client_id],
            "registration_client_uri": f"{self.issuer}/reg/{client_id}",
        }
        if "client_secret" in members:
            members["client_secret_expires_at"] = 0
        return web.json_response(members, status=status)

    def _introspect(self, came: Came) -> web.Response:
        form = dict(pair.split("=", 1) for pair in came.body.decode().split("&"))
        return web.json_response(self.introspected.get(form["token"], {"active": False}))


class Streaming(web.StreamResponse):
    """A page in pieces: `Streaming([b"one", b"two"])`; `then` is awaited before its end."""

    def __init__(
        self,
        pieces: list[bytes],
        *,
        status: int = 200,
        then: Callable[[], Awaitable[None]] | None = None,
        **headers: str,
    ) -> None:
        super().__init__(status=status, headers={name.replace("_", "-"): value for name, value in headers.items()})
        self._given, self._then = pieces, then

    async def write_all(self) -> None:
        for piece in self._given:
            await self.write(piece)
        if self._then is not None:
            await self._then()
        await self.write_eof()


def saying(answer: bytes, *, then_hang: bool = False) -> Raw:
    """Bytes in answer to whatever comes first; then the connection is cut, or nothing happens any more."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        if then_hang:
            await asyncio.Event().wait()

    return speak


def _common_name(request: web.BaseRequest) -> str | None:
    tls = request.transport.get_extra_info("ssl_object") if request.transport else None
    certificate = tls.getpeercert() if tls else None
    subject = dict(pair for rdn in (certificate or {}).get("subject", ()) for pair in rdn)
    return subject.get("commonName")
