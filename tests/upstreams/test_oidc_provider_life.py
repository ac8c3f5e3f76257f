"""A client's whole life with oidc-provider behind the market: here and there it is the same client."""

from __future__ import annotations

import pytest
from as_clients import ask, findings
from behind import at_the_server, is_known_there, reconciled, until_gone_there
from managed import managed
from town import UK, Town

pytestmark = pytest.mark.asyncio(loop_scope="module")

MARKETS = (UK, "generic")
METHODS = ("tls_client_auth", "private_key_jwt", "client_secret_basic", "client_secret_post", "client_secret_jwt")
SIGNED_BY = {"private_key_jwt": "PS256"}
#: A market whose server is said to lack what its TPPs use.
BRIDGED = "uk-3.3"


def edit(text: str) -> str:
    """uk-3.3 has a server that knows secrets alone; the gateway proves the rest."""
    before, market, after = text.partition(f'[[market]]\nname = "{BRIDGED}"')
    assert market
    own = '[market.upstream]\nauth_methods = ["client_secret_basic"]\ngap = "bridge"\n'
    return before + market + after.replace("[market.upstream]\n", own, 1)


@pytest.mark.parametrize("market", MARKETS)
@pytest.mark.parametrize("method", METHODS)
async def test_client_lives_here_and_there(town: Town, market: str, method: str) -> None:
    client = await managed(town, market, method)
    assert await is_known_there(town, client.client_id, market)
    assert (await client.call("GET")).body["client_id"] == client.client_id
    changed = await client.put(client.sent_back(scope="openid"))
    assert (changed.status, changed.body.get("scope")) == (200, "openid"), (changed.body, findings(town))
    refused = await ask(town, changed.body, market, more={"scope": "accounts"})
    assert (refused.status, refused.body["error"]) == (400, "invalid_scope")
    client.token = await client.new_token()
    assert (await client.call("DELETE")).status == 204
    await until_gone_there(town, client.client_id, market)
    assert (await client.call("GET")).status == 401
    assert (await ask(town, changed.body, market)).status == 401


@pytest.mark.parametrize("market", [UK, BRIDGED])
@pytest.mark.parametrize("method", ["private_key_jwt", "client_secret_basic"])
async def test_client_goes_over_to_another_method_and_back(town: Town, market: str, method: str) -> None:
    client = await managed(town, market, "tls_client_auth")
    for each in (method, "tls_client_auth", method):
        members = {"token_endpoint_auth_method": each, "token_endpoint_auth_signing_alg": SIGNED_BY.get(each)}
        changed = await client.put(client.sent_back(**members))
        assert changed.status == 200, (each, changed.body, findings(town))
        client.answer = changed.body
        assert (await ask(town, changed.body, market)).status == 200, (each, findings(town))
        client.token = await client.new_token()
    told = await reconciled(town, market)
    assert (told.exit_code, told.output) == (0, "")


async def test_nothing_differs_between_here_and_there(town: Town) -> None:
    assert (await town.post(await town.body())).status == 201
    for market, method in ((UK, "tls_client_auth"), ("generic", "private_key_jwt"), (BRIDGED, "tls_client_auth")):
        await managed(town, market, method)
    told = await reconciled(town)
    assert (told.exit_code, told.output) == (0, "")


@pytest.mark.parametrize("market", MARKETS)
async def test_the_same_bytes_get_the_same_client(town: Town, market: str) -> None:
    body = await town.body(market)
    first = await town.post(body, market)
    again = await town.post(body, market)
    assert (first.status, again.status) == (201, 201), first.body
    assert first.body == again.body


async def test_what_the_server_gave_for_the_client_is_nobodys_to_see(town: Town) -> None:
    client = await managed(town, "generic", "tls_client_auth")
    bearer = {"Authorization": f"Bearer {client.token}"}
    there = await at_the_server(town, "GET", f"reg/{client.client_id}", "generic", headers=bearer)
    assert there.status == 401
    assert client.answer["registration_client_uri"].startswith(client.endpoint)


@pytest.mark.parametrize("method", METHODS)
async def test_method_that_the_server_lacks_is_proven_by_the_gateway(town: Town, method: str) -> None:
    client = await managed(town, BRIDGED, method)
    assert client.answer["token_endpoint_auth_method"] == method
    assert (await client.call("GET")).status == 200, findings(town)
    wrong = {"client_id": client.client_id, "token_endpoint_auth_method": "client_secret_basic"}
    assert (await ask(town, {**client.answer, **wrong, "client_secret": "x" * 32}, BRIDGED)).status == 401
    assert (await client.call("DELETE")).status == 204
    await until_gone_there(town, client.client_id, BRIDGED)


async def test_no_from_the_server_is_the_clients_no_and_leaves_nothing(town: Town) -> None:
    clients, used = town.clients(), town.used()
    body = await town.body("generic", contacts=["not an address"])
    reply = await town.post(body, "generic")
    assert (reply.status, reply.body["error"]) == (400, "invalid_client_metadata"), reply.body
    assert reply.checks == ["upstream.metadata"]
    assert (town.clients(), town.used()) == (clients, used)
