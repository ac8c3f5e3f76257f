"""A client of the town and the means by which it manages itself, right but for what a test changes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from as_clients import ask, registered
from town import UK, Reply, Town

from dcrgw.testkit.statements import Change

#: RFC 7592 §2.2: what a client must not send back.
SERVERS_OWN = (
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
)


@dataclass
class Managed:
    """One registration: its answer, its token, its market."""

    town: Town
    market: str
    answer: dict[str, Any]
    token: str

    @property
    def client_id(self) -> str:
        return self.answer["client_id"]

    @property
    def endpoint(self) -> str:
        return self.town.index(self.market)["registration_endpoint"]

    @property
    def url(self) -> str:
        return f"{self.endpoint}/{self.client_id}"

    @property
    def by_query(self) -> str:
        return f"{self.endpoint}?client_id={self.client_id}"

    @property
    def is_plain(self) -> bool:
        return self.market == "generic"

    async def new_token(self, pair: tuple[Path, Path] | None = None) -> str:
        """A token of this client; its registration access token is the only one of its kind."""
        if self.is_plain:
            return self.token
        reply = await ask(self.town, self.answer, self.market, pair=pair)
        assert reply.status == 200, reply.body
        return reply.body["access_token"]

    async def call(
        self,
        method: str,
        body: bytes = b"",
        *,
        token: str | None = None,
        url: str | None = None,
        headers: dict[str, str] | None = None,
        **how: Any,
    ) -> Reply:
        """One request. `token` "" sends none."""
        presented = self.token if token is None else token
        bearer = {"Authorization": f"Bearer {presented}"} if presented else {}
        return await self.town.post(
            body, self.market, method=method, url=url or self.url, headers={**bearer, **(headers or {})}, **how
        )

    async def body(self, **changes: Change) -> bytes:
        """What was asked for, as a new request but for `changes`."""
        asked: dict[str, Any] = {
            name: self.answer[name]
            for name in (
                "token_endpoint_auth_method",
                "token_endpoint_auth_signing_alg",
                "grant_types",
                "response_types",
            )
            if name in self.answer
        }
        if self.is_plain:
            asked |= {"client_id": self.client_id, "client_name": "updated", "scope": "accounts openid"}
        return await self.town.body(self.market, None, **{**asked, **changes})

    async def put(self, body: bytes | None = None, **how: Any) -> Reply:
        return await self.call("PUT", body if body is not None else await self.body(), **how)

    def sent_back(self, **changes: Any) -> bytes:
        """The registration's own answer as an update, less what only the server sets."""
        members = {name: value for name, value in self.answer.items() if name not in SERVERS_OWN}
        members = {name: value for name, value in {**members, **changes}.items() if value is not None}
        if self.is_plain:
            return json.dumps(members).encode()
        claims = self.town.claims(members.pop("software_statement"), self.market)
        return self.town.key().sign({**claims, **members}).encode()


async def managed(town: Town, market: str = UK, method: str = "private_key_jwt", **changes: Change) -> Managed:
    """A new client with a token."""
    if market == "generic":
        changes = {"client_name": str(uuid4()), **changes}
    answer = await registered(town, method, market, **changes)
    made = Managed(town, market, answer, answer.get("registration_access_token", ""))
    made.token = await made.new_token()
    return made
