"""Where a statement would have us go: lines 140 to 145 of the threat list. Not one byte leaves."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from town import UK, Reply, Town, running

pytestmark = pytest.mark.asyncio(loop_scope="module")


@asynccontextmanager
async def untouched(host: str = "127.0.0.1") -> AsyncIterator[int]:
    """The port of a socket on loopback that nobody may knock at meanwhile."""
    knocks: list[str] = []

    async def knock(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        knocks.append("knock")
        writer.close()

    server = await asyncio.start_server(knock, host, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        await asyncio.sleep(0)
        server.close()
        await server.wait_closed()
    assert knocks == []


async def pointed_at(town: Town, url: str, **claims: object) -> Reply:
    """The answer to a right request whose genuine statement names `url` for its key set."""
    statement = await town.statement(software_jwks_endpoint=url, **claims)
    return await town.post(town.key().sign(town.claims(statement)).encode())


URLS = [
    "http://localhost:{port}/a.jwks",
    "https://127.0.0.1:{port}/a.jwks",
    "https://127.1:{port}/a.jwks",
    "https://2130706433:{port}/a.jwks",
    "https://0x7f000001:{port}/a.jwks",
    "https://0177.0.0.1:{port}/a.jwks",
    "https://0.0.0.0:{port}/a.jwks",
    "https://[::1]:{port}/a.jwks",
    "https://[::ffff:127.0.0.1]:{port}/a.jwks",
    "https://[::]:{port}/a.jwks",
    "https://localhost.:{port}/a.jwks",
    "https://LOCALHOST:{port}/a.jwks",
    "https://localhost:{port}/a.jwks",
    "https://169.254.169.254/latest/meta-data",
    "https://10.0.0.1/a.jwks",
    "https://[fd00::1]/a.jwks",
    "https://localhost:22/a.jwks",
    "https://{keystore}@127.0.0.1:{port}/a.jwks",
    "https://127.0.0.1:{port}\\@{keystore}/a.jwks",
    "https://127.0.0.1:{port}#@{keystore}/a.jwks",
    "https://{keystore}.evil.example/a.jwks",
    "https://evil.example/{keystore}",
    "https://evil.example:443/a.jwks",
    "//{keystore}/a.jwks",
    "/a.jwks",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_",
    "data:application/json,%7B%7D",
    "https:///a.jwks",
    "https://{keystore}\r\nHost: evil/a.jwks",
    "https://\u217cocalhost:{port}/a.jwks",
]


@pytest.mark.parametrize("url", URLS)
async def test_a_key_set_that_is_not_where_the_directory_publishes_is_never_asked(town: Town, url: str) -> None:
    await town.manage("POST", "/reset")
    before = town.clients()
    async with untouched() as port:
        keystore = town.session.endpoints.keystore.removeprefix("https://")
        reply = await pointed_at(town, url.format(port=port, keystore=keystore))
    assert (reply.status, reply.body["error"]) == (400, "invalid_client_metadata"), reply.body
    assert "statement.jwks_endpoint.allowed" in reply.checks
    assert await town.times_asked("software-jwks") == 0
    assert town.clients() == before


async def test_a_name_on_the_list_that_resolves_to_a_closed_network_is_never_connected_to(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS is the TPP's: the address is looked at when the socket is made, whatever the name said before."""
    look_up = socket.getaddrinfo

    def poisoned(host: str, port: int, **more: Any) -> list[Any]:
        return look_up("127.0.0.2" if host == "keys.tpp.example" else host, port, **more)

    async with untouched("127.0.0.2") as port:

        def listed(text: str) -> str:
            hosts = text.replace("software_jwks_hosts = [", f'software_jwks_hosts = ["keys.tpp.example:{port}", ')
            return hosts.replace('"127.0.0.0/8", "::1/128"', '"127.0.0.1/32"')

        async with running(tmp_path_factory.mktemp("rebound"), listed) as town:
            assert (await town.post(await town.body())).status == 201
            monkeypatch.setattr(socket, "getaddrinfo", poisoned)
            reply = await pointed_at(town, f"https://keys.tpp.example:{port}/a.jwks")
    assert (reply.status, reply.checks, reply.body["error"]) == (400, ["fetch.address"], "invalid_client_metadata")
    assert "127.0.0.2" not in str(reply.body)


async def test_a_literal_private_address_is_refused_even_on_the_list(tmp_path_factory: pytest.TempPathFactory) -> None:
    def listed(text: str) -> str:
        return text.replace("software_jwks_hosts = [", 'software_jwks_hosts = ["10.1.2.3", "169.254.169.254", ')

    async with running(tmp_path_factory.mktemp("listed"), listed) as town:
        for url in ("https://10.1.2.3/a.jwks", "https://169.254.169.254/latest"):
            reply = await pointed_at(town, url)
            assert (reply.status, reply.checks) == (400, ["fetch.address"]), reply.body
            assert reply.body["error"] == "invalid_client_metadata"


FETCHABLE = [
    "logo_uri",
    "policy_uri",
    "tos_uri",
    "client_uri",
    "sector_identifier_uri",
    "jwks_uri",
    "initiate_login_uri",
]


@pytest.mark.parametrize("member", FETCHABLE)
async def test_a_url_of_the_request_is_never_fetched(town: Town, member: str) -> None:
    await town.manage("POST", "/reset")
    async with untouched() as port:
        reply = await town.post(await town.body(**{member: f"https://localhost:{port}/x"}), UK)
        assert reply.status in (201, 400)
        await town.post(await town.body("generic", **{member: f"https://localhost:{port}/x"}), "generic")


CLAIMS = [
    "software_logo_uri",
    "software_policy_uri",
    "software_tos_uri",
    "software_client_uri",
    "org_jwks_endpoint",
]


@pytest.mark.parametrize("claim", CLAIMS)
async def test_no_other_url_of_the_statement_is_fetched(town: Town, claim: str) -> None:
    async with untouched() as port:
        statement = await town.statement(**{claim: f"https://localhost:{port}/x"})
        reply = await town.post(town.key().sign(town.claims(statement)).encode())
    assert reply.status == 201, reply.body


@pytest.mark.parametrize("claim", ["software_jwks_revoked_endpoint", "org_jwks_revoked_endpoint"])
async def test_revoked_keys_are_asked_of_allowed_hosts_alone(town: Town, claim: str) -> None:
    async with untouched() as port:
        statement = await town.statement(**{claim: f"https://localhost:{port}/x"})
        reply = await town.post(town.key().sign(town.claims(statement)).encode())
    assert (reply.status, reply.checks) == (400, ["fetch.url"]), reply.body


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
async def test_a_proxy_of_the_environment_is_ignored(
    town: Town, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with untouched() as port:
        monkeypatch.setenv(variable, f"http://127.0.0.1:{port}")
        town.ahead_s += 10_000
        assert (await town.post(await town.body())).status == 201
