"""Over the wire: what a server gives beyond what was asked of it reaches nobody, and stands nowhere."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import re
import sqlite3
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
from aiohttp import web
from as_clients import findings
from fake_as import Came
from fronted import Fronted, bearer, form_of, fronted
from grant_clients import CALLBACK, address, client_of, send, tokens
from grant_clients import request as asked
from managed import Managed
from town import UK

from dcrgw.compliance import bundle as bundles
from dcrgw.compliance.html import page_of_bundle
from dcrgw.compliance.keeping import Closed, bundled
from dcrgw.core.authorization.grants import challenge

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCHEMA = {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}}}
TYPE = """
[[detail_type]]
type = "balance"
schema = "balance.schema.json"
texts = { en = "See the balance" }
narrows = { "/actions" = "subset" }
enriches = ["/accounts"]
"""
#: The server lacks a method that the market offers.
BRIDGE = """
auth_methods = ["tls_client_auth", "private_key_jwt", "client_secret_basic"]
gap = "bridge"
"""
WAITING = 100
BALANCE = {"type": "balance", "actions": ["see", "list"]}
CHOSEN = {**BALANCE, "accounts": ["12345678"]}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def at(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fronted]:
    folder = tmp_path_factory.mktemp("sandbox")
    (folder / "balance.schema.json").write_text(json.dumps(SCHEMA))
    async with fronted(folder, TYPE, BRIDGE, f"waiting = {WAITING}") as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def calm(at: Fronted) -> AsyncIterator[None]:
    yield
    await at.calm()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(at: Fronted) -> dict[str, Any]:
    return await client_of(at.town, "tls_client_auth", authorization_details_types=["balance"])


def gives(at: Fronted, **members: Any) -> None:
    """What the token endpoint answers from now on."""
    at.server.says["POST", "/token"] = lambda came: bearer("", **members)


def tells(at: Fronted, client: dict[str, Any], token: str, **members: Any) -> None:
    """What introspection says of a token from now on."""
    at.server.introspected[token] = {"active": True, "client_id": client["client_id"], **members}


async def sent_to_the_server(at: Fronted, client: dict[str, Any], *wanted: Any) -> None:
    """The customer's browser arrives at the server with these details."""
    at.server.says["GET", "/auth"] = lambda came: web.Response(text="sign in", content_type="text/html")
    details = {"authorization_details": json.dumps(wanted)} if wanted else {}
    url = address(at.town, client, **asked(**details))
    heard = await at.page(url.partition(f"/{UK}/")[2])
    assert heard.status == 200, (heard.body, findings(at.town))


async def test_what_was_asked_and_filled_in_is_released(at: Fronted, client: dict[str, Any]) -> None:
    await sent_to_the_server(at, client, BALANCE)
    gives(at, access_token="at-filled-in", authorization_details=[CHOSEN], refresh_token="rt-filled-in")
    reply = await tokens(at.town, client, "code")
    assert reply.status == 200, (reply.body, findings(at.town))
    assert reply.body["authorization_details"] == [CHOSEN]
    tells(at, client, "at-filled-in", authorization_details=[{**CHOSEN, "actions": ["see"]}])
    told = await send(at.town, client, "introspect", token="at-filled-in")
    assert told.body["authorization_details"][0]["actions"] == ["see"]
    assert len(told.body["cnf"]["x5t#S256"]) == 43


EXCESS = "at/of-nobody+with-too-much==/0123456789", "rt-of-nobody-with-too-much-0123456789"


async def test_what_goes_too_far_reaches_nobody_and_stands_nowhere(
    at: Fronted, client: dict[str, Any], log: io.StringIO
) -> None:
    await sent_to_the_server(at, client, BALANCE)
    access, refresh = EXCESS[0].replace("==", ""), EXCESS[1]
    gives(
        at, access_token=access, refresh_token=refresh, authorization_details=[{**BALANCE, "actions": ["see", "pay"]}]
    )
    reply = await tokens(at.town, client, "code-with-too-much-0123456789")
    assert reply.status == 500
    assert reply.body["error"] == "server_error"
    assert access not in json.dumps(reply.body)
    gateway = at.town.gateway
    report, evidence = gateway.recent.kept[-1]
    assert [each.check.id for each in report.findings.failures] == ["release.details"]
    assert (await send(at.town, client, "introspect", token=access)).body == {"active": False}
    async with asyncio.timeout(60):
        while "release.details" not in log.getvalue():  # noqa: ASYNC110 - a thread writes it
            await asyncio.sleep(0.01)
    closed = Closed(report, evidence, gateway.materials.markets[report.market])
    document = bundled(closed)
    told = {
        "report": json.dumps([closed.told.told(), closed.told.told_to_tpp()]),
        "bundle": spelled_out(document),
        "page": page_of_bundle(bundles.read(document)),
        "log": log.getvalue(),
        **{path.name: path.read_bytes().decode("latin-1") for path in at.town.folder.rglob("*.sqlite*")},
    }
    assert "/0: is more than was asked for" in told["report"]
    for secret in (access, refresh, "code-with-too-much-0123456789"):
        for spelling in (secret, quote(secret, safe="")):
            assert [where for where, text in told.items() if spelling in text] == []


def spelled_out(document: bytes) -> str:
    """All texts of it, and what its base64 says."""
    text = document.decode()
    found = re.findall(r'"([A-Za-z0-9_-]{8,})"', text)
    return "\n".join(
        [text, *(base64.urlsafe_b64decode(each[: len(each) // 4 * 4]).decode("latin-1") for each in found)]
    )


async def test_a_token_is_its_own_certificates_alone(at: Fronted, client: dict[str, Any]) -> None:
    gives(at, access_token="at-bound", scope="accounts")
    assert (await send(at.town, client, "token", grant_type="client_credentials")).status == 200
    tells(at, client, "at-bound", scope="accounts")
    own = Managed(at.town, UK, client, "at-bound")
    assert (await own.call("GET")).status == 200
    renewed = await at.town.certificate("renewed", kind="obtransport", key_type="p256")
    stolen = await own.call("GET", pair=renewed)
    assert (stolen.status, stolen.body["error"]) == (401, "invalid_token")


async def test_a_token_that_ended_manages_nothing(at: Fronted, client: dict[str, Any]) -> None:
    for ends_here in (True, False):
        token = f"at-to-end-{ends_here}"
        gives(at, access_token=token)
        await send(at.town, client, "token", grant_type="client_credentials")
        tells(at, client, token)
        own = Managed(at.town, UK, client, token)
        assert (await own.call("GET")).status == 200
        at.server.says["POST", "/revoke"] = lambda came: web.Response(status=200)
        if ends_here:
            assert (await send(at.town, client, "revoke", token=token)).status == 200
        else:
            del at.server.introspected[token]
            at.town.ahead_s += 6
        assert (await own.call("GET")).status == 401


async def test_while_the_server_is_gone_nothing_is_managed(at: Fronted, client: dict[str, Any]) -> None:
    gives(at, access_token="at-meanwhile")
    await send(at.town, client, "token", grant_type="client_credentials")
    tells(at, client, "at-meanwhile")
    await at.server.stop()
    own = Managed(at.town, UK, client, "at-meanwhile")
    assert (await own.call("GET")).status == 503
    assert (await own.call("GET", token="never-released")).status == 401
    await at.server.start()


async def test_code_of_another_clients_request_does_not_go_on(at: Fronted, client: dict[str, Any]) -> None:
    other = await client_of(at.town, "tls_client_auth")
    await sent_to_the_server(at, client, BALANCE)
    at.server.arrived.clear()
    reply = await tokens(at.town, other, "code")
    assert (reply.status, reply.body["error"]) == (400, "invalid_grant")
    reply = await tokens(at.town, client, "code", code_verifier="v" * 43)
    assert (reply.status, reply.body["error"]) == (400, "invalid_grant")
    reply = await tokens(at.town, client, "code", redirect_uri=f"{CALLBACK}2")
    assert (reply.status, reply.body["error"]) == (400, "invalid_grant")
    assert at.asked("/token") == []


async def test_nothing_is_refreshed_that_was_not_released(at: Fronted, client: dict[str, Any]) -> None:
    # A challenge is one request's: whoever uses it again has a client of its own here.
    client, other = await client_of(at.town, "tls_client_auth"), client
    await sent_to_the_server(at, client)
    gives(at, access_token="at-first", refresh_token="rt-first")
    assert (await tokens(at.town, client, "code")).status == 200
    at.server.arrived.clear()
    for who, token in ((other, "rt-first"), (client, "rt-of-somebody")):
        reply = await send(at.town, who, "token", grant_type="refresh_token", refresh_token=token)
        assert (reply.status, reply.body["error"]) == (400, "invalid_grant")
    assert at.asked("/token") == []
    gives(at, access_token="at-second")
    assert (await send(at.town, client, "token", grant_type="refresh_token", refresh_token="rt-first")).status == 200


async def test_bridge_shows_the_gateways_secret_and_nothing_of_the_client(at: Fronted) -> None:
    bridged = await client_of(at.town, "client_secret_jwt")
    assert "client_secret" in bridged
    came: list[Came] = []
    at.server.says["POST", "/token"] = lambda each: (came.append(each), bearer("bridged"))[1]
    assert (await send(at.town, bridged, "token", grant_type="client_credentials")).status == 200
    form = form_of(came[0])
    assert form == {"grant_type": "client_credentials", "client_id": bridged["client_id"]}
    shown = base64.b64decode((came[0].field("authorization") or "").removeprefix("Basic ")).decode()
    client_id, _, secret = shown.partition(":")
    assert client_id == bridged["client_id"]
    assert secret == at.server.clients[client_id]["client_secret"] != bridged["client_secret"]
    assert at.server.clients[client_id]["token_endpoint_auth_method"] == "client_secret_basic"


async def test_strangers_push_out_only_what_strangers_asked(at: Fronted) -> None:
    client = await client_of(at.town, "tls_client_auth")
    at.server.says["POST", "/par"] = lambda came: web.json_response(
        {"request_uri": "urn:ietf:params:oauth:request_uri:kept", "expires_in": 60}, status=201
    )
    kept = "k" * 43
    assert (await send(at.town, client, "par", **asked(code_challenge=challenge(kept)))).status == 201
    await sent_to_the_server(at, client)
    issuer = address(at.town, client, **asked()).partition(f"/{UK}/")[2]
    at.server.says["GET", "/auth"] = lambda came: web.Response(text="sign in", content_type="text/html")
    async with at.browser() as connection:
        for number in range(WAITING):
            url = f"{issuer}&ui_locales=en-{number:04}"
            assert (await connection.ask(at.request(url))).status == 200
    gives(at, access_token="at-of-pushed")
    assert (await tokens(at.town, client, "code", code_verifier=kept)).status == 200
    refused = await tokens(at.town, client, "code", code_verifier="n" * 43)
    assert refused.status == 400
    (count,) = (
        sqlite3.connect(next(at.town.folder.rglob("registry.sqlite")))
        .execute("SELECT count(*) FROM asked_requests")
        .fetchone()
    )
    assert count <= WAITING + 5
