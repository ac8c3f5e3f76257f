"""Lines 111 to 130 of the threat list at /register itself: raw TLS, a real client certificate, the whole gateway."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from town import Town
from wire import Heard, own, request, wire

pytestmark = pytest.mark.asyncio(loop_scope="module")

JOSE = ("Content-Type", "application/jose")


async def heard(town: Town, data: bytes, **more: Any) -> Heard:
    """One answer to one request, which has the headers of every answer, and leaves the registry alone if refused."""
    before = town.clients()
    async with wire(town) as connection:
        answer = await connection.ask(data, **more)
    assert answer.version == "HTTP/1.1"
    assert answer.one("cache-control") == "no-store"
    assert answer.one("x-content-type-options") == "nosniff"
    assert "server" not in answer.headers
    if answer.status != 201:
        assert town.clients() == before
        if not more.get("head"):
            assert answer.one("content-type") == "application/json"
            assert answer.json["error"] in ("invalid_client_metadata", "invalid_client")
    return answer


@pytest.mark.parametrize(
    "media_type",
    [
        "application/jose",
        "application/jwt",
        "APPLICATION/JOSE",
        "application/jose; charset=utf-7",
        "application/jwt;x=y",
    ],
)
async def test_a_signed_request_comes_as_jose_or_jwt_and_no_charset_counts(town: Town, media_type: str) -> None:
    answer = await heard(town, request(town, await town.body(), headers=(("Content-Type", media_type),)))
    assert answer.status == 201


OTHER_TYPES = {
    "none": (),
    "text": (("Content-Type", "text/plain"),),
    "json": (("Content-Type", "application/json"),),
    "a form": (("Content-Type", "application/x-www-form-urlencoded"),),
    "multipart": (("Content-Type", "multipart/form-data; boundary=x"),),
    "empty": (("Content-Type", ""),),
    "a lookalike": (("Content-Type", "application/jose+json"),),
    "a list": (("Content-Type", "application/jose, text/plain"),),
    "nothing but a parameter": (("Content-Type", ";application/jose"),),
}


@pytest.mark.parametrize("headers", OTHER_TYPES.values(), ids=OTHER_TYPES)
async def test_another_media_type_is_refused_by_name(town: Town, headers: tuple[tuple[str, str], ...]) -> None:
    answer = await heard(town, request(town, await town.body(), headers=headers))
    assert (answer.status, answer.checks) == (415, ["request.shape.media_type"])


async def test_json_in_a_jose_body_is_no_token(town: Town) -> None:
    answer = await heard(town, request(town, json.dumps({"redirect_uris": []}).encode()))
    assert (answer.status, answer.checks) == (400, ["request.jws.parts"])


async def test_a_token_in_a_json_body_is_no_object(town: Town) -> None:
    body = request(town, await town.body(), path="/generic/register", headers=(("Content-Type", "application/json"),))
    answer = await heard(town, body)
    assert (answer.status, answer.checks) == (400, ["request.shape.json"])


TWICE = {
    "equal media types": (JOSE, JOSE),
    "different media types": (JOSE, ("Content-Type", "text/plain")),
    "Host": (JOSE, ("Host", "localhost")),
    "Content-Length": (JOSE, ("Content-Length", "5")),
}


@pytest.mark.parametrize("headers", TWICE.values(), ids=TWICE)
async def test_a_header_that_may_stand_once_is_refused_twice(town: Town, headers: tuple[tuple[str, str], ...]) -> None:
    assert (await heard(town, request(town, await town.body(), headers=headers))).status in (400, 415)


PATHS = [
    "/register",
    "//uk-3.2/register",
    "/uk-3.2//register",
    "/uk-3.2/register/",
    "/uk-3.2/register;x=1",
    "/uk-3.2;x/register",
    "/uk-3.2/Register",
    "/UK-3.2/register",
    "/uk-3.2/%72egister",
    "/uk-3.2/register%2f",
    "/uk-3.2/%2e%2e/uk-3.2/register",
    "/uk-3.2/../uk-3.2/register",
    "/uk-3.2/./register",
    "/uk-3.2/register/..",
    "/uk-3.2/register%00",
    "/uk-3.2/register/x/y",
    "/uk-3/register",
    "/uk-3.20/register",
    "/uk-3.2register",
    "/uk-9/register",
    "/",
    "/uk-3.2",
    "/livez",
    "/readyz",
    "/uk-3.2/register\\",
    "/uk-3.2/register%3Fx",
]


@pytest.mark.parametrize("path", PATHS)
async def test_a_path_that_is_not_the_endpoint_s_own_spelling_is_not_found(town: Town, path: str) -> None:
    answer = await heard(town, request(town, await town.body(), path=path))
    assert (answer.status, answer.checks) == (404, ["http.path"])


async def test_a_query_is_refused_by_name(town: Town) -> None:
    answer = await heard(town, request(town, await town.body(), path="/uk-3.2/register?software_id=1&_method=DELETE"))
    assert (answer.status, answer.checks) == (400, ["http.query"])


async def test_another_market_s_path_is_another_market(town: Town) -> None:
    """The UK profiles share directory and authorities: the path alone tells them apart."""
    body = await town.body()
    ids = set()
    for market in ("uk-3.2", "uk-3.3"):
        answer = await heard(town, request(town, body, path=f"/{market}/register"))
        assert answer.status == 201
        ids.add(answer.json["client_id"])
    assert len(ids) == 2


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_another_method_is_answered_with_those_that_there_are(town: Town, method: str) -> None:
    answer = await heard(town, request(town, b"", method=method))
    assert (answer.status, answer.checks, answer.one("allow")) == (405, ["http.method"], "POST")


async def test_head_is_refused_without_a_body(town: Town) -> None:
    answer = await heard(town, request(town, b"", method="HEAD"), head=True)
    assert (answer.status, answer.one("allow")) == (405, "POST")


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "post", "BREW"])
async def test_a_method_that_nothing_here_has_closes_the_connection(town: Town, method: str) -> None:
    async with wire(town) as connection:
        answer = await connection.ask(request(town, b"", method=method))
        assert answer.status in (400, 405)
        assert await connection.ended()


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"])
async def test_a_method_override_is_ignored(town: Town, name: str) -> None:
    body = request(town, await town.body(), headers=(JOSE, (name, "DELETE")))
    assert (await heard(town, body)).status == 201


@pytest.mark.parametrize(
    "accept", ["application/json", "*/*", "application/*;q=0.1", "text/html, application/json;q=0.1"]
)
async def test_who_takes_json_gets_it(town: Town, accept: str) -> None:
    answer = await heard(town, request(town, await town.body(), headers=(JOSE, ("Accept", accept))))
    assert answer.status == 201
    assert answer.one("content-type") == "application/json"


@pytest.mark.parametrize("accept", ["text/html", "application/jwt", "application/json;q=0", "*/*;q=0.000", "x"])
async def test_who_does_not_take_json_is_told_so_in_json(town: Town, accept: str) -> None:
    answer = await heard(town, request(town, await town.body(), headers=(JOSE, ("Accept", accept))))
    assert (answer.status, answer.checks) == (406, ["http.accept"])


async def test_a_body_that_is_announced_too_large_is_refused_unread(town: Town) -> None:
    async with wire(town) as connection:
        answer = await connection.ask(request(town, b"", length=131_073))
        assert (answer.status, answer.checks) == (413, ["http.size"])
        assert answer.one("connection") == "close"


async def test_a_body_that_grows_too_large_is_refused(town: Town) -> None:
    chunks = b"".join(b"4000\r\n" + b"a" * 0x4000 + b"\r\n" for _ in range(9))
    data = request(town).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked") + chunks
    answer = await heard(town, data)
    assert (answer.status, answer.checks) == (413, ["http.size"])


async def test_a_body_in_chunks_is_the_same_body(town: Town) -> None:
    body = await town.body()
    pieces = b"".join(
        b"%x\r\n%s\r\n" % (len(body[at : at + 999]), body[at : at + 999]) for at in range(0, len(body), 999)
    )
    data = request(town).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked") + pieces + b"0\r\n\r\n"
    first = await heard(town, data)
    assert first.status == 201
    assert (await heard(town, request(town, body))).json["client_id"] == first.json["client_id"]


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, identity", "x"])
async def test_an_encoded_body_is_refused_whether_it_is_one_or_not(town: Town, coding: str) -> None:
    for body in (gzip.compress(await town.body()), b"no gzip"):
        answer = await heard(town, request(town, body, headers=(JOSE, ("Content-Encoding", coding))))
        assert (answer.status, answer.checks) == (415, ["http.encoding"])
        assert answer.one("accept-encoding") == "identity"


async def test_a_gzip_bomb_is_refused_before_it_is_looked_at(town: Town) -> None:
    bomb = gzip.compress(b"a" * 20_000_000)
    answer = await heard(town, request(town, bomb, headers=(JOSE, ("Content-Encoding", "gzip"))))
    assert (answer.status, answer.checks) == (415, ["http.encoding"])


async def test_who_waits_for_100_continue_gets_it_and_then_the_answer(town: Town) -> None:
    body = await town.body()
    async with wire(town) as connection:
        connection.writer.write(request(town, b"", headers=(JOSE, ("Expect", "100-continue")), length=len(body)))
        assert (await connection.hear()).status == 100
        assert (await connection.ask(body)).status == 201


@pytest.mark.parametrize(
    ("change", "status"),
    [({"path": "/nowhere"}, 404), ({"method": "PUT"}, 405), ({"length": 200_000}, 413)],
    ids=["no such path", "no such method", "too large"],
)
async def test_who_would_be_refused_anyway_is_not_invited_to_send_the_body(
    town: Town, change: dict[str, Any], status: int
) -> None:
    what = {"headers": (JOSE, ("Expect", "100-continue")), "length": 5, **change}
    async with wire(town) as connection:
        assert (await connection.ask(request(town, b"", **what))).status == status


async def test_another_expectation_is_refused(town: Town) -> None:
    answer = await heard(town, request(town, await town.body(), headers=(JOSE, ("Expect", "200-ok"))))
    assert (answer.status, answer.checks) == (417, ["http.expectation"])


CERTIFICATE_HEADERS = [
    "X-ClientCert", "X-Client-Cert", "Client-Cert", "Client-Cert-Chain", "X-Forwarded-Client-Cert", "X-SSL-Client-Cert",
    "X_ClientCert", "SSL_CLIENT_CERT", "X-Forwarded-Tls-Client-Cert", "TLS-Certificate",
]  # fmt: skip


@pytest.mark.parametrize("name", CERTIFICATE_HEADERS)
async def test_a_certificate_in_a_header_is_nobody_s_identity(town: Town, name: str) -> None:
    """The connection is the OBWAC TPP's; the header holds the certificate of the TPP whom the statement is about."""
    victim = "".join((town.folder / town.index()["transport_cert"]).read_text().split("\n"))
    data = request(town, await town.body(), headers=(JOSE, (name, victim)))
    before = town.clients()
    async with wire(town, pair=own(town, "obwac")) as connection:
        answer = await connection.ask(data)
    assert answer.status == 400
    assert "rules.identity.organisation" in answer.checks
    assert town.clients() == before


@pytest.mark.parametrize(
    "name", ["X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "X-Original-URL", "X-Rewrite-URL"]
)
async def test_a_proxy_s_header_moves_nothing(town: Town, name: str) -> None:
    data = request(town, await town.body(), headers=(JOSE, (name, "/generic/register")))
    answer = await heard(town, data)
    assert answer.status == 201
    assert "generic" not in answer.body.decode()


BROKEN = {
    "length and chunks": (b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "unknown coding": (b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
    "chunked not last": (b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
    "space before the colon": (b"Content-Length : 3\r\n\r\nabc", 400),
    "folded header": (b"X-A: a\r\n b\r\n\r\n", 400),
    "nul in a value": (b"X-A: s3cr3t\x00b\r\n\r\n", 400),
    "hexadecimal prefix": (b"Transfer-Encoding: chunked\r\n\r\n0x2\r\nab\r\n0\r\n\r\n", 400),
    "signed length": (b"Content-Length: +2\r\n\r\nab", 400),
    "long header": (b"X-A: " + b"s3cr3t" * 1500 + b"\r\n\r\n", 431),
    "many headers": (b"".join(b"X-%d: s3cr3t\r\n" % n for n in range(5000)) + b"\r\n", 431),
}


@pytest.mark.parametrize(("rest", "status"), BROKEN.values(), ids=BROKEN)
async def test_what_is_no_http_is_refused_in_json_without_echo(town: Town, rest: bytes, status: int) -> None:
    async with wire(town) as connection:
        answer = await connection.ask(
            b"POST /uk-3.2/register HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/jose\r\n" + rest
        )
        assert answer.status == status
        assert answer.json["error"] == "invalid_client_metadata"
        assert b"s3cr3t" not in answer.body
        assert await connection.ended()


async def test_http_1_0_with_chunks_is_refused(town: Town) -> None:
    data = b"POST /uk-3.2/register HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    async with wire(town) as connection:
        assert (await connection.ask(data)).checks == ["http.version"]
        assert await connection.ended()


@pytest.mark.parametrize("target", ["https://evil.example/uk-3.2/register", "http://169.254.169.254/uk-3.2/register"])
async def test_an_absolute_target_of_another_host_is_misdirected(town: Town, target: str) -> None:
    answer = await heard(town, request(town, await town.body(), path=target))
    assert (answer.status, answer.checks) == (421, ["http.target"])


async def test_an_upgrade_is_ignored(town: Town) -> None:
    headers = (
        JOSE,
        ("Connection", "Upgrade, HTTP2-Settings"),
        ("Upgrade", "h2c"),
        ("HTTP2-Settings", "AAMAAABkAAQAAP__"),
    )
    assert (await heard(town, request(town, await town.body(), headers=headers))).status == 201


async def test_pipelined_requests_are_each_answered_on_their_own(town: Town) -> None:
    good, other = await town.body(), await town.body(scope="openid nonsense")
    async with wire(town) as connection:
        connection.writer.write(request(town, good) + request(town, other) + request(town, good))
        answers = [await connection.hear() for _ in range(3)]
    assert [answer.status for answer in answers] == [201, 400, 201]
    assert answers[0].json["client_id"] == answers[2].json["client_id"]


async def test_a_client_that_leaves_after_sending_finds_its_registration_by_asking_again(town: Town) -> None:
    body, before = await town.body(), town.clients()
    async with wire(town) as connection:
        connection.writer.write(request(town, body))
        await connection.writer.drain()
    reply = await town.post(body)
    assert reply.status == 201
    assert town.clients() == before + 1


async def test_the_public_listener_answers_register_with_401(town: Town) -> None:
    body = await town.body()
    async with wire(town, "public") as connection:
        answer = await connection.ask(request(town, body))
        assert (answer.status, answer.checks) == (401, ["tls.chain.present"])
        assert answer.json["error"] == "invalid_client"
        assert answer.one("www-authenticate")
        assert (await connection.ask(request(town, body, path="/uk-3.2/elsewhere"))).status == 404


async def test_the_public_listener_asks_for_no_certificate_and_believes_none(town: Town) -> None:
    async with wire(town, "public", pair=own(town)) as connection:
        answer = await connection.ask(request(town, await town.body()))
    assert (answer.status, answer.checks) == (401, ["tls.chain.present"])


async def test_the_health_listener_tells_of_life_and_readiness_and_nothing_else(town: Town) -> None:
    async with wire(town, "health") as connection:
        alive = await connection.ask(request(town, method="GET", path="/livez"))
        assert (alive.status, alive.json) == (200, {"status": "ok"})
        ready = await connection.ask(request(town, method="GET", path="/readyz"))
        assert (ready.status, ready.json["status"]) == (200, "ok")
        each_market = {f"revocation of {market['market']}" for market in town.session.index["markets"]}
        directories = {"revoked keys of primary", *(f"keys of {name}" for name in ("primary", "brazil", "cdr"))}
        components = {"registry", "certificates", "configuration", "scripts", "record"} | each_market | directories
        assert {each["component"] for each in ready.json["components"]} == components
        assert (await connection.ask(request(town, method="HEAD", path="/livez"), head=True)).status == 200
        assert (await connection.ask(request(town, method="POST", path="/livez"))).status == 405
        answer = await connection.ask(request(town, await town.body()))
        assert (answer.status, answer.json["error"]) == (404, "invalid_request")
