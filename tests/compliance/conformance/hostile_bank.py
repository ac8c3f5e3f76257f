"""A bank that means harm: raw bytes in answer to whatever is asked, over plain HTTP on loopback."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

EVIL = '"><script>hacked=1</script><img src=x onerror=hacked=1>\u202e{{ 7*7 }}${now}'
ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\u2066"
Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]


def answer(
    body: bytes, status: str = "400 Bad Request", *headers: bytes, media_type: bytes = b"application/json"
) -> bytes:
    """A whole HTTP answer."""
    head = [f"HTTP/1.1 {status}".encode(), b"Content-Type: " + media_type, b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join([*head, b"", body])


def told(status: str = "201 Created", **members: Any) -> bytes:
    """A JSON answer."""
    return answer(json.dumps(members).encode(), status)


def says(content: bytes) -> Behaviour:
    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        await writer.drain()

    return behave


async def _endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b"a" * 65_536 + b"\r\n")
        await writer.drain()


async def _endless_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\n")
    while True:
        writer.write(b"".join(b"X-%d: a\r\n" % number for number in range(1_000)))
        await writer.drain()


async def _drips(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def _silent(_: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def _hangs_up(_: asyncio.StreamWriter) -> None:
    return


async def _interim(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)
        await writer.drain()
        await asyncio.sleep(0.01)


def _bomb() -> bytes:
    body = gzip.compress(b"\0" * 50_000_000)
    return answer(body, "201 Created", b"Content-Encoding: gzip")


_DEEP = b'{"error": ' + b"[" * 20_000 + b"]" * 20_000 + b"}"
_LINES = "a\r\nX: y"
_REGISTERED = {
    "registration_access_token": "t" * 20,
    "client_id": "abc",
    "redirect_uris": ["https://tpp.example/cb"],
    "token_endpoint_auth_method": "tls_client_auth",
}

#: What the bank says, by a name.
ANSWERS: dict[str, Behaviour] = {
    "html": says(told("400 Bad Request", error=EVIL, error_description=EVIL, **{EVIL: EVIL})),
    "html-registered": says(told(client_id=EVIL, scope=EVIL, **{EVIL: [EVIL]})),
    "html-headers": says(answer(b"{}", "400 " + EVIL.encode("ascii", "ignore").decode(), b"X-Evil: " + EVIL.encode())),
    "html-page": says(answer(EVIL.encode(), "400 Bad Request", media_type=b"text/html")),
    "escapes": says(told("400 Bad Request", error=ESCAPES, error_description=ESCAPES)),
    "escapes-registered": says(told(client_id=ESCAPES, registration_access_token=ESCAPES, client_secret=ESCAPES * 5)),
    "escapes-in-the-body": says(answer(ESCAPES.encode(), "500 Oops")),
    "octets-in-headers": says(answer(b"{}", "400 Bad", b"X-Octets: \xff\xfe\x80")),
    "line-feeds-in-tokens": says(told(client_id="abc", registration_access_token=_LINES, access_token=_LINES)),
    "endless": _endless,
    "endless-headers": _endless_headers,
    "interim-answers": _interim,
    "long-header": says(b"HTTP/1.1 400 Bad Request\r\nX: " + b"a" * 10_000_000 + b"\r\n\r\n"),
    "drips": _drips,
    "silent": _silent,
    "hangs-up": _hangs_up,
    "bomb": says(_bomb()),
    "redirect": says(answer(b"", "307 Temporary Redirect", b"Location: http://169.254.169.254/latest")),
    "redirect-to-a-file": says(answer(b"", "302 Found", b"Location: file:///etc/passwd")),
    "no-http": says(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "strange-status": says(b"HTTP/1.1 99999 Ever\r\n\r\n"),
    "negative-length": says(b"HTTP/1.1 400 Bad\r\nContent-Length: -5\r\n\r\n"),
    "cut-short": says(b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"),
    "no-json": says(answer(b"{", "201 Created")),
    "no-utf-8": says(answer(b'{"client_id": "\xff\xfe"}', "201 Created")),
    "utf-16": says(answer('{"client_id": "abc"}'.encode("utf-16"), "201 Created")),
    "surrogates": says(answer(b'{"client_id": "\\ud800", "error": "\\udfff"}', "201 Created")),
    "deep": says(answer(_DEEP, "201 Created")),
    "numbers": says(answer(b'{"client_id": 1e999, "client_id_issued_at": ' + b"9" * 5_000 + b"}", "201 Created")),
    "not-a-number": says(answer(b'{"client_id": NaN}', "201 Created")),
    "twice": says(answer(b'{"client_id": "a", "client_id": "b"}', "201 Created")),
    "long-id": says(told(client_id="a" * 500_000)),
    "odd-id": says(told(client_id="../../admin?x=1#\n")),
    "wrong-types": says(told(client_id=["a"], redirect_uris={"a": 1}, registration_access_token=7, error=[1])),
    "many": says(told(**{**_REGISTERED, "redirect_uris": [1] * 30_000, "grant_types": ["x" * 50] * 3_000})),
    "odd-address": says(told(**_REGISTERED, registration_client_uri="javascript:alert(1)")),
    "plain-address": says(told(**_REGISTERED, registration_client_uri="http://127.0.0.1:1/x")),
    "no-host-address": says(told(**_REGISTERED, registration_client_uri="https://")),
    "endless-challenge": says(answer(b"{}", "401 No", b"WWW-Authenticate: " + b"bearer " * 1_000)),
}  # fmt: skip


@asynccontextmanager
async def at(behaviour: Behaviour) -> AsyncIterator[str]:
    """The bank, serving; its base URL."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.lower().split(b"\r\n")
                length = next(
                    (int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:")), 0
                )
                await reader.readexactly(length)
                await behaviour(writer)
                if behaviour is _hangs_up:
                    break
        writer.close()
        tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 22)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for each in tuple(tasks):
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
