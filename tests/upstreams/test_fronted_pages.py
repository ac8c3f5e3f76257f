"""Pages of a server behind the gateway: passed on as they come, and nothing that leads past the gateway."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import pytest_asyncio
from aiohttp import web
from as_clients import FORM
from fake_as import Came, Streaming, saying
from fronted import CONNECTIONS, PROOF, Fronted, bearer, fronted
from grant_clients import CALLBACK, client_of, object_claims, request, send
from town import UK
from wire import Heard, Wire

pytestmark = pytest.mark.asyncio(loop_scope="module")

CARRIED = "__Host-dcrgw.carried"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def at(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fronted]:
    async with fronted(tmp_path_factory.mktemp("sandbox")) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def calm(at: Fronted) -> AsyncIterator[None]:
    at.server.arrived.clear()
    yield
    await at.calm()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(at: Fronted) -> dict[str, Any]:
    return await client_of(at.town, "tls_client_auth", post_logout_redirect_uris=None)


def says(at: Fronted, path: str, answer: Any, method: str = "GET") -> None:
    at.server.says[method, path] = answer if callable(answer) else lambda _: answer


async def whole(connection: Wire) -> bytes:
    """All that still comes, without its head."""
    async with asyncio.timeout(60):
        try:
            return await connection.reader.read()
        except (ConnectionError, OSError):
            return b""


async def chunked(connection: Wire, sent: bytes) -> tuple[str, bytes, bool]:
    """The head of an answer, what of its body came, and whether it came to its end."""
    connection.writer.write(sent)
    async with asyncio.timeout(60):
        head = (await connection.reader.readuntil(b"\r\n\r\n")).decode()
        body = b""
        try:
            while size := int(await connection.reader.readline(), 16):
                body += await connection.reader.readexactly(size)
                await connection.reader.readexactly(2)
        except (asyncio.IncompleteReadError, ConnectionError, OSError, ValueError):
            return head, body, False
        return head, body, True


async def test_page_goes_both_ways_with_its_cookies(at: Fronted) -> None:
    page = web.Response(
        text="<form>",
        content_type="text/html",
        headers={"Content-Security-Policy": "default-src 'none'", "X-Powered-By": "x"},
    )
    page.headers.add("Set-Cookie", "_session=1; Path=/; HttpOnly; Domain=localhost")
    page.headers.add("Set-Cookie", "_interaction=2; Path=/interaction/7")
    says(at, "/interaction/7", page)
    heard = await at.page(
        "interaction/7?x=%20&y", ("Cookie", "_session=0; __Host-dcrgw-abc=ours"), ("Accept-Language", "pt")
    )
    assert (heard.status, heard.body) == (200, b"<form>")
    assert heard.headers["set-cookie"] == [
        f"_session=1; HttpOnly; Path=/{UK}; Secure",
        f"_interaction=2; Path=/{UK}/interaction/7; Secure",
    ]
    assert heard.one("content-security-policy") == "default-src 'none'"
    assert heard.one("x-content-type-options") == "nosniff"
    assert not {"x-powered-by", "server"} & set(heard.headers)
    (came,) = at.server.arrived
    assert (came.query, came.fields("cookie"), came.fields("accept-language")) == ("x=%20&y", ["_session=0"], ["pt"])
    assert came.fields("x-gateway-proof") == [PROOF]
    assert came.fields("x-forwarded-host") == [at.issuer.split("/")[2]]
    assert came.fields("client-cert") == []


async def test_form_of_a_page_goes_on(at: Fronted) -> None:
    says(at, "/interaction/7/login", lambda came: web.Response(body=came.body), "POST")
    heard = await at.page(
        "interaction/7/login", ("Content-Type", FORM), ("Origin", "null"), method="POST", body=b"login=mia&x=%00"
    )
    assert heard.body == b"login=mia&x=%00"
    assert at.server.arrived[0].fields("content-type") == [FORM]
    assert at.server.arrived[0].fields("origin") == ["null"]


LIES = (
    "Client-Cert", "Client_Cert", "X-SSL-Client-Cert", "X-Gateway-Proof", "X_Gateway_Proof", "x-dcrgw-client-id",
    "X-Forwarded-Host", "X_Forwarded_Host", "X-Forwarded-For", "Forwarded", "X-Real-IP", "Authorization", "TE",
    "Proxy-Authorization", "X-Original-URL", "X-HTTP-Method-Override", "Via", "X-Secret",
)  # fmt: skip


async def test_browser_says_nothing_that_only_the_gateway_says(at: Fronted) -> None:
    says(at, "/bare", web.Response(text="ok"))
    named = ("Connection", "keep-alive, Cookie, X-Secret")
    heard = await at.page("bare", *((name, "a-lie") for name in LIES), named, ("Host", "evil.example"))
    assert heard.status == 400  # two Hosts are none
    assert (await at.page("bare", *((name, "a-lie") for name in LIES), named)).status == 200
    (came,) = at.server.arrived
    assert "a-lie" not in [value for _, value in came.headers]


@pytest.mark.parametrize(
    "path",
    [
        "auth", "auth/", "auth//x", "/auth/x", "auth/../token", "auth/%2e%2e/token", "auth/x;y=1", "auth/..", "AUTH/x",
        "files/device", "files/Device", "files/device/", "me", "reg", "reg/any", "interaction", "interaction/",
        "session/end", "bare/x", "nothing", "auth/x%2fy", "auth/x\\y",
    ],
)  # fmt: skip
async def test_path_that_is_no_page_reaches_nothing(at: Fronted, path: str) -> None:
    heard = await at.page(path)
    assert heard.status in (400, 404)
    assert at.server.arrived == []


async def test_other_methods_and_other_protocols_reach_nothing(at: Fronted) -> None:
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        heard = await at.page("auth/x", method=method)
        assert (heard.status, heard.one("allow")) == (405, "GET, HEAD, POST")
    for sent in (("Upgrade", "websocket"), ("Upgrade", "h2c")):
        assert (await at.page("auth/x", ("Connection", "Upgrade"), sent)).status == 400
    assert (await at.page("auth/x", ("Content-Type", "a/b"), ("Content-Type", "c/d"))).status == 400
    assert (await at.page('auth/x?"<>')).status == 400
    assert at.server.arrived == []


async def test_head_and_not_modified_have_no_body(at: Fronted) -> None:
    says(at, "/files/a", lambda _: web.Response(headers={"Content-Length": "7", "ETag": '"1"'}), "HEAD")
    heard = await at.page("files/a", method="HEAD")
    assert (heard.status, heard.headers["content-length"], heard.headers["etag"]) == (200, ["7"], ['"1"'])
    says(at, "/files/a", lambda came: web.Response(status=304 if came.field("if-none-match") == '"1"' else 200))
    async with at.browser() as connection:
        heard = await connection.ask(at.request("files/a", ("If-None-Match", '"1"')), head=True)
        assert heard.status == 304
        # The connection goes on: nothing was left in it.
        assert (await connection.ask(at.request("files/a"))).status == 200
    says(at, "/files/a", web.Response(status=204))
    assert (await at.page("files/a")).status == 204


async def test_part_of_a_file_goes_through_as_such(at: Fronted) -> None:
    part = web.Response(status=206, body=b"23", headers={"Content-Range": "bytes 2-3/9", "Accept-Ranges": "bytes"})
    says(at, "/files/a", part)
    heard = await at.page("files/a", ("Range", "bytes=2-3"))
    assert (heard.status, heard.body, heard.one("content-range")) == (206, b"23", "bytes 2-3/9")
    assert at.server.arrived[0].fields("range") == ["bytes=2-3"]


async def test_compressed_page_is_not_looked_into(at: Fronted) -> None:
    packed = gzip.compress(b"page" * 100)
    says(at, "/files/a", web.Response(body=packed, headers={"Content-Encoding": "gzip"}))
    heard = await at.page("files/a", ("Accept-Encoding", "gzip"))
    assert (heard.one("content-encoding"), heard.body) == ("gzip", packed)


async def test_pieces_are_passed_on_as_they_come(at: Fronted) -> None:
    goes_on = asyncio.Event()
    says(at, "/files/a", lambda _: Streaming([b"one"], then=goes_on.wait))
    async with at.browser() as connection:
        connection.writer.write(at.request("files/a"))
        async with asyncio.timeout(60):
            head = await connection.reader.readuntil(b"\r\n\r\n")
            assert b"chunked" in head.lower()
            assert await connection.reader.readuntil(b"one\r\n") == b"3\r\none\r\n"
            goes_on.set()
            assert await connection.reader.readexactly(5) == b"0\r\n\r\n"
        assert (await connection.ask(at.request("nothing"))).status == 404


async def test_file_of_any_size_is_never_held_whole(at: Fronted) -> None:
    written = 0

    class Endless(Streaming):
        async def write_all(self) -> None:
            nonlocal written
            while True:
                await self.write(b"x" * 65_536)
                written += 65_536

    says(at, "/files/a", lambda _: Endless([]))
    async with at.browser() as connection:
        connection.writer.write(at.request("files/a"))
        async with asyncio.timeout(60):
            await connection.reader.readuntil(b"\r\n\r\n")
        before = -1
        while written != before:
            # Nobody reads: the server is soon held up, by what lies between and is bounded.
            before = written
            await asyncio.sleep(0.2)
        assert 0 < written < 32 * 1024 * 1024


async def test_page_that_is_cut_never_looks_whole(at: Fronted) -> None:
    for head in (b"Content-Length: 100", b"Transfer-Encoding: chunked"):
        piece = b"5\r\n<html\r\n" if b"chunked" in head else b"<html"
        await at.speak(saying(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" + head + b"\r\n\r\n" + piece))
        async with at.browser() as connection:
            connection.writer.write(at.request("files/a"))
            said = await whole(connection)
        body = said.partition(b"\r\n\r\n")[2]
        assert b"0\r\n\r\n" not in body
        assert len(body) < 100
        if b"Content-Length" in said:
            assert b"Content-Length: 100" in said
        at.town.ahead_s += 20


async def test_page_that_falls_silent_is_cut(at: Fronted) -> None:
    says(at, "/files/a", lambda _: Streaming([b"one"], then=asyncio.Event().wait))
    async with at.browser() as connection:
        _, body, is_whole = await chunked(connection, at.request("files/a"))
    assert (body, is_whole) == (b"one", False)


async def test_page_that_never_comes_is_told_by_a_page_of_ours(at: Fronted) -> None:
    for raw in (
        saying(b"", then_hang=True),
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
        saying(b"garbage\r\n\r\n"),
    ):
        await at.speak(raw)
        heard = await at.page("files/a")
        assert heard.status == 503
        assert heard.one("content-type").startswith("text/html")
        assert heard.one("retry-after").isdigit()
        at.town.ahead_s += 20


@pytest.mark.parametrize("status", [500, 502, 503, 599])
async def test_server_s_own_failure_is_not_shown(at: Fronted, status: int) -> None:
    says(at, "/files/a", web.Response(status=status, text="Traceback: /srv/as/secret.py"))
    heard = await at.page("files/a")
    assert heard.status == 503
    assert b"Traceback" not in heard.body


async def test_page_of_a_refusal_is_shown(at: Fronted) -> None:
    says(at, "/interaction/7", web.Response(status=410, text="too late", content_type="text/html"))
    heard = await at.page("interaction/7")
    assert (heard.status, heard.body) == (410, b"too late")


async def test_browser_that_goes_away_ends_the_question(at: Fronted, log: io.StringIO) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def slow(_: Came) -> web.StreamResponse:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    says(at, "/auth/x", slow)
    async with at.browser() as connection, asyncio.timeout(60):
        connection.writer.write(at.request("auth/x"))
        await began.wait()
    async with asyncio.timeout(60):
        await ended.wait()
        # It is the browser's leaving that ended it, and not the gateway's own patience.
        while '"outcome":"left"' not in log.getvalue().replace(" ", ""):  # noqa: ASYNC110 - it is told to a log alone
            await asyncio.sleep(0.01)


# -- where pages lead


@pytest.mark.parametrize(
    ("said", "led"),
    [
        ("/auth/7", f"/{UK}/auth/7"),
        ("7/login", f"/{UK}/interaction/7/login"),
        ("{inside}/auth/7?a=b", "{origin}/" + UK + "/auth/7?a=b"),
        ("{issuer}/auth/7", "{issuer}/auth/7"),
        ("{issuer}/auth?client_id=x", "{issuer}/authorize?client_id=x"),
        ("{inside}/session/end?x", "{issuer}/end-session?x"),
        ("https://login.bank.example/start?x", "https://login.bank.example/start?x"),
    ],
)
async def test_redirect_within_the_bank_is_led_by_public_names(at: Fronted, said: str, led: str) -> None:
    names = {"inside": at.server.url, "issuer": at.issuer, "origin": at.issuer.removesuffix(f"/{UK}")}
    says(at, "/interaction/7", web.Response(status=303, headers={"Location": said.format(**names)}))
    heard = await at.page("interaction/7")
    assert (heard.status, heard.one("location")) == (303, led.format(**names))


@pytest.mark.parametrize(
    "said",
    [
        "https://evil.example/", "http://169.254.169.254/", "//evil.example/x", "/\\evil.example", "https:evil.example",
        "https://user@localhost/", "javascript:alert(1)", "https://login.bank.example.evil/", f"{CALLBACK}?code=stolen",
        "",
    ],
)  # fmt: skip
async def test_redirect_to_elsewhere_is_not_passed_on(at: Fronted, client: dict[str, Any], said: str) -> None:
    headers = {"Location": said, "Refresh": "0; url=https://evil.example"} if said else {}
    says(at, "/interaction/7", web.Response(status=303, headers=headers))
    heard = await at.page("interaction/7", ("Cookie", f"{CARRIED}=nobody"))
    assert heard.status in (500, 503)
    assert not {"location", "refresh"} & set(heard.headers)
    assert b"evil.example" not in heard.body


async def test_answer_that_splits_itself_is_none(at: Fronted) -> None:
    await at.speak(saying(
        b"HTTP/1.1 303 See Other\r\nLocation: /x\r\nLocation: https://evil.example\r\nContent-Length: 0\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nextra"
    ))  # fmt: skip
    async with at.browser() as connection:
        heard = await connection.ask(at.request("interaction/7"))
        assert heard.status == 503
        assert b"extra" not in heard.body
        assert (await connection.ask(at.request("nothing"))).status == 404


# -- authorize


async def begin(at: Fronted, *headers: tuple[str, str], method: str = "GET", **asked: Any) -> Heard:
    """A browser at the authorization endpoint."""
    text = urlencode(asked)
    if method == "POST":
        return await at.page("authorize", ("Content-Type", FORM), *headers, method="POST", body=text.encode())
    return await at.page(f"authorize?{text}", *headers)


async def test_judged_request_goes_on_and_the_answer_leads_back(at: Fronted, client: dict[str, Any]) -> None:
    says(at, "/auth", web.Response(status=303, headers={"Location": "/interaction/7", "Set-Cookie": "_i=7; Path=/"}))
    asked = request(client_id=client["client_id"])
    heard = await begin(at, **asked, acr_values="strong", empty="")
    assert (heard.status, heard.one("location")) == (303, f"/{UK}/interaction/7")
    (came,) = at.asked("/auth")
    assert dict(parse_qsl(came.query)) == {**asked, "acr_values": "strong"}
    (carried,) = [each for each in heard.headers["set-cookie"] if each.startswith(CARRIED)]
    cookie = carried.partition(";")[0]
    assert {"HttpOnly", "Secure", "SameSite=Lax", "Path=/"} <= {each.strip() for each in carried.split(";")}
    says(at, "/auth/7", lambda _: web.Response(status=303, headers={"Location": f"{CALLBACK}?code=c&state=s"}))
    assert (await at.page("auth/7", ("Cookie", cookie))).one("location") == f"{CALLBACK}?code=c&state=s"
    assert (await at.page("auth/7")).status == 500
    says(at, "/auth/7", web.Response(status=303, headers={"Location": f"{CALLBACK}.evil.example?code=c"}))
    assert (await at.page("auth/7", ("Cookie", cookie))).status == 500


@pytest.mark.parametrize("long", [0, 5000])
async def test_form_goes_on_in_the_address_unless_it_is_too_long(
    at: Fronted, client: dict[str, Any], long: int
) -> None:
    # OpenID Connect Core 1.0 §3.1.2.1 wants both methods; oidc-provider takes GET alone.
    says(at, "/auth", web.Response(text="page"), "POST" if long else "GET")
    asked = request(client_id=client["client_id"], more="m" * (long or 3))
    assert (await begin(at, method="POST", **asked)).status == 200
    (came,) = at.asked("/auth")
    assert dict(parse_qsl(came.body.decode() if long else came.query)) == asked
    assert (came.query == "", came.body == b"", came.field("content-type")) == (
        (True, False, FORM) if long else (False, True, None)
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "nobody"},
        {"redirect_uri": "https://evil.example/cb"},
        {"redirect_uri": None},
        {"request_uri": "https://evil.example/object"},
        {"request_uri": "urn:ietf:params:oauth:request_uri:never-pushed"},
        {"request": "e30.e30.e30.e30.e30"},
        {"request": "eyJhbGciOiJub25lIn0.e30."},
        {"request": "a", "request_uri": "b"},
        {"Scope": "payments"},
        {"scope[]": "payments"},
    ],
)  # fmt: skip
async def test_request_that_cannot_be_judged_goes_nowhere(
    at: Fronted, client: dict[str, Any], changes: dict[str, Any]
) -> None:
    asked = request(**{"client_id": client["client_id"], **changes})
    heard = await begin(at, **asked)
    assert heard.status == 400
    assert heard.one("content-type").startswith("text/html")
    assert at.asked("/auth") == []


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": "anything"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"authorization_details": '[{"type": "nobody"}]'}, "invalid_authorization_details"),
    ],
)
async def test_request_that_is_judged_wrong_is_answered_to_the_client(
    at: Fronted, client: dict[str, Any], changes: dict[str, Any], error: str
) -> None:
    heard = await begin(at, **request(client_id=client["client_id"], **changes))
    parts = urlsplit(heard.one("location"))
    told = dict(parse_qsl(parts.fragment or parts.query))
    assert (heard.status, told["error"], told["iss"]) == (303, error, at.issuer)
    assert at.asked("/auth") == []


async def test_pushed_request_goes_on_by_its_name_alone(at: Fronted, client: dict[str, Any]) -> None:
    uri = "urn:ietf:params:oauth:request_uri:abc"
    says(at, "/par", lambda _: web.json_response({"request_uri": uri, "expires_in": 60}, status=201), "POST")
    pushed = await send(at.town, client, "par", **request())
    assert (pushed.status, pushed.body) == (201, {"request_uri": uri, "expires_in": 60})
    says(at, "/auth", web.Response(text="page"))
    heard = await begin(at, client_id=client["client_id"], request_uri=uri, scope="payments", prompt="none")
    assert heard.status == 200
    assert dict(parse_qsl(at.asked("/auth")[0].query)) == {"client_id": client["client_id"], "request_uri": uri}
    other = await client_of(at.town, "private_key_jwt")
    assert (await begin(at, client_id=other["client_id"], request_uri=uri)).status == 400
    # The same name for another request is no name: nobody could say what it stands for.
    again = await send(at.town, client, "par", **request(state="another"))
    assert again.status == 503
    assert len(at.asked("/auth")) == 1


async def test_of_a_signed_request_the_object_goes_on_byte_by_byte(at: Fronted, client: dict[str, Any]) -> None:
    says(at, "/auth", web.Response(text="page"))
    signed = at.town.key().sign(object_claims(at.town, client))
    heard = await begin(at, client_id=client["client_id"], request=signed, scope="payments", response_type="token")
    assert heard.status == 200, heard.body
    came = dict(parse_qsl(at.asked("/auth")[0].query))
    assert came == {
        "client_id": client["client_id"],
        "request": signed,
        "response_type": "code",
        "scope": "openid accounts",
        "redirect_uri": CALLBACK,
    }


async def test_session_ends_only_towards_a_client_s_own_place(at: Fronted, client: dict[str, Any]) -> None:
    says(at, "/session/end", web.Response(text="bye"))
    assert (await at.page("end-session")).body == b"bye"
    foreign = urlencode({"client_id": client["client_id"], "post_logout_redirect_uri": "https://evil.example/"})
    assert (await at.page(f"end-session?{foreign}")).status == 400
    assert (await at.page("end-session?post_logout_redirect_uri=https%3A%2F%2Fevil.example")).status == 400
    assert (await at.page("end-session?id_token_hint=a.b.c&client_id=nobody")).status == 400
    assert len(at.asked("/session/end")) == 1


# -- documents and userinfo


async def test_documents_are_the_server_s_with_our_names(at: Fronted) -> None:
    at.server.keys = [{"kty": "EC", "kid": "1", "crv": "P-256", "x": "a", "y": "b"}]
    found = (await at.page(".well-known/openid-configuration")).json
    assert found["issuer"] == at.issuer
    assert found["authorization_endpoint"] == f"{at.issuer}/authorize"
    assert "device_authorization_endpoint" not in found
    assert at.server.url not in json.dumps(found)
    heard = await at.page("jwks")
    assert (heard.json, heard.one("cache-control")) == ({"keys": at.server.keys}, "public, max-age=300")
    at.server.arrived.clear()
    assert (await at.page("jwks")).status == 200
    assert at.asked("/jwks") == []


async def test_private_key_is_published_by_nobody(at: Fronted) -> None:
    at.server.keys = [{"kty": "EC", "kid": "1", "crv": "P-256", "x": "a", "y": "b", "d": "secret"}]
    at.town.ahead_s += 120
    heard = await at.page("jwks")
    assert heard.status == 503
    assert b"secret" not in heard.body
    at.server.keys = []


async def test_userinfo_is_told_over_the_token_s_own_certificate(at: Fronted, client: dict[str, Any]) -> None:
    says(at, "/token", lambda _: bearer(client["client_id"], scope="openid accounts"), "POST")
    issued = await send(at.town, client, "token", grant_type="client_credentials", scope="openid accounts")
    token = issued.body["access_token"]
    at.server.introspected[token] = {"active": True, "client_id": client["client_id"], "scope": "openid accounts"}
    says(at, "/me", web.json_response({"sub": "mia"}, headers={"Set-Cookie": "a=b"}))
    url = at.town.index(UK)["token_endpoint"].removesuffix("token") + "userinfo"

    async def asked(**how: Any) -> Any:
        return await at.town.post(b"", method="GET", url=url, **how)

    bearer_ = {"Authorization": f"Bearer {token}"}
    told = await asked(headers=bearer_)
    assert (told.status, told.body) == (200, {"sub": "mia"})
    assert "Set-Cookie" not in told.headers
    (came,) = at.asked("/me")
    assert came.fields("authorization") == [f"Bearer {token}"]
    assert len(came.fields("client-cert")) == 1
    assert (await asked(headers=bearer_, tpp="obwac")).status == 401
    assert (await asked(headers={"Authorization": "Bearer unknown"})).status == 401
    assert (await asked()).status == 401
    assert len(at.asked("/me")) == 1
    says(at, "/me", web.Response(status=200, text="<html>Traceback"))
    lost = await asked(headers=bearer_)
    assert (lost.status, lost.body["error"]) == (503, "temporarily_unavailable")


# -- strangers and TPPs


async def test_strangers_on_slow_pages_take_nothing_from_tpps(at: Fronted, client: dict[str, Any]) -> None:
    """Each holds a connection to the server; the connections of TPPs are others, and so is what fails on them."""
    held, released = asyncio.Semaphore(0), asyncio.Event()

    async def slow(_: Came) -> web.StreamResponse:
        held.release()
        await released.wait()
        return web.Response(text="late")

    says(at, "/auth/x", slow)
    says(at, "/token", lambda _: bearer(client["client_id"]), "POST")
    async with AsyncExitStack() as stack:
        for _ in range(40):
            connection = await stack.enter_async_context(at.browser())
            connection.writer.write(at.request("auth/x"))
            await connection.writer.drain()
        async with asyncio.timeout(60):
            for _ in range(CONNECTIONS):
                await held.acquire()
        for _ in range(3):
            issued = await send(at.town, client, "token", grant_type="client_credentials")
            assert issued.status == 200
        released.set()


async def test_answer_to_an_old_browser_ends_with_its_connection(at: Fronted) -> None:
    says(at, "/files/a", lambda _: Streaming([b"one", b"two"]))
    async with at.browser() as connection:
        connection.writer.write(at.request("files/a").replace(b"HTTP/1.1", b"HTTP/1.0"))
        said = await whole(connection)
    assert said.endswith(b"\r\n\r\nonetwo")
    assert b"chunked" not in said.lower()
