"""What a TLS handshake with a server agrees on."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Handshake:
    """The version and cipher in use, and the names in the server's certificate."""

    version: str
    cipher: str
    server_names: tuple[str, ...]


async def shake_hands(url: str, context: ssl.SSLContext) -> Handshake:
    """Open one connection to the URL's host and close it again. Raises: OSError, ssl.SSLError."""
    place = urlsplit(url)
    _, writer = await asyncio.open_connection(place.hostname, place.port or 443, ssl=context)
    try:
        connection = writer.get_extra_info("ssl_object")
        names = connection.getpeercert().get("subjectAltName", ())
        return Handshake(connection.version(), connection.cipher()[0], tuple(str(name) for _, name in names))
    finally:
        writer.close()
