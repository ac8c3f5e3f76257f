"""A bank in memory: the real flows over fakes behind every port, a clock that stands and a race at will."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import count
from typing import Any

from dcrgw.core.authorization.tokens import AccessToken, token_hash
from dcrgw.core.certificates.path import TrustAnchors
from dcrgw.core.checks import Report, Verdict
from dcrgw.core.evidence import Arrival
from dcrgw.core.jose import base64url
from dcrgw.core.jose.keys import KeySet, key_set
from dcrgw.core.market import Market
from dcrgw.core.registration.authorities import Authorisation
from dcrgw.core.registration.client import ClientStatus, RegisteredClient
from dcrgw.core.registration.standing import Standing
from dcrgw.core.strict_json import JsonValue
from dcrgw.errors import Rejected, Unavailable
from dcrgw.flows.answering import Answered
from dcrgw.flows.create import create
from dcrgw.flows.delete import delete
from dcrgw.flows.read import read
from dcrgw.flows.update import update
from dcrgw.ports import Ports
from dcrgw.ports.registry import Change, Committed, CommitVerdict
from dcrgw.ports.scripts import (
    Capability,
    ClientCall,
    IntrospectionCall,
    IntrospectionOutcome,
    KeysCall,
    Occasion,
    ScriptCall,
    ScriptOutcome,
)
from dcrgw.testkit import markets, statements
from dcrgw.testkit.certificates import CertificateAuthority, Issued
from dcrgw.testkit.keys import SigningKey, jwks
from dcrgw.testkit.statements import NOW, ORG_ID, SOFTWARE_ID

UK, PLAIN = "obuk-3.2", "rfc7591"
PROFILES = (UK, "obuk-3.3", "obuk-3.4", PLAIN)
DIRECTORY_KEY = SigningKey.generate("dir-1", "ES256")
SOFTWARE_KEY = SigningKey.generate("sig-1", "ES256")
AUTHORITY = CertificateAuthority.create("Root", at=NOW)


@cache
def certificate(name: str = "first", software_id: str = SOFTWARE_ID, org_id: str = ORG_ID, **wish: Any) -> Issued:
    """A certificate of the TPP; another `name` is a renewal."""
    return AUTHORITY.issue(software_id=software_id, org_id=org_id, key_type="p256", **wish)


@dataclass
class Memory:
    """A registry of dicts. It keeps the contract of `ports.registry` as far as these tests need it."""

    clients: dict[tuple[str, str], RegisteredClient] = field(default_factory=dict)
    tokens: dict[str, AccessToken] = field(default_factory=dict)
    used: dict[tuple[str, str, str], str] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    is_down: bool = False

    async def commit(self, change: Change) -> Committed:
        if self.is_down:
            raise Unavailable("registry", "down")
        client = change.client
        if client is not None:
            key = (client.market, client.client_id)
            for token in change.used:
                if self.used.setdefault((token.kind, token.issuer, token.jti), client.request_digest) != (
                    client.request_digest
                ):
                    return Committed(CommitVerdict.TOKEN_USED)
            present = self.clients.get(key)
            if change.replaces is not None and (
                present is None or present.status is ClientStatus.DELETED or present.version != change.replaces
            ):
                return Committed(CommitVerdict.CONFLICT)
            self.clients[key] = client
        if change.ends_token is not None:
            self.tokens.pop(change.ends_token, None)
        if change.ends_tokens_of is not None:
            self.tokens = {h: t for h, t in self.tokens.items() if (t.market, t.client_id) != change.ends_tokens_of}
        self.changes.append(change)
        return Committed(CommitVerdict.STORED, client)

    async def repeated(self, market: str, request_digest: str, subject_key: str) -> RegisteredClient | None:
        return next((c for c in self.clients.values() if c.request_digest == request_digest), None)

    async def client(self, market: str, client_id: str) -> RegisteredClient | None:
        return self.clients.get((market, client_id))

    async def access_token(self, hash: str) -> AccessToken | None:
        return self.tokens.get(hash)


@dataclass
class Clock:
    at: float = NOW + 1

    def now(self) -> float:
        return self.at


@dataclass
class Numbered:
    """Randomness that counts."""

    numbers: Any = field(default_factory=lambda: count(1))

    def client_id(self) -> str:
        return f"client-{next(self.numbers)}"

    def client_secret(self) -> str:
        return f"secret-{next(self.numbers)}-0123456789abcdef0123"

    def token(self) -> str:
        return f"token-{next(self.numbers)}"

    def report_id(self) -> str:
        return f"report-{next(self.numbers)}"


class Keys:
    async def of_directory(self, directory: str, kid: str) -> KeySet:
        return key_set(jwks(DIRECTORY_KEY))

    async def of_software(self, directory: str, url: str, kid: str) -> KeySet:
        return key_set(jwks(SOFTWARE_KEY))

    async def of_revoked(self, directory: str, url: str) -> KeySet:
        raise AssertionError("not configured")


@dataclass
class Directory:
    changes: dict[str, Any] = field(default_factory=dict)

    async def standing(self, directory: str, software_id: str, org_id: str | None) -> Standing:
        good = Standing(
            found=True,
            org_id=org_id,
            software_id=software_id,
            organisation_active=True,
            software_active=True,
            software_roles=frozenset({"AISP", "PISP"}),
            authorisations=(Authorisation("GB", frozenset({"AISP", "PISP"})),),
            observed_at=NOW,
            source="https://localhost:9443/scim",
        )
        return replace(good, **self.changes)

    async def own_standing(self, directory: str) -> Standing:
        raise AssertionError("not configured")


async def nothing() -> None:
    """What happens meanwhile, mostly."""


@dataclass
class Scripts:
    """The last stage before the commit: `meanwhile` is where another request overtakes."""

    meanwhile: Callable[[], Awaitable[Any]] = nothing
    calls: list[tuple[str, ScriptCall]] = field(default_factory=list)
    outcome: Callable[[ScriptCall], dict[str, Any]] = lambda call: {}
    answer: Callable[[dict[str, JsonValue]], dict[str, JsonValue]] | None = None
    vouches: bool | None = None
    vouched: list[ClientCall] = field(default_factory=list)
    served_keys: dict[tuple[str, bool], str] = field(default_factory=dict)
    asked_keys: list[KeysCall] = field(default_factory=list)
    generated: str | None = None
    introspect: Callable[[dict[str, JsonValue]], dict[str, JsonValue]] | None = None

    async def create_client(self, call: ScriptCall, ask: Capability) -> ScriptOutcome:
        return await self._run("createClient", call)

    async def update_client(self, call: ScriptCall, ask: Capability) -> ScriptOutcome:
        return await self._run("updateClient", call)

    async def modify_response(
        self, call: ClientCall, response: Mapping[str, JsonValue], ask: Capability
    ) -> Mapping[str, JsonValue] | None:
        return self.answer(dict(response)) if self.answer else None

    async def is_certificate_valid(self, call: ClientCall, ask: Capability) -> bool | None:
        self.vouched.append(call)
        return self.vouches

    async def keys(self, call: KeysCall, ask: Capability) -> str | None:
        self.asked_keys.append(call)
        return self.served_keys.get((call.of, call.is_shared))

    async def generate_id(self, occasion: Occasion, id_type: str, prefix: str = "") -> str | None:
        return self.generated

    async def modify_introspection(self, call: IntrospectionCall) -> IntrospectionOutcome:
        made = self.introspect(dict(call.response)) if self.introspect else None
        if made is None:
            return IntrospectionOutcome(call.response, call.response)
        return IntrospectionOutcome(made, made, ("enricher",))

    async def _run(self, method: str, call: ScriptCall) -> ScriptOutcome:
        self.calls.append((method, call))
        first, self.meanwhile = self.meanwhile, nothing
        await first()
        made = ScriptOutcome(call.metadata, call.client_id, False, call.attributes, ran=("bank",))
        return replace(made, **self.outcome(call))


@dataclass
class Bank:
    """One market with its flows; `report` is the last decision's."""

    profile: str = UK
    policy: dict[str, Any] = field(default_factory=dict)
    registry: Memory = field(default_factory=Memory)
    clock: Clock = field(default_factory=Clock)
    randomness: Numbered = field(default_factory=Numbered)
    directory: Directory = field(default_factory=Directory)
    scripts: Scripts = field(default_factory=Scripts)
    report: Report = field(init=False)
    answered: Answered = field(init=False)

    @property
    def market(self) -> Market:
        profile = markets.profile(self.profile).with_policy(self.policy)
        return markets.market(self.profile, profile=profile, anchors=TrustAnchors((AUTHORITY.certificate,)))

    @property
    def ports(self) -> Ports:
        return Ports(self.clock, self.randomness, Keys(), self.directory, self.scripts, self.registry)

    @property
    def is_plain(self) -> bool:
        return self.profile == PLAIN

    def statement(self, **changes: Any) -> str:
        claims = statements.rfc7591_statement_claims if self.is_plain else statements.statement_claims
        return DIRECTORY_KEY.sign(claims(**changes))

    def body(self, statement: str | None = None, **changes: Any) -> bytes:
        """A right request but for `changes`; every one of another jti."""
        if self.is_plain:
            return json.dumps(statements.rfc7591_request_claims(statement, **changes)).encode()
        jti = {"jti": statements.fresh_jti(str(next(self.randomness.numbers))), "application_type": "web"}
        claims = statements.request_claims(statement or self.statement(), at=self.clock.at, **{**jti, **changes})
        return SOFTWARE_KEY.sign(claims).encode()

    async def register(self, body: bytes | None = None) -> tuple[RegisteredClient, str]:
        """A client and a token by which it may manage itself."""
        arrival = self._arrival(body or self.body(), certificate())
        self.answered = await create(arrival, self.market, self.ports, self._begin())
        client = self.answered.client
        if self.is_plain:
            return client, client.secrets["registration_access_token"]
        return client, self.token(client.client_id)

    def token(self, client_id: str, shown: Issued | None = None, **changes: Any) -> str:
        """An access token of a client, bound to a certificate."""
        token = self.randomness.token()
        x5t = thumbprint(shown or certificate())
        made = AccessToken(token_hash(token), "uk", client_id, (), self.clock.at, self.clock.at + 300, x5t)
        self.registry.tokens[made.hash] = replace(made, **changes)
        return token

    async def get(self, client_id: str, token: str, shown: Issued | None = None, **changes: Any) -> RegisteredClient:
        arrival = self._call("GET", client_id, token, shown, **changes)
        self.answered = await read(arrival, self.market, self.ports, self._begin())
        return self.answered.client

    async def put(
        self, client_id: str, token: str, body: bytes | None = None, shown: Issued | None = None, **changes: Any
    ) -> RegisteredClient:
        arrival = self._call("PUT", client_id, token, shown, **changes)
        sent = body if body is not None else self.body(**({"client_id": client_id} if self.is_plain else {}))

        async def receive() -> bytes:
            return sent

        self.answered = await update(arrival, receive, self.market, self.ports, self._begin())
        return self.answered.client

    async def delete(self, client_id: str, token: str, shown: Issued | None = None, **changes: Any) -> None:
        arrival = self._call("DELETE", client_id, token, shown, **changes)
        await delete(arrival, self.market, self.ports, self._begin())

    def stored(self, client_id: str) -> RegisteredClient:
        return self.registry.clients["uk", client_id]

    @property
    def failed(self) -> list[str]:
        return [f.check.id for f in self.report.findings if f.verdict is Verdict.FAILED]

    def _call(self, verb: str, client_id: str, token: str, shown: Issued | None, **changes: Any) -> Arrival:
        arrival = self._arrival(b"", shown)
        asked = {"method": verb, "client_id": client_id, "authorization": (f"Bearer {token}",)}
        return replace(arrival, **{**asked, **changes})

    def _arrival(self, body: bytes, shown: Issued | None = None) -> Arrival:
        media_type = "application/json" if self.is_plain else "application/jose"
        return Arrival("uk", (shown or certificate()).chain_der, media_type, body)

    def _begin(self) -> Report:
        self.report = Report(self.randomness.report_id(), "interaction", "test", "uk", self.clock.at)
        return self.report


def thumbprint(shown: Issued) -> str:
    """x5t#S256."""
    return base64url.encode(hashlib.sha256(shown.der).digest())


def only(rejected: Rejected) -> tuple[str, int, str]:
    """A refusal's first fault: check, status, code."""
    fault = rejected.faults[0]
    return fault.check, fault.status, fault.code.value
