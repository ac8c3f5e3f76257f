"""What TPPs send through the gateway to a server behind it: only what was judged arrives, whatever is tried."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from aiohttp import web
from as_clients import FORM, findings, proof
from fake_as import Came, oauth_error, saying
from fronted import PROOF, Fronted, bearer, form_of, fronted
from grant_clients import client_of, send
from test_managing_clients import audit
from town import UK
from town_log import until_written
from wire import Heard, own, wire
from wire import request as raw_request

pytestmark = pytest.mark.asyncio(loop_scope="module")

DPOP = "eyJhbGciOiJFUzI1NiJ9.e30.AAAA"
URI = "urn:ietf:params:oauth:request_uri:"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def at(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fronted]:
    async with fronted(tmp_path_factory.mktemp("sandbox")) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def calm(at: Fronted) -> AsyncIterator[None]:
    at.server.arrived.clear()
    at.server.says["POST", "/token"] = lambda came: bearer(form_of(came).get("client_id", "it"))
    yield
    await at.calm()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(at: Fronted) -> dict[str, Any]:
    return await client_of(at.town, "tls_client_auth")


async def ask(
    at: Fronted,
    body: bytes,
    *headers: tuple[str, str],
    path: str = f"/{UK}/token",
    media_type: str | None = FORM,
    length: int | None = None,
    method: str = "POST",
) -> Heard:
    """One request of the default TPP, byte by byte."""
    sent = (("Content-Type", media_type),) if media_type else ()
    async with wire(at.town) as connection:
        return await connection.ask(
            raw_request(at.town, body, path=path, method=method, headers=(*sent, *headers), length=length)
        )


def grant(client: dict[str, Any], **more: str) -> bytes:
    return urlencode({"grant_type": "client_credentials", "client_id": client["client_id"], **more}).encode()


async def test_what_was_judged_goes_on_in_one_spelling(at: Fronted, client: dict[str, Any]) -> None:
    heard = await ask(at, b"scope=accounts&empty=&" + grant(client).replace(b"_", b"%5f") + b"&note=a+b%26c")
    assert heard.status == 200, (heard.body, findings(at.town))
    assert heard.json["access_token"] == f"token-of-{client['client_id']}"
    (came,) = at.asked("/token")
    assert (
        came.body
        == b"scope=accounts&grant_type=client_credentials&client_id="
        + client["client_id"].encode()
        + b"&note=a%20b%26c"
    )
    assert came.fields("content-type") == [FORM]
    assert came.fields("content-length") == [str(len(came.body))]
    assert came.fields("transfer-encoding") == []


async def test_certificate_goes_on_with_proof_and_the_issuer_s_name(at: Fronted, client: dict[str, Any]) -> None:
    await ask(at, grant(client), ("x-fapi-interaction-id", "8f0e3a10-9d3c-4b0c-9b55-2d1f0f9b7a11"))
    (came,) = at.asked("/token")
    (shown,) = came.fields("client-cert")
    pem = own(at.town)[0].read_text().partition("-----END")[0].partition("-----\n")[2]
    assert shown == f":{''.join(pem.split())}:"
    assert came.fields("x-gateway-proof") == [PROOF]
    assert came.fields("x-forwarded-host") == [at.issuer.split("/")[2]]
    assert came.fields("x-forwarded-proto") == ["https"]
    assert came.fields("x-forwarded-for") == ["127.0.0.1"]
    assert came.fields("x-fapi-interaction-id") == ["8f0e3a10-9d3c-4b0c-9b55-2d1f0f9b7a11"]


LIES = (
    "Client-Cert", "client-cert", "Client_Cert", "CLIENT_CERT", "Client-Cert-Chain", "X-SSL-Client-Cert",
    "X_SSL_Client_Cert", "X-SSL-Client-DER", "ssl-client-cert", "X-Client-Cert", "X-ClientCert",
    "X-Forwarded-Client-Cert", "X-ARR-ClientCert", "X-Gateway-Proof", "X_Gateway_Proof", "x-dcrgw-client-id",
    "X_Dcrgw_Client_Id", "X-Forwarded-Host", "X-Forwarded-For", "X-Forwarded-Proto", "X_Forwarded_Host", "Forwarded",
    "X-Real-IP", "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override", "Via", "TE", "Trailer", "Keep-Alive",
    "Proxy-Authorization", "DPoP", "Cookie", "X-Anything",
)  # fmt: skip


async def test_no_header_of_a_tpp_passes_for_what_only_the_gateway_says(at: Fronted, client: dict[str, Any]) -> None:
    lies = [(name, "a-lie") for name in LIES]
    heard = await ask(at, grant(client), *lies, ("Connection", "keep-alive, Client-Cert, X-Gateway-Proof"))
    assert heard.status == 200
    (came,) = at.asked("/token")
    assert "a-lie" not in [value for _, value in came.headers]
    assert len(came.fields("client-cert")) == len(came.fields("x-gateway-proof")) == 1
    assert not {name.lower() for name, _ in came.headers} & {"connection", "keep-alive", "te", "trailer", "cookie"}


@pytest.mark.parametrize(
    ("body", "check"),
    [
        (b"&scope=payments&scope=accounts", "token.request.once"),
        (b"&Scope=payments", "forward.parameters.name"),
        (b"&scope[]=payments", "forward.parameters.name"),
        (b"&scope%00=payments", "token.request.form"),
        (b"&client.id=other", "forward.parameters.name"),
        (b"&scope=accounts%0d%0aX-Evil:1", "token.request.form"),
        (b"&scope=%c0%ae", "token.request.form"),
        (b"&scope=\xff", "token.request.form"),
        (b"&scope=payments;x=1", "token.scope.registered"),
        (b"&authorization_details=%5B%5D", "details.shape"),
        (b"&authorization_details=%5B%7B%22type%22%3A%22nobody%22%7D%5D", "details.type.supported"),
        (b"&authorization_details=%5B%7B%22type%22%3A1%2C%22type%22%3A2%7D%5D", "details.json"),
    ],
)
async def test_form_that_two_could_read_in_two_ways_goes_nowhere(
    at: Fronted, client: dict[str, Any], body: bytes, check: str
) -> None:
    heard = await ask(at, grant(client) + body)
    assert heard.status == 400
    assert check in heard.checks
    assert at.asked("/token") == []


@pytest.mark.parametrize("media_type", ["application/json", "multipart/form-data; boundary=x", "text/plain", None])
async def test_body_of_another_kind_goes_nowhere(at: Fronted, client: dict[str, Any], media_type: str | None) -> None:
    assert (await ask(at, grant(client), media_type=media_type)).status == 415
    assert (await ask(at, grant(client), ("Content-Encoding", "gzip"))).status == 415
    assert at.asked("/token") == []


async def test_charset_of_the_sender_is_nobody_s(at: Fronted, client: dict[str, Any]) -> None:
    heard = await ask(at, grant(client), media_type=f"{FORM}; charset=utf-7")
    assert heard.status == 200
    assert at.asked("/token")[0].fields("content-type") == [FORM]


@pytest.mark.parametrize(
    "path",
    [
        "//token", f"/{UK}//token", f"/{UK}/token/", f"/{UK}/token/x", f"/{UK}/Token", f"/{UK}/token%2f",
        f"/{UK}/%74oken",
        f"/{UK}/token;x=1", f"/{UK}/./token", f"/{UK}/x/../token", f"/{UK}/par/../token", f"/{UK}/introspection",
        f"/{UK}/reg", f"/{UK}/auth", f"/{UK}/me", "/token", f"https://as.internal/{UK}/token", f"/{UK}/token\\",
    ],
)  # fmt: skip
async def test_no_path_leads_past_the_judgement(at: Fronted, client: dict[str, Any], path: str) -> None:
    heard = await ask(at, grant(client), path=path)
    assert heard.status in (400, 404, 421)
    assert [each for each in at.server.arrived if "well-known" not in each.path] == []


@pytest.mark.parametrize(
    "lines",
    [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding : chunked",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: +5",
        "Content-Length: 5, 5",
        "X: a\n b",
        "X: a\x00b",
    ],
)
async def test_no_second_request_is_smuggled(at: Fronted, client: dict[str, Any], lines: str) -> None:
    port = at.town.gateway.addresses["mtls"][1]
    hidden = b"0\r\n\r\nPOST /token HTTP/1.1\r\nHost: as\r\nContent-Length: 0\r\n\r\n"
    head = f"POST /{UK}/token HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: {FORM}\r\n{lines}\r\n\r\n"
    async with wire(at.town) as connection:
        assert (await connection.ask(head.encode("latin-1") + hidden)).status == 400
        assert await connection.ended()
    assert at.asked("/token") == []


async def test_body_in_chunks_goes_on_whole_and_measured(at: Fronted, client: dict[str, Any]) -> None:
    port, body = at.town.gateway.addresses["mtls"][1], grant(client)
    head = f"POST /{UK}/token HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: {FORM}\r\n"
    head += "Transfer-Encoding: chunked\r\n\r\n"
    pieces = b"".join(b"1\r\n" + body[i : i + 1] + b"\r\n" for i in range(len(body)))
    async with wire(at.town) as connection:
        assert (await connection.ask(head.encode() + pieces + b"0\r\n\r\n")).status == 200
    assert at.asked("/token")[0].fields("content-length") == [str(len(body))]


async def test_credentials_of_the_request_go_on_as_they_are_and_only_once(at: Fronted) -> None:
    basic = await client_of(at.town, "client_secret_basic")
    shown = proof(at.town, basic)[1]["Authorization"]
    at.server.says["POST", "/token"] = lambda _: bearer("it")
    body = b"grant_type=client_credentials&scope=accounts"
    assert (await ask(at, body, ("Authorization", shown))).status == 200
    assert at.asked("/token")[0].fields("authorization") == [shown]
    assert (await ask(at, body, ("Authorization", shown), ("Authorization", "Basic eDp5"))).status == 400
    assert (await ask(at, body + b"&client_secret=x", ("Authorization", shown))).status == 400
    assert len(at.asked("/token")) == 1


async def test_client_of_another_tpp_or_of_another_method_goes_nowhere(at: Fronted, client: dict[str, Any]) -> None:
    other = at.town.index(UK, "obwac")
    pair = (at.town.folder / other["transport_cert"], at.town.folder / other["transport_key"])
    async with wire(at.town, pair=pair) as connection:
        sent = raw_request(at.town, grant(client), path=f"/{UK}/token", headers=(("Content-Type", FORM),))
        assert (await connection.ask(sent)).status == 401
    assert (await ask(at, grant(client, client_secret="x"))).status == 401
    assert (await ask(at, b"grant_type=client_credentials&client_id=nobody")).status == 401
    async with at.browser() as connection:
        assert (
            await connection.ask(at.request("token", ("Content-Type", FORM), method="POST", body=grant(client)))
        ).status == 401
    assert at.asked("/token") == []


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (400, {"error": "invalid_grant", "error_description": 'gone "x"\r\nSet-Cookie: a'}, (400, "invalid_grant")),
        (400, {"error": "authorization_pending"}, (400, "authorization_pending")),
        (401, {"error": "invalid_client", "error_description": "no"}, (401, "invalid_client")),
        (403, {"error": "access_denied"}, (403, "access_denied")),
    ],
)
async def test_server_s_no_is_told_in_its_own_words(
    at: Fronted, client: dict[str, Any], status: int, body: dict[str, str], told: tuple[int, str]
) -> None:
    at.server.says["POST", "/token"] = lambda _: web.json_response(
        body, status=status, headers={"Set-Cookie": "x=1", "X-Powered-By": "Internal", "WWW-Authenticate": "Internal"}
    )
    heard = await ask(at, grant(client))
    assert (heard.status, heard.json["error"]) == told
    assert heard.checks == ["forward.agreed"]
    assert "report" in heard.json
    assert not {"set-cookie", "x-powered-by"} & set(heard.headers)
    assert "Internal" not in heard.headers.get("www-authenticate", [])
    assert all(32 <= ord(each) < 127 for each in heard.json["error_description"])


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 500 Oops\r\nContent-Type: text/html\r\nContent-Length: 32\r\n\r\n<pre>Traceback at /srv/as/app.js",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{\"access_token\": \"cut",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"acc\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}}",
        b"HTTP/1.1 302 Found\r\nLocation: https://as.internal/elsewhere\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 20_000 + b"\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 5_000 + b"Content-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 300000\r\n\r\n" + b" " * 300_000,
    ],
)  # fmt: skip
async def test_garbage_is_told_to_nobody(at: Fronted, client: dict[str, Any], answer: bytes) -> None:
    await at.speak(saying(answer))
    heard = await ask(at, grant(client))
    assert (heard.status, heard.json["error"]) == (503, "temporarily_unavailable")
    assert heard.one("retry-after").isdigit()
    assert not any(word in heard.body for word in (b"Traceback", b"internal", b"SSH", b"cut"))


async def test_interim_answers_are_no_answer_and_the_last_one_counts(at: Fronted, client: dict[str, Any]) -> None:
    body = json.dumps({"access_token": "late", "token_type": "Bearer"}).encode()
    await at.speak(saying(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    ))  # fmt: skip
    heard = await ask(at, grant(client))
    assert heard.status in (200, 503)
    assert "link" not in heard.headers
    if heard.status == 200:
        assert heard.json["access_token"] == "late"


async def test_server_that_hangs_is_given_up_in_time(at: Fronted, client: dict[str, Any]) -> None:
    await at.speak(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{", then_hang=True))
    heard = await ask(at, grant(client))
    assert (heard.status, heard.json["error"]) == (503, "temporarily_unavailable")


async def test_server_that_is_gone_is_told_as_such_and_comes_back(at: Fronted, client: dict[str, Any]) -> None:
    await at.server.stop()
    assert (await ask(at, grant(client))).status == 503
    await at.server.start()
    at.town.ahead_s += 20
    assert (await ask(at, grant(client))).status == 200


async def test_token_of_another_client_goes_to_nobody(at: Fronted, client: dict[str, Any]) -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"client_id": "another"}).encode()).rstrip(b"=").decode()
    at.server.says["POST", "/token"] = lambda _: bearer("", access_token=f"eyJhbGciOiJQUzI1NiJ9.{claims}.c2ln")
    heard = await ask(at, grant(client))
    assert heard.status in (500, 503)
    assert b"access_token" not in heard.body
    at.server.says["POST", "/introspect"] = lambda _: web.json_response(
        {"active": True, "client_id": "another", "sub": "mia"}
    )
    told = await send(at.town, client, "introspect", token="opaque")
    assert told.body == {"active": False}


async def test_no_answer_crosses_over_to_another_request(at: Fronted) -> None:
    """Many at once over few connections, some of which go away while they wait: each gets its own, or nothing."""
    clients = [await client_of(at.town, "tls_client_auth", software_roles=None) for _ in range(3)]
    waiting = asyncio.Event()

    async def slowly(came: Came) -> web.StreamResponse:
        form = form_of(came)
        if form.get("note", "").startswith("leave"):
            await waiting.wait()
        else:
            await asyncio.sleep(0)
        return bearer(f"{form['client_id']}-{form['note']}")

    at.server.says["POST", "/token"] = slowly

    async def one(client: dict[str, Any], number: int) -> None:
        heard = await ask(at, grant(client, note=str(number)))
        assert heard.json["access_token"] == f"token-of-{client['client_id']}-{number}"

    async def leaver(client: dict[str, Any], number: int) -> None:
        async with wire(at.town) as connection:
            sent = raw_request(
                at.town, grant(client, note=f"leave-{number}"), path=f"/{UK}/token", headers=(("Content-Type", FORM),)
            )
            connection.writer.write(sent)
            await connection.writer.drain()

    async def pipeliner(client: dict[str, Any], first: int) -> None:
        numbers = range(first, first + 4)
        async with wire(at.town) as connection:
            sent = [
                raw_request(
                    at.town, grant(client, note=str(each)), path=f"/{UK}/token", headers=(("Content-Type", FORM),)
                )
                for each in numbers
            ]
            connection.writer.write(b"".join(sent))
            for number in numbers:
                heard = await connection.hear()
                assert heard.json["access_token"] == f"token-of-{client['client_id']}-{number}"

    for number in range(8):
        await leaver(clients[number % 3], number)
    async with asyncio.TaskGroup() as group:
        for number in range(8):
            group.create_task(one(clients[number % 3], 100 + number))
            group.create_task(pipeliner(clients[number % 3], 200 + 10 * number))
    # What was asked by those who left is answered now, into connections that others use by then.
    waiting.set()
    async with asyncio.TaskGroup() as group:
        for number in range(8):
            group.create_task(one(clients[number % 3], 300 + number))


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("POST /{uk}/token HTTP/1.0\r\nTransfer-Encoding: chunked\r\n", 400),
        ("POST /{uk}/token HTTP/2.0\r\n", 400),
        ("POST https://other.example/{uk}/token HTTP/1.1\r\n", 421),
        ("TRACE /{uk}/token HTTP/1.1\r\n", 405),
        ("CONNECT as.internal:443 HTTP/1.1\r\n", 405),
        ("GET /{uk}/token?grant_type=client_credentials HTTP/1.1\r\n", 405),
        ("POST /{uk}/token?grant_type=client_credentials HTTP/1.1\r\n", 400),
        ("POST /{uk}/token HTTP/1.1\r\nX-Big: " + "a" * 9_000 + "\r\n", 431),
        ("POST /{uk}/token HTTP/1.1\r\n" + "X-Many: a\r\n" * 5_000, 431),
        ("POST /{uk}/token HTTP/1.1\r\nContent-Length: 2000000\r\n", 413),
        ("POST /{uk}/token HTTP/1.1\r\nExpect: the-unexpected\r\n", 417),
    ],
)  # fmt: skip
async def test_what_is_no_request_of_ours_is_told_so(
    at: Fronted, client: dict[str, Any], head: str, status: int
) -> None:
    port = at.town.gateway.addresses["mtls"][1]
    length = "" if "Content-Length" in head or "chunked" in head else "Content-Length: 0\r\n"
    sent = f"{head.format(uk=UK)}Host: localhost:{port}\r\nContent-Type: {FORM}\r\n{length}\r\n"
    async with wire(at.town) as connection:
        heard = await connection.ask(sent.encode())
    assert heard.status == status
    assert b"aaaa" not in heard.body
    assert at.asked("/token") == []


async def test_tunnelled_methods_and_wishes_for_pages_mean_nothing(at: Fronted, client: dict[str, Any]) -> None:
    heard = await ask(
        at,
        grant(client, _method="DELETE"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("Accept", "text/html"),
        ("Upgrade", "h2c"),
    )
    assert (heard.status, heard.one("content-type"), heard.one("cache-control")) == (
        200,
        "application/json",
        "no-store",
    )
    (came,) = at.asked("/token")
    assert (came.method, came.fields("accept")) == ("POST", ["application/json"])
    assert "server" not in heard.headers


async def test_answer_is_in_the_trail_before_it_leaves(at: Fronted, client: dict[str, Any]) -> None:
    assert (await ask(at, grant(client))).status == 200
    at.server.says["POST", "/token"] = lambda _: oauth_error(400, "invalid_scope")
    assert (await ask(at, grant(client))).status == 400
    at.server.says["POST", "/token"] = lambda _: web.Response(text="garbage")
    assert (await ask(at, grant(client))).status == 503
    told = [decision for operation, decision in audit(at.town, client["client_id"]) if operation == "token"]
    assert told[-3:] == ["issued", "refused", "unavailable"]


async def test_log_holds_nothing_that_opens_a_door(at: Fronted, client: dict[str, Any], log: io.StringIO) -> None:
    at.server.says["POST", "/token"] = lambda _: bearer(
        "", access_token="an-access-token-of-the-server", refresh_token=7
    )
    await ask(at, grant(client, client_note="a-note"))
    await at.speak(saying(b"HTTP/1.1 500 Oops\r\nContent-Length: 29\r\n\r\nan-access-token-of-the-server"))
    await ask(at, grant(client))
    await until_written(log, '"listener": "mtls"')
    written = log.getvalue()
    for secret in (PROOF, "an-access-token-of-the-server", "a-note", at.server.initial_access_token):
        assert secret not in written
