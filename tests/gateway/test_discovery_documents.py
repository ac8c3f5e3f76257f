"""What everybody may read: discovery without a client certificate, and keys that an operator rotates meanwhile."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio
from as_clients import ask, registered
from click.testing import CliRunner
from town import MARKETS, UK, Reply, Town

from dcrgw.cli.keys import keys
from dcrgw.core.jose.keys import key_set

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def everybody(town: Town) -> AsyncIterator[aiohttp.ClientSession]:
    """Somebody without a client certificate."""
    tls = ssl.create_default_context(cafile=str(town.folder / "ca.pem"))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)) as http:
        yield http


async def read(http: aiohttp.ClientSession, url: str, method: str = "GET") -> Reply:
    async with http.request(method, url) as answer:
        raw = await answer.read()
        return Reply(answer.status, dict(answer.headers), json.loads(raw) if raw else {})


def inserted(issuer: str, name: str) -> str:
    """RFC 8414 §3.1: before the issuer's path."""
    url = urlsplit(issuer)
    return f"{url.scheme}://{url.netloc}/.well-known/{name}{url.path}"


@pytest.mark.parametrize("market", MARKETS)
async def test_the_document_is_at_every_well_known_place(
    town: Town, everybody: aiohttp.ClientSession, market: str
) -> None:
    issuer = town.index(market)["issuer"]
    places = [
        town.index(market)["well_known"],
        inserted(issuer, "openid-configuration"),
        f"{issuer}/.well-known/oauth-authorization-server",
        inserted(issuer, "oauth-authorization-server"),
    ]
    found = [await read(everybody, place) for place in places]
    assert {reply.status for reply in found} == {200}
    assert all(reply.body == found[0].body for reply in found)
    assert found[0].body["issuer"] == issuer
    assert "max-age" in found[0].headers["Cache-Control"]
    assert "Pragma" not in found[0].headers


@pytest.mark.parametrize("market", MARKETS)
async def test_the_document_names_what_serves(town: Town, everybody: aiohttp.ClientSession, market: str) -> None:
    index = town.index(market)
    document = (await read(everybody, index["well_known"])).body
    assert document["registration_endpoint"] == index["registration_endpoint"]
    assert document["token_endpoint"] == index["token_endpoint"]
    base_url = index["token_endpoint"].removesuffix("/token")
    assert document["mtls_endpoint_aliases"] == {
        "registration_endpoint": index["registration_endpoint"],
        "token_endpoint": index["token_endpoint"],
        "introspection_endpoint": f"{base_url}/introspect",
        "revocation_endpoint": f"{base_url}/revoke",
        "pushed_authorization_request_endpoint": f"{base_url}/par",
    }
    assert document["token_endpoint_auth_methods_supported"] == index["token_endpoint_auth_methods"]
    assert document["grant_types_supported"] == ["client_credentials", "authorization_code", "refresh_token"]
    assert document["tls_client_certificate_bound_access_tokens"] is True
    assert document["request_object_signing_alg_values_supported"][0] == "PS256"
    assert document["authorization_endpoint"] == f"{index['issuer']}/authorize"
    assert (await read(everybody, document["jwks_uri"])).status == 200
    for method in document["token_endpoint_auth_methods_supported"]:
        assert (await ask(town, await registered(town, method, market), market)).status == 200


async def test_nothing_else_is_at_the_well_known_place(town: Town, everybody: aiohttp.ClientSession) -> None:
    issuer = town.index(UK)["issuer"]
    for place in (
        f"{issuer}/.well-known",
        f"{issuer}/.well-known/",
        f"{issuer}/.well-known/security.txt",
        inserted(issuer, "openid-configuration") + "/more",
        inserted(issuer, "openid-configuration").replace("uk-3.2", "elsewhere"),
        f"{issuer}/jwks/",
    ):
        assert (await read(everybody, place)).status == 404, place
    reply = await read(everybody, town.index(UK)["well_known"], "POST")
    assert (reply.status, reply.headers["Allow"]) == (405, "GET, HEAD")
    assert (await read(everybody, town.index(UK)["well_known"], "HEAD")).body == {}


async def test_the_document_is_not_below_a_base_url_that_is_no_issuer(town: Town) -> None:
    base_url = town.index(UK)["registration_endpoint"].removesuffix("/register")
    assert (await town.post(b"", url=f"{base_url}/.well-known/openid-configuration", method="GET")).status == 404
    assert (await town.post(b"", url=f"{base_url}/jwks", method="GET")).status == 200


async def test_token_and_registration_need_a_certificate(town: Town, everybody: aiohttp.ClientSession) -> None:
    issuer = town.index(UK)["issuer"]
    for place in ("token", "register", "par", "introspect", "revoke"):
        reply = await read(everybody, f"{issuer}/{place}", "POST")
        assert (reply.status, reply.body["error"], reply.checks) == (401, "invalid_client", ["tls.chain.present"])


async def test_keys_are_rotated_while_the_gateway_runs(town: Town, everybody: aiohttp.ClientSession) -> None:
    async def published() -> list[str]:
        reply = await read(everybody, f"{town.index(UK)['issuer']}/jwks")
        assert reply.status == 200
        assert not {"d", "p", "q"} & {member for key in reply.body["keys"] for member in key}
        kids = [key["kid"] for key in reply.body["keys"]]
        assert list(key_set(json.dumps(reply.body).encode()).keys) == kids
        return kids

    async def run(*arguments: str) -> None:
        result = await asyncio.to_thread(
            CliRunner().invoke, keys, [*arguments, "--config", str(town.folder / "dcrgw.toml")]
        )
        assert result.exit_code == 0, result.output

    first, second = await published()
    await run("rotate")
    current, following, retired = await published()
    assert (current, retired) == (second, first)
    await run("retire", retired)
    assert await published() == [current, following]
    await run("retire", current)
    assert (await published())[0] == following
    await run("purge")
    await town.start()
    kids = await published()
    assert (kids[0], len(kids)) == (following, 2)
