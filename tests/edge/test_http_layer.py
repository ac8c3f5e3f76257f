"""threats.md lines 111-130 as regression tests."""

from __future__ import annotations

import gzip

import pytest
from aiohttp import web

from dcrgw.edge.answers import json_answer
from dcrgw.edge.connection import Connection
from dcrgw.edge.limits import Limits

HOST = b"Host: bank.example\r\n"

MALFORMED = {
    "content length and transfer encoding": b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two equal content lengths": b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "two different content lengths": b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "signed content length": b"Content-Length: +2\r\n\r\nab",
    "unknown transfer coding": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked not last": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "space before colon": b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "folded header": b"X-A: a\r\n b\r\n\r\n",
    "nul in a value": b"X-A: a\x00b\r\n\r\n",
    "two hosts": b"Host: other.example\r\n\r\n",
    "two content types": b"Content-Type: application/jwt\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n",
    "hexadecimal prefix on a chunk size": b"Transfer-Encoding: chunked\r\n\r\n0x2\r\nab\r\n0\r\n\r\n",
    "negative chunk size": b"Transfer-Encoding: chunked\r\n\r\n-2\r\nab\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("rest", MALFORMED.values(), ids=MALFORMED)
async def test_malformed_request_is_refused_in_our_json_and_closed(edge, rest):
    await edge.listen()
    answer, client = await edge.ask(b"POST /register HTTP/1.1\r\n" + HOST + rest)
    assert answer.status == 400
    assert answer.version == "HTTP/1.1"
    assert answer.json["error"] == "invalid_client_metadata"
    assert answer.checks == ["http.syntax"]
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["connection"] == "close"
    assert "server" not in answer.headers
    assert await client.closed()


RAW = {
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "bare line feeds": b"GET / HTTP/1.1\nHost: bank.example\n\n",
    "http 2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "tls on a plain port": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"s3cr3t" * 30,
    "garbage": b"\xff\xfe\x00\x01 s3cr3t\r\n\r\n",
}


@pytest.mark.parametrize("data", RAW.values(), ids=RAW)
async def test_what_is_not_http_is_refused_without_echo_or_traceback(edge, data):
    await edge.listen()
    answer, client = await edge.ask(data)
    assert answer.status == 400
    assert answer.checks == ["http.syntax"]
    assert b"s3cr3t" not in answer.body
    assert await client.closed()
    assert [fields["checks"] for fields in edge.events.named("request")] == [["http.syntax"]]
    assert not any("error" in fields for _, fields in edge.events.seen)


async def test_bad_chunk_in_a_later_segment_fails_the_waiting_body(edge, request_head):
    await edge.listen()
    client = await edge.connect()
    client.send(request_head(Transfer_Encoding="chunked", Expect="100-continue"))
    assert (await client.answer()).status == 100
    answer = await client.ask(b"zz\r\nab\r\n")
    assert answer.status == 400
    assert answer.checks == ["http.syntax"]
    assert await client.closed()
    assert len(edge.events.named("request")) == 1


async def test_http_1_0_with_transfer_encoding_is_refused(edge, request_head):
    await edge.listen()
    answer, client = await edge.ask(request_head(version="1.0", Transfer_Encoding="chunked") + b"0\r\n\r\n")
    assert (answer.status, answer.checks) == (400, ["http.version"])
    assert await client.closed()


async def test_http_0_9_is_refused(edge):
    await edge.listen()
    answer, client = await edge.ask(b"GET /\r\n\r\n")
    assert (answer.status, answer.checks) == (400, ["http.version"])
    assert await client.closed()


async def test_http_1_0_without_transfer_encoding_is_served(edge, request_head):
    await edge.listen()
    answer, _ = await edge.ask(request_head("GET", version="1.0"))
    assert answer.status == 200


async def test_absolute_target_of_another_host_is_refused_where_hosts_are_known(edge, request_head):
    await edge.listen(hosts=frozenset({"bank.example"}))
    answer, _ = await edge.ask(request_head("GET", "http://evil.example/register"))
    assert (answer.status, answer.checks) == (421, ["http.target"])


async def test_absolute_target_of_our_host_is_served(edge, request_head):
    await edge.listen(hosts=frozenset({"bank.example"}))
    answer, _ = await edge.ask(request_head("GET", "http://BANK.example/register"))
    assert answer.status == 200


@pytest.mark.parametrize("target", ["register", "http://", "http://[::1/register", "://x", "*"])
async def test_target_that_is_no_path_is_refused(edge, request_head, target):
    await edge.listen(hosts=frozenset({"bank.example"}))
    answer, _ = await edge.ask(request_head("GET", target))
    assert answer.status in (400, 421)


@pytest.mark.parametrize("host", ["xn--a", "xn--a.example", "xn--"])
async def test_target_with_a_host_that_is_no_name_is_refused_and_its_connection_closed(edge, request_head, host):
    await edge.listen(hosts=frozenset({"bank.example"}))
    answer, client = await edge.ask(request_head("GET", f"https://{host}/register"))
    assert answer.status in (400, 421)
    assert await client.closed()
    assert not [fields for event, fields in edge.events.seen if "error" in fields]


@pytest.mark.parametrize("host", [b"http://", b"\xff", b"xn--a", b"a:99999", b"a:b"])
async def test_asterisk_with_a_host_that_is_none_is_refused(edge, host):
    await edge.listen(hosts=frozenset({"bank.example"}))
    answer, _ = await edge.ask(b"OPTIONS * HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
    assert (answer.status, answer.checks) == (421, ["http.target"])


async def test_connection_whose_task_ends_in_an_error_is_cut(edge, request_head, monkeypatch):
    def fail(*_):
        raise ValueError("a bug")

    monkeypatch.setattr(Connection, "make_request", fail)
    await edge.listen()
    client = await edge.connect()
    client.send(request_head("GET"))
    assert await client.closed()
    assert isinstance((await edge.events.first("connection_failed"))["error"], ValueError)


LARGE_HEADERS = {
    "one of 9000 bytes": b"X-Long: " + b"s3cr3t" * 1500 + b"\r\n",
    "a name of 9000 bytes": b"s3cr3t" * 1500 + b": x\r\n",
    "5000 of them": b"".join(b"X-%d: s3cr3t\r\n" % i for i in range(5000)),
    "several within the limit of one": b"".join(b"X-%d: " % i + b"s3cr3t" * 1000 + b"\r\n" for i in range(4)),
}


@pytest.mark.parametrize("lines", LARGE_HEADERS.values(), ids=LARGE_HEADERS)
@pytest.mark.parametrize("ended", [True, False], ids=["ended", "never ending"])
async def test_large_headers_are_refused_without_echo(edge, lines, ended):
    await edge.listen()
    answer, client = await edge.ask(b"GET / HTTP/1.1\r\n" + HOST + lines + (b"\r\n" if ended else b"X: "))
    assert (answer.status, answer.checks) == (431, ["http.header_size"])
    assert b"s3cr3t" not in answer.body
    assert await client.closed()


async def test_long_request_line_is_refused(edge, request_head):
    await edge.listen()
    answer, client = await edge.ask(request_head("GET", "/" + "a" * 9000))
    assert (answer.status, answer.checks) == (431, ["http.header_size"])
    assert await client.closed()


async def test_large_body_is_refused_and_the_refusal_can_be_read(edge, request_head):
    await edge.listen()
    client = await edge.connect()
    client.send(request_head(Content_Length=str(2_000_000)))
    client.send(b"a" * 2_000_000)
    answer = await client.answer()
    assert (answer.status, answer.checks) == (413, ["http.size"])
    assert answer.headers["connection"] == "close"
    assert await client.closed()


async def test_large_chunked_body_is_refused(edge, request_head):
    await edge.listen(limits=Limits(body_bytes=1000))
    client = await edge.connect()
    client.send(request_head(Transfer_Encoding="chunked") + b"3e9\r\n" + b"a" * 1001 + b"\r\n0\r\n\r\n")
    answer = await client.answer()
    assert (answer.status, answer.checks) == (413, ["http.size"])
    assert await client.closed()


async def test_body_of_exactly_the_limit_is_taken(edge, request_head):
    await edge.listen(limits=Limits(body_bytes=1000))
    answer, _ = await edge.ask(request_head(Content_Length="1000") + b"a" * 1000)
    assert answer.json["length"] == 1000


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "x-unknown", "gzip, identity", "GZIP"])
@pytest.mark.parametrize("body", [b"not compressed at all", gzip.compress(b"{}" * 100_000)], ids=["invalid", "bomb"])
async def test_content_encoding_is_refused(edge, request_head, coding, body):
    await edge.listen()
    answer, _ = await edge.ask(request_head(Content_Encoding=coding, Content_Length=str(len(body))) + body)
    assert (answer.status, answer.checks) == (415, ["http.encoding"])
    assert answer.headers["accept-encoding"] == "identity"


async def test_accept_that_excludes_json_still_gets_json(edge, request_head):
    await edge.listen()
    answer, _ = await edge.ask(request_head("TRACE", Accept="text/html"))
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["error"] == "invalid_client_metadata"


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
async def test_method_override_is_ignored(edge, request_head, header):
    await edge.listen()
    answer, _ = await edge.ask(request_head("GET", "/register?_method=DELETE", **{header: "DELETE"}))
    assert answer.json["method"] == "GET"


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "SEARCH"])
async def test_method_that_no_resource_has_is_refused_with_allow(edge, request_head, method):
    await edge.listen()
    answer, client = await edge.ask(request_head(method, "bank.example:443" if method == "CONNECT" else "/register"))
    assert (answer.status, answer.checks) == (405, ["http.method"])
    assert "POST" in answer.headers["allow"]
    assert await client.closed()


@pytest.mark.parametrize("upgrade", ["h2c", "websocket"])
async def test_upgrade_is_ignored(edge, request_head, upgrade):
    await edge.listen()
    client = await edge.connect()
    ask = request_head("GET", Connection="Upgrade", Upgrade=upgrade)
    assert (await client.ask(ask)).status == 200
    assert (await client.ask(request_head("GET", "/second"))).json["path"] == "/second"


async def test_pipelined_requests_are_each_served_in_order(edge, request_head):
    await edge.listen()
    client = await edge.connect()
    client.send(
        request_head("GET", "/1") + request_head(path="/2", Content_Length="2") + b"ab" + request_head("GET", "/3")
    )
    answers = [await client.answer() for _ in range(3)]
    assert [answer.json["path"] for answer in answers] == ["/1", "/2", "/3"]
    assert len({answer.headers["x-fapi-interaction-id"] for answer in answers}) == 3


async def test_refused_expectation_gets_its_final_status_without_a_body(edge, request_head):
    async def refuse(_request, exchange):
        return json_answer(401, {"error": "invalid_client"}, exchange)

    await edge.listen(refuse)
    answer, _ = await edge.ask(request_head(Expect="100-continue", Content_Length="100"))
    assert answer.status == 401


async def test_wanted_body_is_invited(edge, request_head):
    await edge.listen()
    client = await edge.connect()
    assert (await client.ask(request_head(Expect="100-continue", Content_Length="2"))).status == 100
    assert (await client.ask(b"ab")).json["length"] == 2


async def test_large_expectation_is_refused_before_the_body(edge, request_head):
    await edge.listen()
    answer, _ = await edge.ask(request_head(Expect="100-continue", Content_Length="99999999"))
    assert answer.status == 413


async def test_other_expectation_is_refused(edge, request_head):
    await edge.listen()
    answer, _ = await edge.ask(request_head(Expect="miracles", Content_Length="0"))
    assert (answer.status, answer.checks) == (417, ["http.expectation"])


async def test_client_that_leaves_does_not_stop_its_handler(edge, request_head):
    import asyncio

    begun, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def store(request, exchange):
        await request.read()
        begun.set()
        await go_on.wait()
        done.set()
        return json_answer(201, {}, exchange)

    await edge.listen(store)
    client = await edge.connect()
    client.send(request_head(Content_Length="2") + b"ab")
    await begun.wait()
    client.writer.transport.abort()
    go_on.set()
    async with asyncio.timeout(60):
        await done.wait()
    assert (await edge.events.first("request"))["status"] == 201


async def test_client_that_leaves_in_its_body_is_no_error_of_ours(edge, request_head):
    await edge.listen()
    client = await edge.connect()
    client.send(request_head(Content_Length="10", Expect="100-continue"))
    await client.answer()
    client.writer.transport.abort()
    assert (await edge.events.first("request"))["status"] == 400
    assert not any("error" in fields for _, fields in edge.events.seen)


CERTIFICATE_HEADERS = [
    "X-ClientCert", "X_ClientCert", "X-Clientcert", "x-clientcert", "X-Client-Cert", "X_CLIENT_CERT", "Client-Cert",
    "Client_Cert", "Client-Cert-Chain", "X-Forwarded-Client-Cert", "X_Forwarded_Client_Cert", "SSL-CLIENT-CERT",
    "X-SSL-Client-Cert", "X-SSL-Client-Verify", "X-ARR-ClientCert", "TPP-MTLS-Certificate",
]  # fmt: skip


@pytest.mark.parametrize("header", CERTIFICATE_HEADERS)
async def test_certificate_header_is_never_an_identity(edge, header):
    from dcrgw.edge.peer import peer_chain

    async def who(request: web.BaseRequest, exchange):
        return json_answer(200, {"certificates": len(peer_chain(request))}, exchange)

    await edge.listen(who)
    pem = "-----BEGIN CERTIFICATE-----MIIB-----END CERTIFICATE-----"
    answer, _ = await edge.ask(f"GET / HTTP/1.1\r\nHost: bank.example\r\n{header}: {pem}\r\n\r\n".encode())
    assert answer.json == {"certificates": 0}
