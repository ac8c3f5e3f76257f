"""A TPP and a customer at a running gateway: pushed, approved, redeemed, introspected, revoked; over real listeners."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from as_clients import FORM, findings
from grant_clients import (
    GRANTS,
    address,
    answer,
    client_of,
    decided,
    object_claims,
    pushed,
    request,
    send,
    tokens,
)
from joserfc import jwt
from joserfc.jwk import KeySet
from town import UK, Town

from dcrgw.core.jose import base64url
from dcrgw.testkit.person import Person

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def mia(town: Town) -> AsyncIterator[Person]:
    async with Person(ssl.create_default_context(cafile=str(town.folder / "ca.pem"))) as person:
        yield person


@pytest.mark.parametrize("method", ["private_key_jwt", "tls_client_auth", "client_secret_basic", "client_secret_jwt"])
async def test_pushed_request_ends_in_tokens_by_every_method(town: Town, mia: Person, method: str) -> None:
    client = await client_of(town, method)
    uri = await pushed(town, client)
    found = answer(await decided(town, mia, address(town, client, request_uri=uri)))
    assert (found["state"], found["iss"]) == ("the state", town.index(UK)["issuer"])
    reply = await tokens(town, client, found["code"])
    assert reply.status == 200, (reply.body, findings(town))
    assert set(reply.body) == {"access_token", "token_type", "expires_in", "scope", "refresh_token", "id_token"}
    told = await send(town, client, "introspect", token=reply.body["access_token"])
    assert (told.status, told.body["active"], told.body["scope"]) == (200, True, "openid accounts")
    again = await send(town, client, "token", grant_type="refresh_token", refresh_token=reply.body["refresh_token"])
    assert again.status == 200, again.body
    ended = await send(town, client, "revoke", token=reply.body["refresh_token"])
    assert (ended.status, ended.body) == (200, {})
    for token in (reply.body["access_token"], again.body["access_token"], reply.body["refresh_token"]):
        assert (await send(town, client, "introspect", token=token)).body == {"active": False}


async def test_default_registration_gets_code_and_id_token(town: Town, mia: Person) -> None:
    client = await client_of(town, response_types=["code id_token"])
    uri = await pushed(town, client, response_type="code id_token")
    found = answer(await decided(town, mia, address(town, client, request_uri=uri)))
    assert found.keys() == {"code", "id_token", "state", "iss"}
    url = town.index(UK)["issuer"] + "/jwks"
    tls = ssl.create_default_context(cafile=str(town.folder / "ca.pem"))
    async with aiohttp.ClientSession() as http, http.get(url, ssl=tls) as published:
        keys = KeySet.import_key_set(await published.json())
    claims = jwt.decode(found["id_token"], keys, algorithms=["PS256"]).claims
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (found["iss"], client["client_id"], "the nonce")
    for name, signed in (("c_hash", found["code"]), ("s_hash", "the state")):
        assert claims[name] == base64url.encode(hashlib.sha256(signed.encode()).digest()[:16])
    assert (await tokens(town, client, found["code"])).status == 200


async def test_no_becomes_access_denied(town: Town, mia: Person) -> None:
    client = await client_of(town)
    uri = await pushed(town, client)
    found = answer(await decided(town, mia, address(town, client, request_uri=uri), "deny"))
    assert (found["error"], found["state"]) == ("access_denied", "the state")
    seen = await mia.open(address(town, client, request_uri=uri))
    assert (seen.status, seen.left_for) == (400, None)


async def test_signed_object_of_the_tpp_is_taken(town: Town, mia: Person) -> None:
    client = await client_of(town)
    signed = town.key().sign(object_claims(town, client), header={"typ": "oauth-authz-req+jwt"})
    reply = await send(town, client, "par", request=signed)
    assert reply.status == 201, (reply.body, findings(town))
    seen = await decided(town, mia, address(town, client, request_uri=reply.body["request_uri"]))
    assert (await tokens(town, client, answer(seen)["code"])).status == 200


async def test_replayed_code_ends_the_tokens(town: Town, mia: Person) -> None:
    client = await client_of(town)
    code = answer(await decided(town, mia, address(town, client, **request())))["code"]
    first = await tokens(town, client, code)
    second = await tokens(town, client, code)
    assert (second.status, second.body["error"], second.checks) == (400, "invalid_grant", ["token.code.unused"])
    assert (await send(town, client, "introspect", token=first.body["access_token"])).body == {"active": False}


async def test_stranger_cannot_be_sent_on(town: Town, mia: Person) -> None:
    client = await client_of(town)
    seen = await mia.open(address(town, client, **request(redirect_uri="https://evil.example/")))
    assert (seen.status, seen.left_for) == (400, None)


async def test_details_are_refused_where_the_bank_has_no_types(town: Town) -> None:
    client = await client_of(town)
    reply = await send(town, client, "par", **request(authorization_details='[{"type":"payment_initiation"}]'))
    assert (reply.status, reply.body["error"]) == (400, "invalid_authorization_details")
    assert reply.checks == ["details.type.supported", "details.type.registered"]


async def test_discovery_tells_what_is_served(town: Town) -> None:
    url = town.index(UK)["issuer"] + "/.well-known/openid-configuration"
    tls = ssl.create_default_context(cafile=str(town.folder / "ca.pem"))
    async with aiohttp.ClientSession() as http, http.get(url, ssl=tls) as found:
        document = await found.json()
    base, issuer = town.index(UK)["token_endpoint"].removesuffix("/token"), document["issuer"]
    assert document["pushed_authorization_request_endpoint"] == f"{base}/par"
    assert document["introspection_endpoint"] == f"{base}/introspect"
    assert document["revocation_endpoint"] == f"{base}/revoke"
    assert document["authorization_endpoint"] == f"{issuer}/authorize"
    assert document["grant_types_supported"] == GRANTS
    assert document["response_types_supported"] == ["code", "code id_token"]
    assert document["response_modes_supported"] == ["query", "fragment"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["authorization_response_iss_parameter_supported"] is True
    assert document["request_uri_parameter_supported"] is False
    assert document["id_token_signing_alg_values_supported"] == ["PS256"]
    assert "authorization_details_types_supported" not in document


@pytest.mark.parametrize("endpoint", ["par", "introspect", "revoke", "token"])
async def test_endpoints_of_forms_take_nothing_else(town: Town, endpoint: str) -> None:
    base = town.index(UK)["token_endpoint"].removesuffix("token")
    got = await town.post(b"", media_type=FORM, url=base + endpoint, method="GET")
    assert (got.status, got.headers["Allow"]) == (405, "POST")
    assert (await town.post(b"{}", media_type="application/json", url=base + endpoint)).status == 415
    assert (await town.post(b"", media_type=FORM, url=f"{base}{endpoint}/x")).status == 404
    public = f"{town.index(UK)['issuer']}/{endpoint}"
    assert (await town.post(b"", media_type=FORM, url=public)).status == 401
