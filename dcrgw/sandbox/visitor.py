"""The TPP of the story: opens mutual TLS to a market and posts a registration request."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp

from dcrgw.sandbox.parties import Tpp
from dcrgw.testkit.statements import Change, changed, request_claims

TIMEOUT = aiohttp.ClientTimeout(total=30)


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a TLS handshake agreed on."""

    version: str
    cipher: str
    server_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The gateway's answer; `body` is empty where it was no JSON object."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]


class Visitor:
    """Speaks for one TPP to one registration endpoint."""

    def __init__(self, folder: Path, index: dict[str, Any], tpp: Tpp) -> None:
        self._index = index
        self._tpp = tpp
        self._tls = ssl.create_default_context(cafile=str(folder / index["server_ca"]))
        self._tls.load_cert_chain(folder / index["transport_cert"], folder / index["transport_key"])

    async def shake_hands(self) -> Handshake:
        """Open one connection and close it again. Raises: OSError, ssl.SSLError."""
        url = urlsplit(self._index["registration_endpoint"])
        _, writer = await asyncio.open_connection(url.hostname, url.port, ssl=self._tls)
        try:
            connection = writer.get_extra_info("ssl_object")
            names = connection.getpeercert().get("subjectAltName", ())
            return Handshake(connection.version(), connection.cipher()[0], tuple(str(name) for _, name in names))
        finally:
            writer.close()

    def request(self, statement: str, at: float, **changes: Change) -> str:
        """A signed registration request holding the statement, right but for `changes`."""
        key = self._tpp.software.keys.current
        claims = request_claims(
            statement,
            at=at,
            software_id=self._tpp.software.software_id,
            org_id=self._tpp.organisation.org_id,
            audience=self._index["request_audience"],
            jti=str(uuid4()),
            tls_client_auth_subject_dn=self._index["transport_subject_dn"],
        )
        return key.sign(changed(claims, changes))

    async def post(self, body: str) -> Answer:
        """POST it to the registration endpoint. Raises: aiohttp.ClientError, TimeoutError."""
        headers = {"Content-Type": "application/jose", "Accept": "application/json"}
        connector = aiohttp.TCPConnector(ssl=self._tls)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=TIMEOUT) as http,
            http.post(self._index["registration_endpoint"], data=body.encode(), headers=headers) as answer,
        ):
            try:
                members = await answer.json(content_type=None)
            except ValueError:
                members = {}
            return Answer(answer.status, dict(answer.headers), members if isinstance(members, dict) else {})
