"""What threats.md asks of every outgoing request, each against a real TLS server on loopback."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import threading
from collections.abc import Awaitable
from contextlib import suppress
from ipaddress import ip_network
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from dcrgw.adapters.fetcher import Fetcher, FetchFailed, FetchLimits, FetchReason, max_age_s
from dcrgw.errors import Misconfigured

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
SHORT = FetchLimits(total_s=0.4, allowed_networks=LOOPBACK)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class Resolver(AbstractResolver):
    """Answers with the next list of addresses each time; the last one stays."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        self.asked.append(host)
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(hostname=host, host=a, port=port, family=10 if ":" in a else 2, proto=6, flags=4)
            for a in addresses
        ]

    async def close(self) -> None:
        pass


async def reason_of(fetch: Awaitable[Any]) -> FetchReason:
    with pytest.raises(FetchFailed) as caught:
        await fetch
    assert caught.value.__cause__ is None
    # What aiohttp raises holds the request with its headers.
    assert not isinstance(caught.value.__context__, aiohttp.ClientError)
    return caught.value.reason


async def read_head(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


# The way it should go


async def test_answer_comes_whole(host: Any, fetcher: Any) -> None:
    server = await host(
        lambda _: web.Response(
            body=b'{"keys":[]}',
            content_type="application/jwk-set+json",
            headers={"Cache-Control": "public, max-age=120", "ETag": '"a"'},
        )
    )
    fetched = await fetcher().get(server.url("/a%2Fb%41.jwks?x=%20%41"), hosts=server.names)
    assert (fetched.status, fetched.body, fetched.content_type) == (200, b'{"keys":[]}', "application/jwk-set+json")
    assert (fetched.max_age_s, fetched.etag) == (120, '"a"')
    arrived = server.arrived[0]
    assert (arrived.path, arrived.query) == ("/a%2Fb%41.jwks", "x=%20%41")
    assert arrived.headers["Accept-Encoding"] == "identity"
    assert "Cookie" not in arrived.headers


async def test_form_is_posted(host: Any, fetcher: Any) -> None:
    server = await host(lambda _: web.Response(status=400, body=b"{}"))
    fetched = await fetcher().post_form(server.url(), {"scope": "a b", "x": "ä&"}, hosts=None)
    assert fetched.status == 400
    assert server.arrived[0].body == b"scope=a+b&x=%C3%A4%26"
    assert server.arrived[0].headers["Content-Type"] == "application/x-www-form-urlencoded"


async def test_connection_is_kept_between_requests(host: Any, fetcher: Any, raw: Any) -> None:
    connections = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        while True:
            await read_head(reader)
            writer.write(HEAD + b"Content-Length: 2\r\n\r\n{}")

    port = await raw(serve)
    one = fetcher()
    for _ in range(3):
        await one.get(f"https://localhost:{port}/", hosts=None)
    assert len(connections) == 1


async def test_cookie_is_never_kept(host: Any, fetcher: Any) -> None:
    server = await host(lambda _: web.Response(headers={"Set-Cookie": "a=b; Path=/"}))
    one = fetcher()
    await one.get(server.url(), hosts=server.names)
    await one.get(server.url(), hosts=server.names)
    assert "Cookie" not in server.arrived[1].headers


async def test_transport_certificate_goes_to_the_directory_and_to_no_software_host(host: Any, fetcher: Any) -> None:
    directory, software = await host(), await host()
    await fetcher(with_certificate=True).get(directory.url(), hosts=None)
    await fetcher().get(software.url(), hosts=software.names)
    assert directory.arrived[0].peer == "BANKSW1"
    assert software.arrived[0].peer is None


# Where it must not go


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/",
        "https://dir@evil.example/",
        "https://localhost./",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "https://0x7f000001/",
        "https://localhost/#",
    ],
)
async def test_url_of_a_foreign_shape_is_refused(fetcher: Any, url: str) -> None:
    assert await reason_of(fetcher().get(url, hosts=None)) is FetchReason.URL


async def test_host_and_port_outside_the_allow_list_are_refused(host: Any, fetcher: Any) -> None:
    server = await host()
    for hosts in (frozenset(), frozenset({"localhost"}), frozenset({"localhost:22"}), frozenset({"keys.example"})):
        assert await reason_of(fetcher().get(server.url(), hosts=hosts)) is FetchReason.URL
    assert server.arrived == []


@pytest.mark.parametrize(
    "authority",
    [
        "127.0.0.1",
        "[::ffff:127.0.0.1]",
        "[::1]",
        "169.254.169.254",
        "10.0.0.1",
        "[fd00::1]",
        "0.0.0.0",
        "[64:ff9b::7f00:1]",
    ],
)
async def test_literal_private_address_is_refused(fetcher: Any, authority: str) -> None:
    one = fetcher(limits=FetchLimits())
    assert await reason_of(one.get(f"https://{authority}/", hosts=None)) is FetchReason.ADDRESS


async def test_socket_itself_refuses_a_private_literal(
    host: Any, fetcher: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check at the URL is for the proxy's sake: the one at the socket holds alone."""
    server = await host()
    one = fetcher(limits=FetchLimits())
    monkeypatch.setattr("dcrgw.adapters.locations._NUMERIC", __import__("re").compile("never"))
    url = f"https://127.0.0.1:{server.port}/"
    assert await reason_of(one.get(url, hosts=frozenset({f"127.0.0.1:{server.port}"}))) is FetchReason.ADDRESS
    assert server.arrived == []


@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("10.0.0.1", "192.168.0.1"), ("::1", "127.0.0.1")])
async def test_name_that_resolves_to_a_private_address_is_refused(
    host: Any, fetcher: Any, addresses: tuple[str, ...]
) -> None:
    server = await host()
    one = fetcher(limits=FetchLimits(), resolver=Resolver(addresses))
    names = frozenset({f"keys.example:{server.port}"})
    url = f"https://keys.example:{server.port}/"
    assert await reason_of(one.get(url, hosts=names)) is FetchReason.ADDRESS
    assert server.arrived == []


async def test_localhost_is_refused_unless_the_operator_names_its_network(host: Any, fetcher: Any) -> None:
    server = await host()
    assert await reason_of(fetcher(limits=FetchLimits()).get(server.url(), hosts=server.names)) is FetchReason.ADDRESS
    assert (await fetcher().get(server.url(), hosts=server.names)).status == 200


async def test_rebinding_name_is_refused_at_the_connection(host: Any, fetcher: Any) -> None:
    """Permitted when first asked, private when it connects: the address connected to is what counts."""
    server = await host()
    resolver = Resolver(("127.0.0.2",), ("127.0.0.1",))
    limits = FetchLimits(total_s=2, allowed_networks=(ip_network("127.0.0.2/32"),))
    one = fetcher(limits=limits, resolver=resolver)
    url = f"https://localhost:{server.port}/"
    # The server listens on 127.0.0.1 only, so the permitted address answers nothing.
    assert await reason_of(one.get(url, hosts=server.names)) is FetchReason.CONNECT
    one._session.connector.clear_dns_cache()
    assert await reason_of(one.get(url, hosts=server.names)) is FetchReason.ADDRESS
    assert len(resolver.asked) == 2
    assert server.arrived == []


async def test_permitted_address_is_used_when_another_is_not(host: Any, fetcher: Any) -> None:
    server = await host()
    one = fetcher(resolver=Resolver(("10.0.0.1", "127.0.0.1")))
    assert (await one.get(server.url(), hosts=server.names)).status == 200


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirect_is_never_followed(host: Any, fetcher: Any, status: int) -> None:
    inside = await host()
    outside = await host(lambda _: web.Response(status=status, headers={"Location": inside.url()}))
    names = outside.names | inside.names
    assert await reason_of(fetcher().get(outside.url(), hosts=names)) is FetchReason.REDIRECT
    assert inside.arrived == []


async def test_proxy_of_the_environment_is_ignored(
    host: Any, raw: Any, fetcher: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = []

    async def trap(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(await reader.read(100))

    trap_port = await raw(trap, plain=True)
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{trap_port}")
    server = await host()
    assert (await fetcher().get(server.url(), hosts=server.names)).status == 200
    assert reached == []


async def test_configured_proxy_is_used_by_connect(host: Any, raw: Any, fetcher: Any) -> None:
    server = await host(lambda _: web.Response(body=b"through"))
    tunnels = []

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tunnels.append((await read_head(reader)).split(b"\r\n")[0])
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                while piece := await source.read(65536):
                    sink.write(piece)
                sink.close()

        try:
            await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
        finally:
            far_writer.transport.abort()

    proxy = f"http://127.0.0.1:{await raw(tunnel, plain=True)}"
    # No network is allowed besides the public ones: the proxy's own address stands by the operator's word.
    one = fetcher(limits=FetchLimits(), proxy=proxy)
    fetched = await one.get(server.url(), hosts=server.names)
    assert fetched.body == b"through"
    assert tunnels == [f"CONNECT localhost:{server.port} HTTP/1.1".encode()]
    literal = f"https://127.0.0.1:{server.port}/"
    assert await reason_of(one.get(literal, hosts=None)) is FetchReason.ADDRESS
    assert len(tunnels) == 1
    await one.close()


async def test_proxy_that_says_no_is_an_outage(raw: Any, fetcher: Any) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    proxy = f"http://127.0.0.1:{await raw(refuse, plain=True)}"
    assert await reason_of(fetcher(proxy=proxy).get("https://keys.example/", hosts=None)) is FetchReason.PROXY


async def test_https_proxy_is_not_configurable(tls: Any) -> None:
    with pytest.raises(Misconfigured):
        Fetcher(ssl_context=tls.client(), limits=FetchLimits(), proxy="https://proxy.example")


async def test_context_that_does_not_verify_is_not_configurable() -> None:
    careless = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    careless.check_hostname = False
    with pytest.raises(Misconfigured):
        Fetcher(ssl_context=careless, limits=FetchLimits())
    careless.verify_mode = ssl.CERT_NONE
    with pytest.raises(Misconfigured):
        Fetcher(ssl_context=careless, limits=FetchLimits())


# What answers badly


async def test_certificate_for_another_name_is_refused(raw: Any, tls: Any, fetcher: Any) -> None:
    spoken = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        spoken.append(await reader.read(10))

    port = await raw(serve, context=tls.server("other.example"))
    assert await reason_of(fetcher().get(f"https://localhost:{port}/", hosts=None)) is FetchReason.TLS
    assert [said for said in spoken if said] == []


async def test_certificate_of_an_unknown_ca_is_refused(raw: Any, fetcher: Any) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)

    import trustme

    foreign = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(foreign)
    port = await raw(serve, context=foreign)
    assert await reason_of(fetcher().get(f"https://localhost:{port}/", hosts=None)) is FetchReason.TLS


async def test_server_without_tls_is_an_outage(raw: Any, fetcher: Any) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await writer.drain()

    port = await raw(serve, plain=True)
    assert await reason_of(fetcher().get(f"https://localhost:{port}/", hosts=None)) is FetchReason.TLS


async def test_nobody_listening_is_an_outage(fetcher: Any, unused_tcp_port: int) -> None:
    assert await reason_of(fetcher().get(f"https://localhost:{unused_tcp_port}/", hosts=None)) is FetchReason.CONNECT


async def test_unknown_name_is_an_outage(fetcher: Any) -> None:
    class Nowhere(Resolver):
        async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
            raise OSError(-2, "Name or service not known")

    assert await reason_of(fetcher(resolver=Nowhere(())).get("https://keys.example/", hosts=None)) is FetchReason.DNS


async def test_one_byte_at_a_time_meets_the_total_deadline(raw: Any, fetcher: Any) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(HEAD + b"Content-Length: 1000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    port = await raw(serve)
    one = fetcher(limits=SHORT)
    assert await reason_of(one.get(f"https://localhost:{port}/", hosts=None)) is FetchReason.TIMEOUT


@pytest.mark.parametrize("said", [b"", HEAD, HEAD + b"Content-Length: 5\r\n\r\n12"])
async def test_silence_meets_the_total_deadline(raw: Any, fetcher: Any, said: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(said)
        await reader.read()

    port = await raw(serve)
    one = fetcher(limits=SHORT)
    assert await reason_of(one.get(f"https://localhost:{port}/", hosts=None)) is FetchReason.TIMEOUT


async def test_handshake_that_never_ends_meets_the_total_deadline(raw: Any, fetcher: Any) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    port = await raw(serve, plain=True)
    one = fetcher(limits=SHORT)
    assert await reason_of(one.get(f"https://localhost:{port}/", hosts=None)) is FetchReason.TIMEOUT


@pytest.mark.parametrize("framing", [b"\r\n", b"Transfer-Encoding: chunked\r\n\r\n"])
async def test_endless_body_is_cut_at_the_cap(raw: Any, fetcher: Any, framing: bytes) -> None:
    sent = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_head(reader)
        writer.write(HEAD + framing)
        while True:
            writer.write(b"1000\r\n" + b" " * 4096 + b"\r\n")
            sent += 4096
            await writer.drain()

    port = await raw(serve)
    one = fetcher(limits=FetchLimits(allowed_networks=LOOPBACK, max_bytes=20_000))
    assert await reason_of(one.get(f"https://localhost:{port}/", hosts=None)) is FetchReason.SIZE


async def test_announced_length_beyond_the_cap_is_not_read(raw: Any, fetcher: Any) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(HEAD + b"Content-Length: 2147483648\r\n\r\n")
        await reader.read()

    port = await raw(serve)
    assert await reason_of(fetcher().get(f"https://localhost:{port}/", hosts=None)) is FetchReason.SIZE


@pytest.mark.parametrize("line", [b"X-A: b\r\n", b"X-" + b"a" * 20_000 + b": b\r\n", b"X: " + b"a" * 20_000 + b"\r\n"])
async def test_endless_headers_are_refused(raw: Any, fetcher: Any, line: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(HEAD)
        while True:
            writer.write(line)
            await writer.drain()

    port = await raw(serve)
    assert await reason_of(fetcher().get(f"https://localhost:{port}/", hosts=None)) is FetchReason.PROTOCOL


async def test_endless_interim_answers_meet_the_total_deadline(raw: Any, fetcher: Any) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        while True:
            writer.write(b"HTTP/1.1 102 Processing\r\n\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)

    port = await raw(serve)
    one = fetcher(limits=SHORT)
    assert await reason_of(one.get(f"https://localhost:{port}/", hosts=None)) is FetchReason.TIMEOUT


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\x00" * 100,
        b"",
        HEAD,
        HEAD + b"Content-Length: 5\r\n\r\n12",
    ],
)
async def test_answer_that_is_not_http_or_is_cut_short_is_an_outage(raw: Any, fetcher: Any, answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(answer)
        await writer.drain()

    port = await raw(serve)
    reason = await reason_of(fetcher().get(f"https://localhost:{port}/", hosts=None))
    assert reason in (FetchReason.PROTOCOL, FetchReason.CONNECT)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "identity, gzip", "x"])
async def test_compressed_answer_is_refused(host: Any, fetcher: Any, coding: str) -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    server = await host(lambda _: web.Response(body=bomb, headers={"Content-Encoding": coding}))
    assert await reason_of(fetcher().get(server.url(), hosts=server.names)) is FetchReason.ENCODING


async def test_failed_fetch_tells_nothing_of_what_was_sent(fetcher: Any, unused_tcp_port: int) -> None:
    with pytest.raises(FetchFailed) as caught:
        await fetcher().post_form(
            f"https://localhost:{unused_tcp_port}/?filter=CANARY1",
            {"client_assertion": "CANARY2"},
            hosts=None,
            headers={"Authorization": "Bearer CANARY3"},
        )
    assert "CANARY" not in f"{caught.value!r} {caught.value} {caught.value.__context__!r}"


async def test_cancelled_fetch_is_cancelled(raw: Any, fetcher: Any) -> None:
    arrived = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        arrived.set()
        await reader.read()

    port = await raw(serve)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(fetcher().get(f"https://localhost:{port}/", hosts=None))
        await arrived.wait()
        task.cancel()
    assert task.cancelled()


async def test_closed_fetcher_stays_closed(host: Any, fetcher: Any) -> None:
    server, one = await host(), fetcher()
    await one.get(server.url(), hosts=None)
    await one.close()
    assert await reason_of(one.get(server.url(), hosts=None)) is FetchReason.CONNECT
    assert len(server.arrived) == 1


# Names


async def test_hanging_name_delays_no_other_fetcher_and_nobody_else_in_the_process(
    host: Any, fetcher: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    server = await host()
    hang, real = threading.Event(), socket.getaddrinfo
    threads = []

    def look_up(name: str, *args: Any, **more: Any) -> Any:
        if name.startswith("hang"):
            threads.append(name)
            hang.wait(20)
            raise OSError(-3, "Temporary failure in name resolution")
        return real(name, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    software, directory = fetcher(limits=SHORT), fetcher()
    async with asyncio.TaskGroup() as group:
        waiting = [
            group.create_task(reason_of(software.get(f"https://hang{i % 20}.example/", hosts=None))) for i in range(60)
        ]
    assert {task.result() for task in waiting} == {FetchReason.TIMEOUT}
    # One look-up a name and never more than eight at a time; the default executor is free.
    assert len(threads) == len(set(threads)) == 8
    assert (await directory.get(server.url(), hosts=server.names)).status == 200
    assert await asyncio.to_thread(lambda: 1) == 1
    hang.set()


async def test_name_is_looked_up_by_the_system(host: Any, fetcher: Any) -> None:
    server = await host()
    assert (await fetcher().get(server.url(), hosts=server.names)).status == 200


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("", None),
        ("public", None),
        ("max-age=60", 60),
        ("public, Max-Age=60", 60),
        ('max-age="60"', 60),
        ("no-store", 0),
        ("max-age=60, no-cache", 0),
        ("max-age=-1", None),
        ("max-age=x", None),
        ("max-age=١", None),
        ("max-age=" + "9" * 5000, 2**31),
        ("s-maxage=5", None),
    ],
)
def test_cache_control_is_read(said: str, seconds: int | None) -> None:
    assert max_age_s(said) == seconds
