"""Waits on this machine for the browser that the bank sends back (RFC 8252 §7.3)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit

from dcrgw.tpp.setup import Incomplete

_HOSTS = ("localhost", "127.0.0.1", "::1")
_LONGEST_LINE = 16_384
_THANKS = b"You may close this window."


async def redirect(redirect_uri: str, timeout_s: float, ready: Callable[[], object]) -> str:
    """The address to which the browser was sent. `ready` is called once it may come.

    Raises: Incomplete, TimeoutError, OSError. One answer is taken; what asks for another path (a favicon) is told 404.
    """
    place = urlsplit(redirect_uri)
    if place.scheme != "http" or place.hostname not in _HOSTS:
        raise Incomplete("only a redirect_uri of http on this machine can be caught: paste the address instead")
    loop = asyncio.get_running_loop()
    caught: asyncio.Future[str] = loop.create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = _target(await _line(reader))
        ours = target is not None and urlsplit(target).path == (place.path or "/")
        writer.write(_answer(200 if ours else 404))
        await writer.drain()
        writer.close()
        if ours and not caught.done():
            caught.set_result(f"{place.scheme}://{place.netloc}{target}")

    server = await asyncio.start_server(serve, place.hostname, place.port or 80, limit=_LONGEST_LINE)
    async with server, asyncio.timeout(timeout_s):
        ready()
        return await caught


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        line = await reader.readline()
        # The rest of the head is read, so that the browser sees our answer rather than a reset connection.
        while (await reader.readline()).strip():
            pass
    except ValueError:
        return b""
    return line


def _target(line: bytes) -> str | None:
    words = line.decode("latin-1").split(" ")
    return words[1] if len(words) == 3 and words[0] == "GET" and words[1].startswith("/") else None


def _answer(status: int) -> bytes:
    head = f"HTTP/1.1 {status} {'OK' if status == 200 else 'Not Found'}\r\nContent-Type: text/plain\r\n"
    return f"{head}Content-Length: {len(_THANKS)}\r\nConnection: close\r\n\r\n".encode() + _THANKS
