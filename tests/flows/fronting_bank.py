"""A bank in front of an authorization server (AS): the real flows and the real store, and an AS that does as told."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from granting_bank import CALLBACK, SECRET, VERIFIER, GrantingBank, Types, asked
from small_bank import Clock, certificate

from dcrgw.adapters.sealer import Sealer
from dcrgw.adapters.sqlite.registry import SqliteRegistry
from dcrgw.core.authorization.tokens import AccessToken, token_hash
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.upstream.server import Gap, TokenSource, UpstreamServer
from dcrgw.errors import Unavailable
from dcrgw.flows.forwarding import authorise as forwarded_authorise
from dcrgw.flows.forwarding import introspect as forwarded_introspect
from dcrgw.flows.forwarding import push as forwarded_push
from dcrgw.flows.forwarding import revoke as forwarded_revoke
from dcrgw.flows.forwarding import token as forwarded_token
from dcrgw.flows.forwarding.authorise import Onward
from dcrgw.flows.interacting import Redirect
from dcrgw.flows.push import Pushed
from dcrgw.ports import Ports
from dcrgw.ports.upstream import Asked, NoUpstream, Told
from dcrgw.testkit.certificates import Issued as Certificate

Answer = Mapping[str, JsonValue]

SERVER = UpstreamServer(
    kind="rfc7592",
    auth_methods=frozenset({"private_key_jwt", "client_secret_basic", "client_secret_post"}),
    gap=Gap.BRIDGE,
    takes_client_id=True,
    finds_clients=True,
    url="https://as.bank.example",
    pages=(),
    token_source=TokenSource.INTROSPECTION,
)


@dataclass
class FakeAs(NoUpstream):
    """Answers as `says` tells it, by endpoint; each is asked with the form, and may give a status beside the body."""

    says: dict[str, Callable[[Mapping[str, str]], Any]] = field(default_factory=dict)
    heard: list[Asked] = field(default_factory=list)
    tokens: dict[str, AccessToken] = field(default_factory=dict)
    is_down: bool = False
    forgotten: list[str] = field(default_factory=list)

    async def forward(self, market: str, asked: Asked) -> Told:
        if self.is_down:
            raise Unavailable("upstream", "down")
        self.heard.append(asked)
        said = self.says[asked.endpoint](form_of(asked))
        status, body = said if isinstance(said, tuple) else (200, said)
        return Told(status, (("Content-Type", "application/json"),), json.dumps(body).encode() if body else b"")

    async def access_token(self, market: str, token: str) -> AccessToken | None:
        if self.is_down:
            raise Unavailable("upstream", "down")
        return self.tokens.get(token)

    async def revoked(self, market: str, token: str) -> None:
        self.forgotten.append(token)

    def last(self, endpoint: str) -> Asked:
        return [each for each in self.heard if each.endpoint == endpoint][-1]


def form_of(asked: Asked) -> dict[str, str]:
    return dict(parse_qsl(asked.body.decode(), strict_parsing=bool(asked.body)))


class EnrichedTypes(Types):
    """Accounts may be chosen by the customer, at the AS."""

    def enriches(self, market: str, type: str) -> tuple[str, ...]:
        return ("/accounts",) if type == "accounts" else ()


@dataclass
class FrontingBank(GrantingBank):
    """The same bank, its grants another server's."""

    upstream: FakeAs = field(default_factory=FakeAs)
    stands_behind: UpstreamServer = SERVER
    details: Any = field(default_factory=EnrichedTypes)

    @property
    def market(self) -> Market:
        return replace(super().market, upstream=self.stands_behind)

    @property
    def ports(self) -> Ports:
        return replace(super().ports, upstream=self.upstream)

    async def push(self, client_id: str = "client-1", **changes: Any) -> Pushed:
        arrival = self.form({**asked(client_id), "client_secret": SECRET, **changes})
        return await forwarded_push.push(arrival, self.market, self.ports, self.begin())

    async def send(self, **changes: Any) -> Onward | Redirect:
        """A customer's browser to the authorization endpoint, with a right request but for the changes."""
        parameters = {name: value for name, value in {**asked(), **changes}.items() if value is not None}
        arrival = Arrival("uk", (), None, b"", query=urlencode(parameters), method="GET")
        return await forwarded_authorise.begin(arrival, self.market, self.ports, self.begin())

    async def answer(self, shown: Certificate | None = None, **form: Any) -> dict[str, Any]:
        """What the token endpoint gives."""
        right = {"client_id": "client-1", "client_secret": SECRET}
        arrival = self.form({**right, **form}, shown)
        return dict(await forwarded_token.exchange(arrival, self.market, self.ports, self.begin()))

    async def by_code(self, shown: Certificate | None = None, **changes: Any) -> dict[str, Any]:
        right = {"grant_type": "authorization_code", "code": "c", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        return await self.answer(shown, **{**right, **changes})

    async def by_refresh(self, token: str, **changes: Any) -> dict[str, Any]:
        return await self.answer(**{"grant_type": "refresh_token", "refresh_token": token, **changes})

    async def by_own_right(self, shown: Certificate | None = None, **changes: Any) -> dict[str, Any]:
        return await self.answer(shown, **{"grant_type": "client_credentials", **changes})

    async def introspect(self, token: str, shown: Certificate | None = None, **changes: Any) -> dict[str, Any]:
        form = {"token": token, "client_id": "client-1", "client_secret": SECRET, **changes}
        arrival = self.form(form, shown)
        return await forwarded_introspect.introspect(arrival, self.market, self.ports, self.begin())

    async def revoke(self, token: str | None, **changes: Any) -> None:
        form = {"token": token, "client_id": "client-1", "client_secret": SECRET, **changes}
        await forwarded_revoke.revoke(self.form(form), self.market, self.ports, self.begin())

    def gives(self, answer: Answer | None = None, *, status: int = 200, **members: Any) -> None:
        """What the AS's token endpoint answers from now on: a right answer but for `members`, None leaves one out."""
        right: dict[str, Any] = {"access_token": "at-1", "token_type": "Bearer", "expires_in": 300}
        body = answer or {name: value for name, value in {**right, **members}.items() if value is not None}
        self.upstream.says["token_endpoint"] = lambda form: (status, body)

    def tells(self, **members: Any) -> None:
        """What its introspection endpoint answers from now on."""
        right = {"active": True, "client_id": "client-1", "scope": "accounts"}
        body = {name: value for name, value in {**right, **members}.items() if value is not None}
        self.upstream.says["introspection_endpoint"] = lambda form: body


def jwt(**claims: Any) -> str:
    """A token that anybody can read."""
    return ".".join(
        base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode()
        for each in ({"alg": "ES256"}, claims, 1)
    )


@asynccontextmanager
async def fronting_bank(folder: Path) -> AsyncIterator[FrontingBank]:
    """A bank with one client, and an AS that gives what is asked of it."""
    clock, path = Clock(), folder / "r.sqlite"
    async with SqliteRegistry.open(path, sealer=Sealer((bytes(32),)), clock=clock) as registry:
        bank = FrontingBank(registry, clock, path)
        await bank.add()
        numbers = count(1)
        bank.upstream.says["pushed_authorization_request_endpoint"] = lambda form: (
            201,
            {"request_uri": f"urn:ietf:params:oauth:request_uri:{next(numbers)}", "expires_in": 60},
        )
        bank.upstream.says["revocation_endpoint"] = lambda form: {}
        bank.gives()
        bank.tells()
        yield bank


def known_to(bank: FrontingBank, token: str, **changes: Any) -> None:
    """The AS says of a token what it is good for."""
    at = bank.clock.at
    made = AccessToken(token_hash(token), "uk", "client-1", ("accounts",), at, at + 300, None)
    bank.upstream.tokens[token] = replace(made, **changes)


FIRST = certificate()
