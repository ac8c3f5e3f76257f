"""A bank to talk to: a real TLS server that asks for client certificates and keeps what arrives."""

import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from aiohttp import web
from life_bank import LifeBank

from dcrgw.testkit.certificates import CertificateAuthority, Issued
from dcrgw.testkit.keys import SigningKey, jwks

SOFTWARE_ID = "4Zq1m8TnS8xQe7YtB0bK9a"
STATEMENT_CLAIMS = {
    "iss": "OpenBanking Ltd",
    "software_id": SOFTWARE_ID,
    "software_roles": ["AISP", "PISP"],
    "software_redirect_uris": ["https://tpp.example/cb", "https://tpp.example/cb2"],
}


@dataclass
class Arrived:
    """One request as the bank saw it."""

    headers: Any
    body: bytes
    certificate: bytes


@dataclass
class Bank:
    """Answers every registration with the same answer."""

    url: str = ""
    status: int = 201
    answer: Any = field(default_factory=lambda: {"client_id": "c1"})
    headers: dict[str, str] = field(default_factory=dict)
    arrived: list[Arrived] = field(default_factory=list)

    async def register(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        certificate = request.transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        self.arrived.append(Arrived(request.headers, await request.read(), certificate))
        if isinstance(self.answer, bytes):
            return web.Response(status=self.status, body=self.answer, headers=self.headers)
        return web.json_response(self.answer, status=self.status, headers=self.headers)


@dataclass(frozen=True)
class Files:
    """A TPP's files in one folder."""

    folder: Path
    signing_key: SigningKey
    transport: Issued

    def __getitem__(self, name: str) -> Path:
        return self.folder / name


@pytest.fixture(scope="session")
def authority() -> CertificateAuthority:
    return CertificateAuthority.create("Test Root")


@pytest.fixture(scope="session")
def foreign_authority() -> CertificateAuthority:
    return CertificateAuthority.create("Another Root")


@pytest.fixture(scope="session")
def signing_key() -> SigningKey:
    return SigningKey.generate("sig-1", "PS256")


@pytest.fixture
def files(tmp_path, authority, signing_key) -> Files:
    transport = authority.issue("obtransport", software_id=SOFTWARE_ID, org_id="0015800000TPPAAAA1", key_type="p256")
    directory = SigningKey.generate("dir-1", "ES256")
    for name, content in {
        "ca.pem": authority.certificate_pem,
        "transport.pem": transport.chain_pem,
        "transport.key": transport.key_pem,
        "transport.p12": transport.pkcs12(b"s3cr3t"),
        "password": b"s3cr3t\n",
        "signing.key": signing_key.pem,
        "statement.jwt": directory.sign(STATEMENT_CLAIMS).encode() + b"\n",
    }.items():
        (tmp_path / name).write_bytes(content)
    return Files(tmp_path, signing_key, transport)


OpenBank = Callable[..., Awaitable[Bank]]
Serve = Callable[..., Awaitable[str]]


@pytest.fixture
async def serve(tmp_path, authority) -> AsyncIterator[Serve]:
    """Serves applications over mutual TLS until the test ends; gives the base URL of each."""
    async with AsyncExitStack() as served:

        async def serve_one(
            app: web.Application,
            *,
            trusts: CertificateAuthority = authority,
            version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
            server_name: str = "localhost",
        ) -> str:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.minimum_version = context.maximum_version = version
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=trusts.certificate_pem.decode())
            issued = authority.issue_server(server_name)
            (tmp_path / "server.pem").write_bytes(issued.chain_pem + issued.key_pem)
            context.load_cert_chain(tmp_path / "server.pem")
            runner = web.AppRunner(app)
            await runner.setup()
            served.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
            return f"https://localhost:{runner.addresses[0][1]}"

        yield serve_one


@pytest.fixture
def open_bank(serve) -> OpenBank:
    """Opens banks that trust one authority's clients and close after the test."""

    async def open_one(**wish: Any) -> Bank:
        bank, app = Bank(), web.Application()
        app.router.add_route("*", "/register", bank.register)
        bank.url = await serve(app, **wish) + "/register"
        return bank

    return open_one


@pytest.fixture
async def life_bank(serve, files) -> LifeBank:
    """A bank that keeps clients and grants tokens, which the TPP's files are good for."""
    bank = LifeBank(jwks(files.signing_key))
    bank.url = await serve(bank.application())
    return bank


@pytest.fixture
async def bank(open_bank) -> Bank:
    return await open_bank()


@pytest.fixture
def open_judge(tmp_path, authority) -> Iterator[Callable[..., str]]:
    """Opens TLS servers that end a refused handshake with OpenSSL's own alert, which asyncio's do not."""
    with ExitStack() as judges:

        def open_one(version: ssl.TLSVersion) -> str:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=authority.certificate_pem.decode())
            context.minimum_version = context.maximum_version = version
            context.verify_mode = ssl.CERT_REQUIRED
            issued = authority.issue_server("localhost")
            (tmp_path / "judge.pem").write_bytes(issued.chain_pem + issued.key_pem)
            context.load_cert_chain(tmp_path / "judge.pem")
            listener = judges.enter_context(socket.create_server(("127.0.0.1", 0)))
            judge = Thread(target=_judge, args=(listener, context))
            judge.start()
            judges.callback(judge.join)
            judges.callback(listener.shutdown, socket.SHUT_RDWR)
            return f"https://localhost:{listener.getsockname()[1]}/register"

        yield open_one


def _judge(listener: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:
            return
        with plain, suppress(OSError), context.wrap_socket(plain, server_side=True) as secured:
            secured.recv(1)
