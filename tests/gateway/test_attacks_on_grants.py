"""Thieves, forgers and strangers at the endpoints of a grant, over real listeners: they get nothing."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
import pytest_asyncio
from as_clients import FORM, claims_of, findings, hs256, proof
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from grant_clients import CALLBACK, VERIFIER, address, answer, client_of, decided, object_claims, pushed, request, send
from grant_clients import tokens as redeemed
from town import UK, Reply, Town

from dcrgw.core.authorization.requests import REQUEST_URI
from dcrgw.core.jose import base64url
from dcrgw.testkit.keys import SigningKey
from dcrgw.testkit.person import Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

FOREIGN = SigningKey.generate("sig-1", "PS256")


@pytest_asyncio.fixture(loop_scope="module")
async def mia(town: Town) -> AsyncIterator[Person]:
    async with Person(ssl.create_default_context(cafile=str(town.folder / "ca.pem"))) as person:
        yield person


@pytest_asyncio.fixture(loop_scope="module")
async def client(town: Town) -> dict[str, Any]:
    return await client_of(town)


def raw(header: Any, payload: bytes | Any, sign: Callable[[bytes], bytes] | None = None) -> str:
    """A token of whatever parts."""
    parts = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in (header, payload)]
    signing_input = ".".join(map(base64url.encode, parts))
    return f"{signing_input}.{base64url.encode(sign(signing_input.encode()) if sign else b'')}"


# -- request objects --


def forged(town: Town, client: dict[str, Any]) -> dict[str, str]:
    """Objects of which each is wrong in one way, by what is wrong with it."""
    key = town.key()

    def right(**changes: Any) -> dict[str, Any]:
        return object_claims(town, client, **changes)

    def sign(header: dict[str, Any] | None = None, **changes: Any) -> str:
        return key.sign(right(**changes), header={"typ": "oauth-authz-req+jwt", **(header or {})})

    def signed(payload: bytes, **header: Any) -> str:
        return raw({"alg": key.alg, "kid": key.kid, **header}, payload, key.signature)

    public = key.private_key.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    now = right()["nbf"]
    twice = json.dumps(right())[:-1] + f', "redirect_uri": "{CALLBACK}"}}'
    return {
        "none": raw({"alg": "none"}, right()),
        "None": raw({"alg": "None", "kid": key.kid}, right()),
        "stripped": sign().rpartition(".")[0] + ".",
        "public key as a secret": hs256(right(), pem),
        "public key's numbers as a secret": hs256(right(), json.dumps(key.public_jwk())),
        "another key": FOREIGN.sign(right()),
        "its own key": sign({"jwk": FOREIGN.public_jwk()}),
        "a key elsewhere": sign({"jku": "https://evil.example/jwks"}),
        "a certificate": sign({"x5c": ["AAAA"]}),
        "crit": sign({"crit": ["exp"]}),
        "b64": sign({"b64": False, "crit": ["b64"]}),
        "nested": sign({"cty": "JWT"}),
        "zipped": sign({"zip": "DEF"}),
        "typ of an access token": sign({"typ": "at+jwt"}),
        "typ of an assertion": sign({"typ": "client-authentication+jwt"}),
        "kid of a file": sign({"kid": "../../etc/passwd"}),
        "kid of SQL": sign({"kid": "' OR 1=1 --"}),
        "encrypted": "e30.e30.e30.e30.e30",
        "JSON": json.dumps({"payload": "e30", "signatures": []}),
        "a word": "x",
        "a member twice": signed(twice.encode()),
        "no object": signed(b'["a"]'),
        "no JSON": signed(b"not json"),
        "NaN": signed(json.dumps(right())[:-1].encode() + b', "max_age": NaN}'),
        "a long number": signed(json.dumps(right())[:-1].encode() + b', "max_age": 1' + b"0" * 5000 + b"}"),
        "deep": signed(json.dumps(right())[:-1].encode() + b', "claims": ' + b"[" * 3000 + b"]" * 3000 + b"}"),
        "half a surrogate": signed(json.dumps(right())[:-1].encode() + b', "login_hint": "\\ud800"}'),
        "long": sign(login_hint="x" * 26_000),
        "no exp": sign(exp=None),
        "exp as text": sign(exp=str(now + 300)),
        "past": sign(exp=now - 60),
        "a long life": sign(exp=now + 3700),
        "no nbf": sign(nbf=None),
        "an old nbf": sign(nbf=now - 3700, exp=now + 10),
        "a nbf to come": sign(nbf=now + 120),
        "another audience": sign(aud="https://other.example"),
        "audiences without us": sign(aud=["https://other.example", town.index(UK)["token_endpoint"]]),
        "audience as object": sign(aud={"a": town.index(UK)["issuer"]}),
        "audience of another market": sign(aud=town.index("uk-3.3")["issuer"]),
        "another issuer": sign(iss="somebody"),
        "issuer as list": sign(iss=[client["client_id"]]),
        "another client": sign(client_id="somebody"),
        "subject": sign(sub=client["client_id"]),
        "an object in it": sign(request="e30.e30.e30"),
        "a request_uri in it": sign(request_uri=REQUEST_URI + "x"),
        "a number as jti": sign(jti=5),
        "details as text": sign(authorization_details='[{"type":"x"}]'),
        "redirect_uri as list": sign(redirect_uri=[CALLBACK]),
        "an assertion": key.sign(claims_of(town, client, aud=town.index(UK)["issuer"])),
    }


async def test_no_forged_object_is_taken_pushed_or_not(town: Town, client: dict[str, Any], mia: Person) -> None:
    for what, text in forged(town, client).items():
        reply = await send(town, client, "par", request=text)
        assert (reply.status, reply.body["error"]) in (
            (400, "invalid_request_object"),
            (400, "invalid_request"),
            (400, "invalid_scope"),
        ), (what, reply.body)
        if len(text) < 8000:
            seen = await mia.open(address(town, client, request=text))
            assert (seen.status, seen.left_for) == (400, None), what


async def test_huge_object_is_refused_before_it_is_read(town: Town, client: dict[str, Any], mia: Person) -> None:
    text = "e30." + "A" * 100_000 + ".e30"
    assert (await send(town, client, "par", request=text)).status == 400
    assert (await mia.open(address(town, client, request=text))).status == 431


async def test_request_object_authenticates_no_client(town: Town, client: dict[str, Any]) -> None:
    signed = town.key().sign(object_claims(town, client))
    body = urlencode(
        {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": signed,
        }
    ).encode()
    reply = await town.post(body, media_type=FORM, url=town.index(UK)["token_endpoint"])
    assert (reply.status, reply.body["error"]) == (401, "invalid_client")


async def test_audiences_with_us_among_them_are_ours(town: Town, client: dict[str, Any]) -> None:
    claims = object_claims(town, client, aud=["https://other.example", town.index(UK)["issuer"]])
    assert (await send(town, client, "par", request=town.key().sign(claims))).status == 201


async def test_what_stands_outside_an_object_neither_fills_nor_replaces(
    town: Town, client: dict[str, Any], mia: Person
) -> None:
    signed = town.key().sign(object_claims(town, client, code_challenge=None))
    seen = await mia.open(address(town, client, **{**request(state="another"), "request": signed}))
    found = answer(seen)
    assert (found["error"], found["state"]) == ("invalid_request", "the state")


# -- request_uris --


async def test_request_uri_serves_its_client_in_its_market_once(
    town: Town, client: dict[str, Any], mia: Person
) -> None:
    uri = await pushed(town, client)
    other = await client_of(town, "private_key_jwt", "generic")
    for at, whom in (("generic", other), ("generic", client), ("uk-3.3", client), (UK, other)):
        seen = await mia.open(address(town, whom, at, request_uri=uri))
        assert (seen.status, seen.left_for) == (400, None)
    for guess in (uri[:-1], uri + "A", uri.upper(), f" {uri}", "https://evil.example/r.jwt", REQUEST_URI):
        assert (await mia.open(address(town, client, request_uri=guess))).status == 400
    assert "code" in answer(await decided(town, mia, address(town, client, request_uri=uri)))
    assert (await mia.open(address(town, client, request_uri=uri))).status == 400


async def test_what_stands_beside_a_request_uri_changes_nothing(
    town: Town, client: dict[str, Any], mia: Person
) -> None:
    uri = await pushed(town, client)
    asked = request(redirect_uri="https://evil.example/", scope="openid payments", state="evil", code_challenge="x")
    found = answer(await decided(town, mia, address(town, client, request_uri=uri, **asked)))
    assert found["state"] == "the state"
    assert (await redeemed(town, client, found["code"])).body["scope"] == "openid accounts"


@pytest.mark.parametrize("name", ["client_id", "redirect_uri", "state", "request_uri", "code_challenge"])
async def test_no_parameter_comes_twice(town: Town, client: dict[str, Any], mia: Person, name: str) -> None:
    seen = await mia.open(address(town, client, **request()) + f"&{name}=https%3A%2F%2Fevil.example&{name}=x")
    assert (seen.status, seen.left_for) == (400, None)


# -- codes --


async def test_code_serves_nobody_but_its_client(town: Town, client: dict[str, Any], mia: Person) -> None:
    code = answer(await decided(town, mia, address(town, client, **request())))["code"]
    other = await client_of(town, "private_key_jwt", "generic")
    at_generic = town.index("generic")["token_endpoint"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    proven, headers = proof(town, other, "generic")
    stolen = await town.post(
        urlencode({**proven, **form}).encode(), "generic", media_type=FORM, url=at_generic, headers=headers
    )
    assert (stolen.status, stolen.body["error"]) == (400, "invalid_grant")
    # The client's own proof on a connection of another TPP's certificate.
    proven, headers = proof(town, client)
    stolen = await town.post(
        urlencode({**proven, **form}).encode(), UK, "revoked", media_type=FORM, url=town.index(UK)["token_endpoint"]
    )
    assert (stolen.status, stolen.body["error"]) == (401, "invalid_client")
    for wrong in (
        {"code_verifier": VERIFIER[:-1]},
        {"code_verifier": None},
        {"code_verifier": base64url.encode(b"\0" * 32)},
        {"redirect_uri": CALLBACK + "/"},
        {"redirect_uri": None},
    ):
        assert (await redeemed(town, client, code, **wrong)).status == 400
    assert (await redeemed(town, client, code)).status == 200


async def test_of_many_redeemers_at_once_none_keeps_a_token(town: Town, client: dict[str, Any], mia: Person) -> None:
    code = answer(await decided(town, mia, address(town, client, **request())))["code"]
    replies = await asyncio.gather(*(redeemed(town, client, code) for _ in range(5)))
    good = [reply for reply in replies if reply.status == 200]
    assert len(good) == 1
    assert {reply.body["error"] for reply in replies if reply.status != 200} == {"invalid_grant"}
    assert (await send(town, client, "introspect", token=good[0].body["access_token"])).body == {"active": False}


# -- tokens of others --


async def test_strangers_learn_and_end_nothing(town: Town, client: dict[str, Any], mia: Person) -> None:
    code = answer(await decided(town, mia, address(town, client, **request())))["code"]
    issued = (await redeemed(town, client, code)).body
    other = await client_of(town, "private_key_jwt", "generic")
    for token in (issued["access_token"], issued["refresh_token"]):
        for hint in (None, "access_token", "refresh_token", "x"):
            told = await send(town, other, "introspect", "generic", token=token, token_type_hint=hint)
            assert (told.status, told.body) == (200, {"active": False})
            assert (await send(town, other, "revoke", "generic", token=token, token_type_hint=hint)).status == 200
        assert (await send(town, client, "introspect", token=token)).body["active"] is True
    refreshed = await send(
        town, other, "token", "generic", grant_type="refresh_token", refresh_token=issued["refresh_token"]
    )
    assert (refreshed.status, refreshed.body["error"]) == (400, "invalid_grant")
    for endpoint in ("introspect", "revoke"):
        url = town.index(UK)["token_endpoint"].removesuffix("token") + endpoint
        bare = await town.post(urlencode({"token": issued["access_token"]}).encode(), media_type=FORM, url=url)
        assert (bare.status, bare.body["error"]) in ((401, "invalid_client"), (400, "invalid_request"))
    assert (await send(town, client, "introspect", token=issued["access_token"])).body["active"] is True


async def test_token_of_a_person_manages_no_registration(town: Town, client: dict[str, Any], mia: Person) -> None:
    code = answer(await decided(town, mia, address(town, client, **request())))["code"]
    issued = (await redeemed(town, client, code)).body
    reply: Reply = await town.post(
        b"",
        method="DELETE",
        url=f"{town.index(UK)['registration_endpoint']}/{client['client_id']}",
        headers={"Authorization": f"Bearer {issued['access_token']}"},
    )
    assert reply.status == 401
    assert findings(town) == ["management.token.own_right", "management.authorised"]
    assert (await send(town, client, "introspect", token=issued["access_token"])).status == 200


# -- redirects --


@pytest.mark.parametrize(
    "state",
    ["a\r\nSet-Cookie: x=1", "a\nb", "x#code=evil", "x&code=evil&state=y", "%0d%0aX: y", "é", "\u2028", "x" * 600],
)
async def test_state_splits_nothing(town: Town, client: dict[str, Any], mia: Person, state: str) -> None:
    seen = await mia.open(address(town, client, **request(state=state, scope="nothing")))
    assert "X" not in seen.headers
    assert not [name for name in seen.headers if name.lower() == "set-cookie"]
    if seen.left_for is None:
        assert seen.status == 400
        return
    assert seen.left_for.isascii()
    assert "#" not in seen.left_for
    assert "code" not in answer(seen)


@pytest.mark.parametrize(
    "faults",
    [
        {"response_type": "token"},
        {"response_type": "code id_token", "scope": "accounts"},
        {"scope": "x"},
        {"prompt": "none"},
        {"max_age": "x"},
        {"request": "x"},
        {"authorization_details": "x"},
        {"code_challenge": "x"},
        {"response_mode": "form_post"},
    ],
)
@pytest.mark.parametrize("uri", ["https://evil.example/cb", CALLBACK + "?next=https://evil.example", CALLBACK + "#x"])
async def test_no_error_leads_elsewhere(
    town: Town, client: dict[str, Any], mia: Person, faults: dict[str, str], uri: str
) -> None:
    seen = await mia.open(address(town, client, **request(redirect_uri=uri, **faults)))
    assert (seen.status, seen.left_for) == (400, None)
    assert "evil.example" not in "".join(f"{n}: {v}" for n, v in seen.headers.items())


async def test_method_and_body_say_nothing_else_than_the_query(town: Town, client: dict[str, Any], mia: Person) -> None:
    url, body = address(town, client, **request()), urlencode({"redirect_uri": "https://evil.example/"})
    async with mia.http.post(url, data=body, headers={"Content-Type": FORM}, allow_redirects=False) as twice:
        assert twice.status == 400
    async with mia.http.get(url, data=body, headers={"Content-Type": FORM}, allow_redirects=False) as got:
        assert (got.status, "evil" in got.headers["Location"]) == (303, False)
    for method in ("PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"):
        async with mia.http.request(method, url, allow_redirects=False) as refused:
            assert refused.status == 405
    form = aiohttp.FormData(request(client_id=client["client_id"]), default_to_multipart=True)
    async with mia.http.post(url.partition("?")[0], data=form, allow_redirects=False) as multipart:
        assert multipart.status == 415
