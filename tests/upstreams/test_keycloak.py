"""A client's whole life with Keycloak behind the market: by its administration, and at its endpoints."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from as_clients import ask, findings
from grant_clients import address, answer, client_of, object_claims, pushed, request, send, tokens
from joserfc import jwk, jwt
from keycloak_town import LOGIN, with_keycloak
from managed import managed
from real_servers import SECRET, doctor, get, reconciled
from town import UK, Town

from dcrgw.testkit.person import Person

pytestmark = [pytest.mark.upstreams, pytest.mark.asyncio(loop_scope="module")]

MARKETS = (UK, "generic")
#: Keycloak has no difference between the two ways to send a secret.
METHODS = ("tls_client_auth", "private_key_jwt", "client_secret_basic", "client_secret_post", "client_secret_jwt")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """Two markets, as the example configures them."""
    async with with_keycloak(tmp_path_factory.mktemp("sandbox"), MARKETS) as opened:
        yield opened


async def there(town: Town, client_id: str, market: str = UK) -> dict[str, Any] | None:
    """Keycloak's own word on a client, asked as the gateway's service account."""
    found = await listed(town, f"?clientId={client_id}", market)
    return found[0] if found else None


async def at_the_admin(town: Town, method: str, client_id: str, **changes: Any) -> None:
    """What somebody does to a client in Keycloak's console."""
    found = await there(town, client_id)
    assert found is not None
    base, folder = town.keycloak  # type: ignore[attr-defined]
    url = f"{base}/admin/realms/{UK}/clients/{found['id']}"
    how = {"json": {**found, **changes}} if changes else {}
    status, said = await get(url, folder, method=method, headers=await bearer(town, UK), **how)
    assert status == 204, said


async def bearer(town: Town, market: str) -> dict[str, str]:
    """The gateway's service account."""
    base, folder = town.keycloak  # type: ignore[attr-defined]
    form = {"grant_type": "client_credentials", "client_id": "dcrgw", "client_secret": SECRET}
    url = f"{base}/realms/{market}/protocol/openid-connect/token"
    status, said = await get(url, folder, method="POST", data=form)
    assert status == 200, said
    return {"Authorization": f"Bearer {said['access_token']}"}


async def listed(town: Town, query: str, market: str = UK) -> list[dict[str, Any]]:
    """Clients of a realm."""
    base, folder = town.keycloak  # type: ignore[attr-defined]
    _, found = await get(f"{base}/admin/realms/{market}/clients{query}", folder, headers=await bearer(town, market))
    return list(found)


@pytest.mark.parametrize("market", MARKETS)
@pytest.mark.parametrize("method", METHODS)
async def test_client_lives_here_and_there(town: Town, market: str, method: str) -> None:
    client = await managed(town, market, method)
    kept = await there(town, client.client_id, market)
    assert kept is not None
    assert kept["attributes"]["dcrgw.market"] == market
    assert (await client.call("GET")).body["client_id"] == client.client_id
    plain = client.is_plain
    changed = await client.put(client.sent_back(scope="openid") if plain else await client.body(scope="openid"))
    assert (changed.status, changed.body.get("scope")) == (200, "openid"), (changed.body, findings(town))
    refused = await ask(town, changed.body, market, more={"scope": "accounts"})
    assert (refused.status, refused.body["error"]) == (400, "invalid_scope")
    client.token = await client.new_token()
    assert (await client.call("DELETE")).status == 204
    assert await there(town, client.client_id, market) is None
    assert (await client.call("GET")).status == 401


async def test_tokens_are_bound_to_the_certificate_and_no_other_tpp_uses_them(town: Town) -> None:
    client = await managed(town, UK, "tls_client_auth")
    told = await send(town, client.answer, "introspect", token=client.token)
    assert told.body["active"] is True, told.body
    assert told.body["client_id"] == client.client_id
    assert "x5t#S256" in told.body["cnf"]
    gone = await send(town, client.answer, "revoke", token=client.token)
    assert gone.status == 200, gone.body
    assert (await client.call("GET")).status == 401
    assert (await send(town, client.answer, "introspect", token=client.token)).body == {"active": False}


async def test_discovery_names_the_gateways_endpoints_and_the_realms_issuer(town: Town, mia: Person) -> None:
    index = town.index(UK)
    found = json.loads((await mia.open(f"{index['issuer']}/.well-known/openid-configuration")).text)
    assert found["issuer"] == index["issuer"]
    base = index["token_endpoint"].removesuffix("/token")
    assert (found["token_endpoint"], found["registration_endpoint"]) == (f"{base}/token", f"{base}/register")
    assert found["authorization_endpoint"] == f"{index['issuer']}/authorize"
    assert town.keycloak[0] not in json.dumps(found)  # type: ignore[attr-defined]
    keys = json.loads((await mia.open(found["jwks_uri"])).text)
    assert "PS256" in {each["alg"] for each in keys["keys"]}


async def test_customer_signs_in_at_keycloak_and_the_code_is_redeemed(town: Town, mia: Person) -> None:
    client = await client_of(town, "private_key_jwt")
    uri = await pushed(town, client)
    seen = await mia.open(address(town, client, request_uri=uri))
    assert seen.status == 200, seen.text
    assert seen.url.startswith(f"{town.index(UK)['issuer']}/"), seen.url
    left = await mia.submit(seen, **LOGIN)
    redeemed = await tokens(town, client, answer(left)["code"])
    assert redeemed.status == 200, (redeemed.body, findings(town))
    assert set(redeemed.body["scope"].split()) <= {"openid", "accounts"}
    claims = await proven(town, mia, redeemed.body["id_token"])
    assert (claims["iss"], claims["aud"]) == (town.index(UK)["issuer"], client["client_id"])
    assert claims["nonce"] == request()["nonce"]
    told = await send(town, client, "introspect", token=redeemed.body["access_token"])
    assert told.body["active"] is True
    again = await send(town, client, "token", grant_type="refresh_token", refresh_token=redeemed.body["refresh_token"])
    assert again.status == 200, (again.body, findings(town))


async def test_a_signed_request_object_reaches_keycloak(town: Town, mia: Person) -> None:
    client = await client_of(town, "private_key_jwt", request_object_signing_alg="PS256")
    signed = town.key(None).sign(object_claims(town, client))
    pushing = await send(town, client, "par", request=signed, client_id=client["client_id"])
    assert pushing.status == 201, (pushing.body, findings(town))
    seen = await mia.open(address(town, client, request_uri=pushing.body["request_uri"]))
    left = await mia.submit(seen, **LOGIN) if seen.left_for is None else seen
    assert (await tokens(town, client, answer(left)["code"])).status == 200


async def test_doctor_finds_nothing_wrong_and_leaves_nothing(town: Town) -> None:
    before = len(await all_there(town))
    status, said = await doctor(town, UK)
    assert status == 0, said
    assert "reads the certificate's header, and gives no token without it" in said
    assert len(await all_there(town)) == before


async def test_what_was_changed_in_keycloak_is_found_and_mended(town: Town) -> None:
    assert (await reconciled(town))[0] == 0
    gone, changed, stray = [await managed(town, UK, "private_key_jwt") for _ in range(3)]
    await at_the_admin(town, "DELETE", gone.client_id)
    await at_the_admin(town, "PUT", changed.client_id, redirectUris=["https://evil.example/cb"])
    await at_the_admin(town, "PUT", stray.client_id, clientId="nobody-knows-me")
    status, said = await reconciled(town, UK)
    assert status == 1
    for client_id, kind in (
        (gone.client_id, "missing"),
        (changed.client_id, "differs"),
        (stray.client_id, "missing"),
        ("nobody-knows-me", "stray"),
    ):
        assert re.search(rf"{client_id}\s+{kind}", said), said
    status, said = await reconciled(town, UK, "--mend", "--reason", "somebody changed it there")
    assert status == 0, said
    assert (await reconciled(town))[0] == 0
    assert await there(town, "nobody-knows-me") is None
    kept = await there(town, changed.client_id)
    assert kept is not None
    assert kept["redirectUris"] == changed.answer["redirect_uris"]
    for each in (gone, changed, stray):
        each.token = await each.new_token()
        assert (await each.call("GET")).status == 200


async def test_a_hanging_keycloak_leaves_nothing_half_done(town: Town) -> None:
    clients = len(await all_there(town))
    body = await town.body(UK)
    async with stopped(town):
        reply = await town.post(body, UK)
        assert reply.status == 503
        assert int(reply.headers["Retry-After"]) >= 1
    async with asyncio.timeout(60):
        while (reply := await town.post(body, UK)).status == 503:  # noqa: ASYNC110 - a TPP asks again
            await asyncio.sleep(1)
    assert reply.status == 201, reply.body
    assert len(await all_there(town)) == clients + 1
    assert await there(town, reply.body["client_id"]) is not None


async def proven(town: Town, mia: Person, token: str) -> dict[str, Any]:
    """The claims of an ID token, proven by the key set that the market's own discovery document names."""
    found = json.loads((await mia.open(f"{town.index(UK)['issuer']}/.well-known/openid-configuration")).text)
    assert found["issuer"] == town.index(UK)["issuer"]
    keys = jwk.KeySet.import_key_set(json.loads((await mia.open(found["jwks_uri"])).text))
    return dict(jwt.decode(token, keys, algorithms=["PS256"]).claims)


async def all_there(town: Town) -> list[dict[str, Any]]:
    """Every client in the realm."""
    return await listed(town, "")


@asynccontextmanager
async def stopped(town: Town) -> AsyncIterator[None]:
    """Keycloak neither answers nor goes away."""
    group = os.getpgid(town.server.pid)  # type: ignore[attr-defined]
    os.killpg(group, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(group, signal.SIGCONT)


@pytest_asyncio.fixture(loop_scope="module")
async def mia(town: Town) -> AsyncIterator[Person]:
    async with Person(ssl.create_default_context(cafile=str(town.folder / "ca.pem"))) as person:
        yield person
