"""What customers grant, with oidc-provider behind the market: it signs in, shows, grants; the gateway judges."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import chromium
import pytest
import pytest_asyncio
from as_clients import findings
from behind import at_the_server
from chromium import Browser, Tab
from grant_clients import CALLBACK, address, answer, client_of, decided, object_claims, pushed, send, tokens
from joserfc import jwt
from joserfc.jwk import KeySet
from test_details_over_the_wire import PAYMENT, RECURRING
from test_standard_client import home
from test_standard_client import test_it_gets_what_a_customer_grants as it_gets_what_a_customer_grants
from test_tpp_authorizations import Terminal, terminal
from test_tpp_authorizations import test_customer_is_asked_and_the_code_is_redeemed as the_code_is_redeemed
from town import UK, Town

from dcrgw.testkit.person import Person

__all__ = ["home", "terminal"]

pytestmark = pytest.mark.asyncio(loop_scope="module")

has_scripts = True
#: A phone, and a desk.
SCREENS = {"phone": (320, 640), "desk": (1280, 800)}
NOTE = "for your order " * 15


@pytest_asyncio.fixture(loop_scope="module")
async def mia(town: Town) -> AsyncIterator[Person]:
    async with Person(ssl.create_default_context(cafile=str(town.folder / "ca.pem")), languages="pt-BR") as person:
        yield person


@pytest.mark.parametrize(
    ("method", "pushed", "signed", "response_type"),
    [
        ("private_key_jwt", True, True, "code id_token"),
        ("tls_client_auth", True, False, "code"),
        ("private_key_jwt", False, True, "code"),
        ("tls_client_auth", False, False, "code id_token"),
    ],
    ids=["pushed object", "pushed", "object", "plain"],
)
async def test_standard_client_gets_what_is_granted(
    town: Town, home: Path, method: str, pushed: bool, signed: bool, response_type: str
) -> None:
    """openid-client verifies the ID token against the discovered issuer and its keys."""
    await it_gets_what_a_customer_grants(town, home, method, pushed, signed, response_type)


@pytest.mark.parametrize(
    ("asking", "response_type"), [(("par", "--signed"), "code id_token"), (("authorize", "--signed"), "code")]
)
async def test_commands_redeem_the_code(
    town: Town, terminal: Terminal, asking: tuple[str, ...], response_type: str
) -> None:
    await the_code_is_redeemed(town, terminal, asking, response_type)


async def test_discovery_names_the_gateways_endpoints_and_the_servers_issuer(town: Town, mia: Person) -> None:
    index = town.index(UK)
    found = json.loads((await mia.open(index["well_known"])).text)
    there = (await at_the_server(town, "GET", ".well-known/openid-configuration")).body
    assert found["issuer"] == there["issuer"] == index["issuer"]
    base = index["token_endpoint"].removesuffix("/token")
    for name, path in (("token", "token"), ("pushed_authorization_request", "par"), ("introspection", "introspect"),
                       ("revocation", "revoke"), ("userinfo", "userinfo"), ("registration", "register")):  # fmt: skip
        assert found[f"{name}_endpoint"] == f"{base}/{path}"
    assert found["authorization_endpoint"] == f"{index['issuer']}/authorize"
    port = str(town.session.endpoints.upstream)
    assert port not in json.dumps(found)
    keys = json.loads((await mia.open(found["jwks_uri"])).text)
    assert {each["kid"] for each in keys["keys"]} == {
        each["kid"] for each in (await at_the_server(town, "GET", "jwks")).body["keys"]
    }


async def test_customer_reads_the_banks_words_on_the_servers_page(town: Town, mia: Person) -> None:
    client = await client_of(town)
    hostile = {**PAYMENT, "ui_representation": "<b>You won!</b>\u202e Approve to collect"}
    uri = await pushed(town, client, authorization_details=json.dumps([hostile, RECURRING]))
    seen = await mia.open(address(town, client, request_uri=uri))
    assert seen.url.startswith(f"{town.index(UK)['issuer']}/interaction/"), seen.text
    people = json.loads((town.folder / "sandbox.json").read_text())["customers"]
    wrong = await mia.submit(seen, login=people[0]["login"], password="wrong")
    assert wrong.status == 422
    seen = await mia.submit(wrong, login=people[0]["login"], password=people[0]["password"])
    assert "Pagar 123.50 EUR a Merchant A" in seen.text
    assert "no máximo 50 EUR de cada vez" in seen.text
    assert "&lt;b&gt;You won!" in seen.text
    assert "\u202e" not in seen.text
    assert "Example TPP Ltd" in seen.text
    assert "default-src 'none'" in seen.headers["Content-Security-Policy"]
    assert "<script" not in seen.text
    seen = await mia.submit(seen, decision="approve")
    reply = await tokens(town, client, answer(seen)["code"])
    assert reply.status == 200, (reply.body, findings(town))
    assert reply.body["authorization_details"] == [hostile, RECURRING]
    told = await send(town, client, "introspect", token=reply.body["access_token"])
    assert told.body["authorization_details"] == [hostile, RECURRING]


async def granted(town: Town, mia: Person, client: dict[str, Any], **asked: Any) -> dict[str, Any]:
    """The token endpoint's answer after Mia's yes."""
    uri = await pushed(town, client, **asked)
    seen = await decided(town, mia, address(town, client, request_uri=uri))
    reply = await tokens(town, client, answer(seen)["code"])
    assert reply.status == 200, (reply.body, findings(town))
    return reply.body


async def test_grant_is_renewed_narrowed_told_of_and_ended(town: Town, mia: Person) -> None:
    client = await client_of(town, "tls_client_auth")
    first = await granted(town, mia, client, authorization_details=json.dumps([PAYMENT, RECURRING]))
    refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    renewed = await send(town, client, "token", **refresh)
    assert renewed.body["authorization_details"] == [PAYMENT, RECURRING]
    less = await send(town, client, "token", **refresh, authorization_details=json.dumps([PAYMENT]))
    assert less.body["authorization_details"] == [PAYMENT]
    more = {**PAYMENT, "instructedAmount": {"currency": "EUR", "amount": "900"}}
    refused = await send(town, client, "token", **refresh, authorization_details=json.dumps([more]))
    assert (refused.status, refused.body["error"]) == (400, "invalid_authorization_details")
    foreign = await client_of(town)
    for asking, is_active in ((client, True), (foreign, False)):
        told = await send(town, asking, "introspect", token=renewed.body["access_token"])
        assert told.body["active"] is is_active
    assert (await send(town, client, "revoke", token=first["refresh_token"])).status == 200
    told = await send(town, client, "introspect", token=renewed.body["access_token"])
    assert told.body == {"active": False}
    assert (await send(town, client, "token", **refresh)).body["error"] == "invalid_grant"


async def test_userinfo_tells_whoever_was_allowed(town: Town, mia: Person) -> None:
    client = await client_of(town, "tls_client_auth")
    found = await granted(town, mia, client, scope="openid accounts")
    url = town.index(UK)["token_endpoint"].removesuffix("token") + "userinfo"
    bearer = {"Authorization": f"Bearer {found['access_token']}"}
    reply = await town.post(b"", method="GET", url=url, headers=bearer)
    assert (reply.status, reply.body) == (200, {"sub": "sandbox-mia"})
    assert (await town.post(b"", method="GET", url=url, headers={"Authorization": "Bearer nobody's"})).status == 401


async def test_no_is_told_to_the_client(town: Town, mia: Person) -> None:
    client = await client_of(town)
    uri = await pushed(town, client, authorization_details=json.dumps([PAYMENT]))
    seen = await decided(town, mia, address(town, client, request_uri=uri), "deny")
    assert answer(seen)["error"] == "access_denied"


async def test_session_ends_at_the_server(town: Town, mia: Person) -> None:
    client = await client_of(town, post_logout_redirect_uris=["https://tpp.example/cb"])
    found = await granted(town, mia, client)
    issuer = town.index(UK)["issuer"]
    seen = await mia.open(f"{issuer}/end-session?id_token_hint={found['id_token']}")
    seen = await mia.submit(seen, logout="yes")
    assert (seen.status, seen.url.startswith(f"{issuer}/session/end/success")) == (200, True)


async def test_forms_lead_to_the_servers_pages_too(town: Town, mia: Person) -> None:
    # OpenID Connect Core 1.0 §3.1.2.1, RP-Initiated Logout 1.0 §2: GET and POST; this server has GET alone.
    client, issuer = await client_of(town), town.index(UK)["issuer"]
    form = {"client_id": client["client_id"], "request_uri": await pushed(town, client)}
    async with mia.http.post(f"{issuer}/authorize", data=form) as shown:
        assert (shown.status, "password" in await shown.text()) == (200, True)
    async with mia.http.post(f"{issuer}/end-session", data={"client_id": client["client_id"]}) as shown:
        assert (shown.status, "/session/end/confirm" in await shown.text()) == (200, True)


async def test_signed_request_is_judged_by_both(town: Town, mia: Person) -> None:
    client = await client_of(town)
    claims = object_claims(town, client, authorization_details=[PAYMENT])
    reply = await send(town, client, "par", request=town.key().sign(claims))
    assert reply.status == 201, (reply.body, findings(town))
    seen = await decided(town, mia, address(town, client, request_uri=reply.body["request_uri"]))
    found = await tokens(town, client, answer(seen)["code"])
    assert found.body["authorization_details"] == [PAYMENT]
    again = await send(town, client, "par", request=town.key().sign(claims))
    assert again.status == 400


async def test_id_tokens_verify_against_the_discovered_issuer(town: Town, mia: Person) -> None:
    """As any relying party does it: the issuer's document, its keys, and both tokens of a signed hybrid request."""
    issuer = town.index(UK)["issuer"]
    found = json.loads((await mia.open(f"{issuer}/.well-known/openid-configuration")).text)
    assert found["issuer"] == issuer
    keys = KeySet.import_key_set(json.loads((await mia.open(found["jwks_uri"])).text))
    client = await client_of(town, response_types=["code", "code id_token"])
    claims = object_claims(town, client, response_type="code id_token", scope="openid accounts")
    # What stands beside the object counts for nothing, here and there.
    url = address(town, client, request=town.key().sign(claims), response_type="code", scope="nothing", nonce="another")
    told = answer(await decided(town, mia, url))
    reply = await tokens(town, client, told["code"])
    for token, half in ((told["id_token"], {"c_hash": told["code"]}), (reply.body["id_token"], {})):
        read = jwt.decode(token, keys, algorithms=found["id_token_signing_alg_values_supported"])
        said = read.claims
        assert (said["iss"], said["aud"], said["nonce"]) == (issuer, client["client_id"], claims["nonce"])
        assert said["sub"] == "sandbox-mia"
        for name, text in half.items():
            digest = hashlib.sha256(text.encode()).digest()[:16]
            assert said[name] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    async with chromium.running(tmp_path_factory.mktemp("chromium")) as running:
        yield running


@pytest.mark.skipif(chromium.program() is None, reason="there is no Chromium: apt-get install chromium")
async def test_customer_decides_on_pages_that_fit_and_do_nothing_else(town: Town, browser: Browser) -> None:
    client = await client_of(town)
    details = json.dumps(
        [{**PAYMENT, "creditorName": "Donaudampfschifffahrt " * 3, "ui_representation": NOTE}, RECURRING]
    )
    tab = await browser.tab()
    await tab.stand_in("https://tpp.example/*")
    mia = json.loads((town.folder / "sandbox.json").read_text())["customers"][0]
    await tab.goto(address(town, client, request_uri=await pushed(town, client, authorization_details=details)))
    await looked_at(tab, "sign-in")
    await tab.type("#login", mia["login"])
    await tab.type("#password", "wrong")
    await tab.follow("button[type=submit]")
    await looked_at(tab, "wrong")
    await tab.type("#password", mia["password"])
    await tab.follow("button[type=submit]")
    assert "Pay 123.50 EUR to Donaudampfschifffahrt" in await tab.text()
    await looked_at(tab, "consent")
    await tab.follow("button[value=approve]")
    (url,) = [each for each in tab.visited if each.startswith(CALLBACK)]
    reply = await tokens(town, client, dict(parse_qsl(urlsplit(url).query))["code"])
    assert reply.body["authorization_details"] == json.loads(details)
    # The last is that of the wrong password: a browser tells each answer of 4xx.
    assert [each for each in tab.complaints if "422" not in each] == []


async def looked_at(tab: Tab, name: str) -> None:
    """The page on every screen, light and dark; kept as pictures where DCRGW_PICTURES names a folder."""
    for screen, (width, height) in SCREENS.items():
        for dark in (False, True):
            await tab.look_like(width, height, dark=dark)
            assert await tab.evaluate("document.documentElement.scrollWidth") <= width, (name, screen)
            if folder := os.environ.get("DCRGW_PICTURES"):
                picture = await tab.screenshot()
                (Path(folder) / f"{name}-{screen}-{'dark' if dark else 'light'}.png").write_bytes(picture)
