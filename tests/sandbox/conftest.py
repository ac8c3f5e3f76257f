"""A small directory in memory: one TPP, one bank, keys made once a run."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import aiohttp.web
import pytest
from sandbox_words import BANK, NOW, ORG, SOFTWARE, URL, Running

from dcrgw.core.jose.keys import key_set
from dcrgw.sandbox.authorities import Authorities
from dcrgw.sandbox.directory import TOKEN, Directory
from dcrgw.sandbox.management import Management, Office
from dcrgw.sandbox.revocations import Revocations
from dcrgw.sandbox.schemes import UK
from dcrgw.sandbox.serving import Listener, listen, server_tls
from dcrgw.sandbox.statements import Naming
from dcrgw.sandbox.token import BankClient, Caller, TokenService
from dcrgw.sandbox.traffic import Traffic
from dcrgw.sandbox.world import Keys, Organisation, Software, World
from dcrgw.testkit.certificates import Issued
from dcrgw.testkit.keys import SigningKey, jwks


@pytest.fixture(scope="session")
def authorities() -> Authorities:
    return Authorities.create()


@pytest.fixture(scope="session")
def signing_keys() -> SimpleNamespace:
    """Keys are slow to make and never changed: one of each for the whole run."""
    made = {
        name: SigningKey.generate(kid, "ES256")
        for name, kid in {"directory": "dir-1", "old": "dir-0", "foreign": "x", "tpp": "sig-1"}.items()
    }
    return SimpleNamespace(**made, bank=SigningKey.generate("bank-1"))


@pytest.fixture(scope="session")
def bank_certificate(authorities: Authorities) -> Issued:
    return authorities.issuing.issue("obtransport", software_id=BANK, org_id="0015800000BANKAAA1", key_type="p256")


@pytest.fixture
def world(signing_keys: SimpleNamespace) -> World:
    world = World("OpenBanking Ltd", Keys(signing_keys.directory, retired=(signing_keys.old,)), signing_keys.foreign)
    world.put_organisation(Organisation(ORG, "Example TPP Ltd", registration_id="900001"))
    world.put_software(Software(SOFTWARE, ORG, Keys(signing_keys.tpp)))
    world.remember()
    return world


@pytest.fixture
def tokens(signing_keys: SimpleNamespace, bank_certificate: Issued) -> TokenService:
    keys = key_set(jwks(signing_keys.bank.public_jwk(alg=None)))
    bank = BankClient(BANK, keys, frozenset({Caller(bank_certificate.der).digest}))
    return TokenService(URL, {BANK: bank})


@pytest.fixture
async def running(
    world: World,
    tokens: TokenService,
    authorities: Authorities,
    bank_certificate: Issued,
    signing_keys: SimpleNamespace,
    tmp_path: Path,
) -> AsyncIterator[Running]:
    """The directory on real TLS ports, and its management API."""
    traffic = Traffic()
    server = authorities.server()
    (tmp_path / "server.pem").write_bytes(server.chain_pem)
    (tmp_path / "server.key").write_bytes(server.key_pem)
    (tmp_path / "bank.pem").write_bytes(bank_certificate.chain_pem)
    (tmp_path / "bank.key").write_bytes(bank_certificate.key_pem)
    directory = Directory(world, traffic, tokens, now=lambda: NOW)
    listeners: list[Listener] = []

    async def serve(app: aiohttp.web.Application, tls: ssl.SSLContext | None) -> int:
        listeners.append(await listen(app, 0, tls))
        return listeners[-1].port

    key_sets = await serve(directory.public_app(), server_tls(tmp_path / "server.pem", tmp_path / "server.key"))
    bank = await serve(
        directory.bank_app(),
        server_tls(tmp_path / "server.pem", tmp_path / "server.key", client_ca=authorities.pem),
    )
    tokens.url = f"https://localhost:{bank}{TOKEN}"
    reports = {"r-1": {"report_id": "r-1", "decision": "refused"}}
    office = Office(
        UK, world, traffic, authorities, Revocations(traffic, authorities), f"https://localhost:{key_sets}", SOFTWARE
    )
    management = Management(
        {"uk-3.2": (office, Naming.OB_UK), "generic": (office, Naming.RFC7591)},
        tokens,
        lambda wanted: reports.get(wanted or "r-1"),
        now=lambda: NOW,
    )
    port = await serve(management.app(), None)
    trusting = ssl.create_default_context(cadata=authorities.pem.decode())
    with_certificate = ssl.create_default_context(cadata=authorities.pem.decode())
    with_certificate.load_cert_chain(tmp_path / "bank.pem", tmp_path / "bank.key")
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusting)) as public,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=with_certificate)) as as_bank,
    ):
        yield Running(
            world,
            traffic,
            f"https://localhost:{key_sets}",
            f"https://localhost:{bank}",
            f"http://127.0.0.1:{port}",
            public,
            as_bank,
            signing_keys.bank,
        )
    for listener in listeners:
        await listener.stop()
