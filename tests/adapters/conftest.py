"""Real TLS servers on loopback for what the gateway asks of the world outside."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_network

import pytest
import trustme
from aiohttp import web

from dcrgw.adapters.fetcher import Fetcher, FetchLimits

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Tls:
    """One CA, the server contexts that it vouches for and the clients that trust it."""

    def __init__(self) -> None:
        self.ca = trustme.CA()
        self.transport = self.ca.issue_cert("bank@bank.example", common_name="BANKSW1")

    def server(self, *names: str, asks_certificate: bool = False) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*(names or ("localhost", "127.0.0.1"))).configure_cert(context)
        if asks_certificate:
            context.verify_mode = ssl.CERT_OPTIONAL
            self.ca.configure_trust(context)
        return context

    def client(self, *, with_certificate: bool = False) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.ca.configure_trust(context)
        if with_certificate:
            self.transport.configure_cert(context)
        return context


@pytest.fixture(scope="session")
def tls() -> Tls:
    return Tls()


@dataclass
class Arrived:
    """One request as the server saw it: path and query as they were sent."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    #: Common name of the client certificate, if one was presented.
    peer: str | None


@dataclass
class Host:
    """A server that counts what arrives and answers as told."""

    port: int = 0
    answer: Callable[[Arrived], Awaitable[web.Response] | web.Response] = lambda _: web.Response()
    arrived: list[Arrived] = field(default_factory=list)

    def url(self, path: str = "/") -> str:
        return f"https://localhost:{self.port}{path}"

    @property
    def names(self) -> frozenset[str]:
        return frozenset({f"localhost:{self.port}"})


def _common_name(request: web.BaseRequest) -> str | None:
    tls_object = request.transport.get_extra_info("ssl_object") if request.transport else None
    certificate = tls_object.getpeercert() if tls_object else None
    subject = dict(pair for rdn in (certificate or {}).get("subject", ()) for pair in rdn)
    return subject.get("commonName")


@pytest.fixture
async def host(tls: Tls) -> AsyncIterator[Callable[..., Awaitable[Host]]]:
    """Start a counting HTTPS server: `await host(answer)`."""
    runners: list[web.ServerRunner] = []

    async def start(
        answer: Callable[[Arrived], Awaitable[web.Response] | web.Response] | None = None, port: int = 0
    ) -> Host:
        stands = Host(answer=answer or (lambda _: web.Response()))

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            came = Arrived(
                request.method,
                *request.raw_path.partition("?")[::2],
                dict(request.headers),
                await request.read(),
                _common_name(request),
            )
            stands.arrived.append(came)
            said = stands.answer(came)
            return said if isinstance(said, web.Response) else await said

        runner = web.ServerRunner(web.Server(handle, handler_cancellation=True), shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls.server(asks_certificate=True))
        await site.start()
        runners.append(runner)
        stands.port = runner.addresses[0][1]
        stands.stop = runner.cleanup  # type: ignore[attr-defined]
        return stands

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def raw(tls: Tls) -> AsyncIterator[Callable[..., Awaitable[int]]]:
    """Start a server that speaks bytes: `port = await raw(handler)`; `ssl=None` for a plain one."""
    servers: list[asyncio.Server] = []
    served: set[asyncio.Task[None]] = set()

    async def start(handler: Handler, *, context: ssl.SSLContext | None = None, plain: bool = False) -> int:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            served.add(task)
            try:
                with suppress(OSError, asyncio.IncompleteReadError):
                    await handler(reader, writer)
            finally:
                writer.transport.abort()

        server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=None if plain else context or tls.server())
        servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    yield start
    for server in servers:
        server.close()
    for task in served:
        task.cancel()
    await asyncio.gather(*served, return_exceptions=True)


@pytest.fixture
async def fetcher(tls: Tls) -> AsyncIterator[Callable[..., Fetcher]]:
    """Make a fetcher that may reach loopback; every one is closed at the end."""
    made: list[Fetcher] = []

    def make(*, with_certificate: bool = False, context: ssl.SSLContext | None = None, **changes: object) -> Fetcher:
        arguments = {"limits": FetchLimits(allowed_networks=LOOPBACK), **changes}
        made.append(Fetcher(ssl_context=context or tls.client(with_certificate=with_certificate), **arguments))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        await one.close()


class FakeTime:
    """A clock that moves when told."""

    def __init__(self, at: float = 1000.0) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at

    def now(self) -> float:
        return self.at


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()
