"""A TLS connection that sends exactly the bytes that it is told to, with a TPP's certificate or without."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from town import UK, Town

#: The generous bound within which an answer must have come. Nothing is asserted to take long.
SOON_S = 60


@dataclass(frozen=True)
class Heard:
    """A response as it stood on the wire; header names in lower case, every value of a name."""

    version: str
    status: int
    headers: dict[str, list[str]]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body."""
        return json.loads(self.body)

    @property
    def checks(self) -> list[str]:
        """The ids of the failing checks that the answer names."""
        return [each["check"] for each in self.json.get("errors", [])]

    def one(self, name: str) -> str:
        """A header that must be there once."""
        (value,) = self.headers[name]
        return value


@dataclass(frozen=True)
class Wire:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, data: bytes, *, head: bool = False) -> Heard:
        """Send and hear one response."""
        self.writer.write(data)
        return await self.hear(head=head)

    async def hear(self, *, head: bool = False) -> Heard:
        """One response."""
        async with asyncio.timeout(SOON_S):
            start, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("ascii").rstrip().split("\r\n")
            version, status, _ = start.split(" ", 2)
            headers: dict[str, list[str]] = {}
            for line in lines:
                name, _, value = line.partition(": ")
                headers.setdefault(name.lower(), []).append(value)
            length = 0 if head else int(headers.get("content-length", ["0"])[0])
            return Heard(version, int(status), headers, await self.reader.readexactly(length))

    async def ended(self) -> bool:
        """Wait for the other end to close; True when it sent nothing more."""
        async with asyncio.timeout(SOON_S):
            try:
                return await self.reader.read() == b""
            except (ConnectionError, ssl.SSLError):
                return True


def client_tls(town: Town, pair: tuple[Path, Path] | None) -> ssl.SSLContext:
    """A TPP's TLS: the sandbox's root, and a certificate with its key unless there is none to show."""
    tls = ssl.create_default_context(cafile=str(town.folder / "ca.pem"))
    if pair is not None:
        tls.load_cert_chain(*pair)
    return tls


def own(town: Town, tpp: str | None = None) -> tuple[Path, Path]:
    """A TPP's own certificate and key."""
    index = town.index(UK, tpp)
    return town.folder / index["transport_cert"], town.folder / index["transport_key"]


@asynccontextmanager
async def wire(
    town: Town, listener: str = "mtls", *, pair: tuple[Path, Path] | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Wire]:
    """A connection to one of the gateway's listeners; to that of TPPs with the default TPP's certificate."""
    host, port = town.gateway.addresses[listener]
    if listener != "health" and tls is None:
        tls = client_tls(town, pair or (own(town) if listener == "mtls" else None))
    async with asyncio.timeout(SOON_S):
        made = Wire(*await asyncio.open_connection(host, port, ssl=tls, server_hostname="localhost" if tls else None))
    try:
        yield made
    finally:
        made.writer.transport.abort()


def request(
    town: Town,
    body: bytes = b"",
    *,
    path: str = "/uk-3.2/register",
    method: str = "POST",
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/jose"),),
    length: int | None = None,
) -> bytes:
    """A request with exactly these headers beside Host and Content-Length."""
    port = town.gateway.addresses["mtls"][1]
    lines = [f"{method} {path} HTTP/1.1", f"Host: localhost:{port}"]
    lines += [f"{name}: {value}" for name, value in headers]
    lines += [f"Content-Length: {len(body) if length is None else length}"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
