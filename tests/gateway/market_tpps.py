"""A TPP in any market of a town: what it sends, right but for what a test changes."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from town import Reply, Town

from dcrgw.sandbox.parties import Tpp
from dcrgw.testkit.keys import SigningKey
from dcrgw.testkit.statements import (
    Change,
    brazil_request_claims,
    cdr_request_claims,
    changed,
    request_claims,
    rfc7591_request_claims,
)

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass
class MarketTpp:
    """The default TPP of a market. `token` manages its client once it has one."""

    town: Town
    market: str
    answer: dict[str, Any] = field(default_factory=dict)
    token: str = ""

    @property
    def index(self) -> dict[str, Any]:
        return self.town.index(self.market)

    @property
    def tpp(self) -> Tpp:
        parties = self.town.session.parties
        abroad = {community.name: community.tpp for community in parties.abroad}
        return abroad.get(self.index["directory"], parties.default)

    @property
    def key(self) -> SigningKey:
        return self.tpp.software.keys.current

    @property
    def pair(self) -> tuple[Path, Path]:
        return self.town.folder / self.index["transport_cert"], self.town.folder / self.index["transport_key"]

    @property
    def url(self) -> str:
        given = self.answer.get("registration_client_uri")
        return given or f"{self.index['registration_endpoint']}/{self.answer['client_id']}"

    async def statement(self, **claims: Any) -> str:
        return await self.town.statement(self.market, **claims)

    async def claims(self, statement: str | None = None, **changes: Change) -> dict[str, Any]:
        """The members of a right request with a fresh statement, but for `changes`."""
        proof = statement if statement is not None else await self.statement()
        index = self.index
        own = {"software_id": index["software_id"], "audience": index["request_audience"], "at": time.time()}
        match index["profile"]:
            case "br-of":
                return brazil_request_claims(proof, **changes)
            case "au-cdr":
                return cdr_request_claims(proof, **own, **{"jti": str(uuid4()), **changes})
            case "rfc7591":
                plain: dict[str, Any] = {
                    "redirect_uris": index["redirect_uris"],
                    "token_endpoint_auth_method": "private_key_jwt",
                    "grant_types": ["client_credentials"],
                }
                return rfc7591_request_claims(proof, **{**plain, **changes})
        uk: dict[str, Any] = {
            "org_id": index["org_id"],
            "jti": str(uuid4()),
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": "PS256",
            "tls_client_auth_subject_dn": index["transport_subject_dn"],
        }
        return request_claims(proof, **own, **{**uk, **changes})

    async def body(self, statement: str | None = None, **changes: Change) -> bytes:
        return self.written(await self.claims(statement, **changes))

    def written(self, claims: dict[str, Any]) -> bytes:
        """Claims in the form that the market's requests have."""
        if self.index["request_media_type"] == "application/json":
            return json.dumps(claims).encode()
        return self.key.sign(claims).encode()

    async def post(self, body: bytes, **how: Any) -> Reply:
        index = self.index
        usual = {"media_type": index["request_media_type"], "pair": self.pair, "url": index["registration_endpoint"]}
        how = {**usual, **how}
        return await self.town.post(body, self.market, **how)

    async def register(self, **changes: Change) -> Reply:
        """Register, and remember the answer where there is one."""
        reply = await self.post(await self.body(**changes))
        if reply.status == 201:
            self.answer, self.token = reply.body, reply.body.get("registration_access_token", "")
        return reply

    async def grant(self, pair: tuple[Path, Path] | None = None, **form: str) -> Reply:
        """A token by the client's own right, with an assertion of its key."""
        now, client_id = int(time.time()), self.answer["client_id"]
        claims = {"iss": client_id, "sub": client_id, "aud": self.index["issuer"], "iat": now, "exp": now + 60}
        asked = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self.key.sign({**claims, "jti": str(uuid4())}),
            **form,
        }
        async with self.town._http(pair or self.pair).post(self.index["token_endpoint"], data=asked) as answer:
            return Reply(answer.status, dict(answer.headers), await answer.json())

    async def become_client(self, **changes: Change) -> None:
        """Register and hold a token that manages the registration."""
        reply = await self.register(**changes)
        assert reply.status == 201, reply.body
        granted = await self.grant()
        assert granted.status == 200, granted.body
        self.token = self.token or granted.body["access_token"]

    async def manage(self, method: str, body: bytes = b"", *, token: str | None = None, **how: Any) -> Reply:
        bearer = {"Authorization": f"Bearer {self.token if token is None else token}"}
        return await self.post(body, method=method, url=how.pop("url", self.url), headers=bearer, **how)

    async def update(self, **changes: Change) -> Reply:
        changes = changed({"client_id": self.answer["client_id"]}, changes)  # type: ignore[assignment]
        return await self.manage("PUT", await self.body(**changes))

    async def leave(self) -> None:
        """End the client, so that the next test may register."""
        assert (await self.manage("DELETE")).status == 204
