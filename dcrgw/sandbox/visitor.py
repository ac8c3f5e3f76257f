"""The TPP of the story: one TPP of sandbox.json at one registration endpoint, by the same means as `dcrgw tpp`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from dcrgw.tpp import client, credentials, requests
from dcrgw.tpp.client import Answer, Outgoing
from dcrgw.tpp.credentials import Transport
from dcrgw.tpp.requests import Wish

ALG = "PS256"


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a TLS handshake agreed on."""

    version: str
    cipher: str
    server_names: tuple[str, ...]


class Visitor:
    """Speaks for one entry of sandbox.json, whose files lie in `folder`."""

    def __init__(self, folder: Path, index: dict[str, Any]) -> None:
        self._index = index
        self._key = credentials.signing_key(folder / index["signing_key"])
        transport = Transport(folder / index["transport_cert"], folder / index["transport_key"])
        self._tls = credentials.tls_context(transport, folder / index["server_ca"])

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

    def request(
        self, statement: str, at: float, *, redirect_uris: tuple[str, ...] = (), scope: str | None = None
    ) -> bytes:
        """A signed registration request holding the statement, `at` epoch seconds; right unless told otherwise."""
        wish = Wish(
            audience=self._index["request_audience"],
            redirect_uris=redirect_uris or tuple(self._index["redirect_uris"]),
            scope=scope or self._index["scope"],
        )
        claims = requests.claims(
            requests.statement(statement),
            wish,
            alg=ALG,
            subject_dn=self._index["transport_subject_dn"],
            now=at,
            jti=str(uuid4()),
        )
        return requests.signed(claims, key=self._key, kid=self._index["kid"], alg=ALG)

    async def post(self, body: bytes) -> Answer:
        """POST it to the registration endpoint. Raises: ConnectionTrouble."""
        outgoing = Outgoing(self._index["registration_endpoint"], body, requests.JOSE)
        return await client.send(outgoing, self._tls, shows_certificate=True)
