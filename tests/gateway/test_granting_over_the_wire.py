"""A TPP and a customer at a running gateway: pushed, approved, redeemed, introspected, revoked; over real listeners."""

from __future__ import annotations

import hashlib
import json
import secrets
import ssl
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import aiohttp
import pytest
import pytest_asyncio
from as_clients import FORM, findings, proof, registered
from joserfc import jwt
from joserfc.jwk import KeySet
from town import UK, Reply, Town

from dcrgw.core.authorization.grants import challenge
from dcrgw.core.jose import base64url
from dcrgw.testkit.person import Person, Seen

pytestmark = pytest.mark.asyncio(loop_scope="module")

VERIFIER = secrets.token_urlsafe(48)
CALLBACK = "https://tpp.example/cb"
GRANTS = ["client_credentials", "authorization_code", "refresh_token"]


@pytest_asyncio.fixture(loop_scope="module")
async def mia(town: Town) -> AsyncIterator[Person]:
    async with Person(ssl.create_default_context(cafile=str(town.folder / "ca.pem"))) as person:
        yield person


async def client_of(town: Town, method: str = "private_key_jwt", **changes: Any) -> dict[str, Any]:
    asked = {"grant_types": GRANTS, "response_types": ["code"], "redirect_uris": [CALLBACK], **changes}
    return await registered(town, method, **asked)


async def send(town: Town, client: dict[str, Any], endpoint: str, **form: Any) -> Reply:
    """A form of a client at an endpoint below the market's base URL."""
    proven, headers = proof(town, client)
    body = urlencode({name: value for name, value in {**proven, **form}.items() if value is not None}).encode()
    url = town.index(UK)["token_endpoint"].removesuffix("token") + endpoint
    return await town.post(body, media_type=FORM, url=url, headers=headers)


def request(**changes: Any) -> dict[str, Any]:
    return {
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": "openid accounts",
        "state": "the state",
        "nonce": "the nonce",
        "code_challenge": challenge(VERIFIER),
        "code_challenge_method": "S256",
        **changes,
    }


async def pushed(town: Town, client: dict[str, Any], **changes: Any) -> str:
    reply = await send(town, client, "par", **request(**changes))
    assert reply.status == 201, (reply.body, findings(town))
    assert reply.headers["Cache-Control"] == "no-store"
    assert 5 <= reply.body["expires_in"] <= 600
    return str(reply.body["request_uri"])


def address(town: Town, client: dict[str, Any], **parameters: str) -> str:
    issuer = town.index(UK)["issuer"]
    return f"{issuer}/authorize?{urlencode({'client_id': client['client_id'], **parameters})}"


async def decided(town: Town, person: Person, url: str, decision: str = "approve") -> Seen:
    """What Mia sees after her decision; her name and password are the sandbox's."""
    people = json.loads((town.folder / "sandbox.json").read_text())["customers"]
    seen = await person.open(url)
    assert seen.status == 200, seen.text
    seen = await person.submit(seen, login=people[0]["login"], password=people[0]["password"])
    return await person.submit(seen, decision=decision)


def answer(seen: Seen) -> dict[str, str]:
    assert seen.left_for is not None, seen.text
    parts = urlsplit(seen.left_for)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == CALLBACK
    return dict(parse_qsl(parts.fragment or parts.query))


async def tokens(town: Town, client: dict[str, Any], code: str, **changes: Any) -> Reply:
    right = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    return await send(town, client, "token", **{**right, **changes})


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
    issuer, now = town.index(UK)["issuer"], int(town.gateway.reports[-1].at)
    claims = {
        **request(client_id=client["client_id"]),
        "iss": client["client_id"],
        "aud": issuer,
        "nbf": now,
        "exp": now + 300,
        "jti": secrets.token_urlsafe(),
    }
    signed = town.key().sign(claims, header={"typ": "oauth-authz-req+jwt"})
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
