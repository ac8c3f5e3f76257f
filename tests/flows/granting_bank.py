"""A bank that grants: the real flows over the real store, with a clock that stands and types of details of its own."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import aiosqlite
from small_bank import AUTHORITY, SOFTWARE_KEY, Clock, Directory, Keys, Numbered, Scripts, certificate

from dcrgw.adapters.sealer import Sealer
from dcrgw.adapters.signers import KeystoreSigner
from dcrgw.adapters.sqlite.registry import SqliteRegistry
from dcrgw.core.authorization.details import AuthorizationDetail, DetailFault, DetailText
from dcrgw.core.authorization.form import MEDIA_TYPE
from dcrgw.core.authorization.grants import challenge
from dcrgw.core.authorization.interaction import Customer, Decision
from dcrgw.core.authorization.server import AuthorizationServer
from dcrgw.core.certificates.path import TrustAnchors
from dcrgw.core.checks import Report, Verdict
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.flows import authorise, interacting
from dcrgw.flows.decide import decide, word
from dcrgw.flows.exchange import Issued, exchange
from dcrgw.flows.interacting import Asking, Redirect
from dcrgw.flows.introspect import introspect
from dcrgw.flows.push import Pushed, push
from dcrgw.flows.revoke import revoke
from dcrgw.ports import Ports
from dcrgw.ports.details import DetailContext
from dcrgw.ports.registry import AuditRecord, Change
from dcrgw.testkit import markets
from dcrgw.testkit.certificates import Issued as Certificate
from dcrgw.testkit.keys import SigningKey
from dcrgw.testkit.statements import NOW, ORG_ID, SOFTWARE_ID

SECRET = "a-secret-of-thirty-six-characters-ok"
CALLBACK = "https://tpp.example/cb"
VERIFIER = "v" * 43
ALL_GRANTS = ("client_credentials", "authorization_code", "refresh_token")
OUR_KEY = SigningKey.generate("bank-1", "ES256")
MARY = ("mary", "a-good-password")
PAYMENT = {"type": "payment", "amount": 50, "currency": "GBP"}
ACCOUNTS = {"type": "accounts", "actions": ["read"]}


class Types:
    """Two types: a payment, of which less is less, and accounts, of which nothing is."""

    def types(self, market: str) -> tuple[str, ...]:
        return ("payment", "accounts")

    async def judge(
        self, details: Sequence[AuthorizationDetail], context: DetailContext, ask: Any
    ) -> tuple[DetailFault, ...]:
        return tuple(
            DetailFault(i, f"/{i}/amount", "must be more than nothing")
            for i, each in enumerate(details)
            if each.type == "payment" and not _amount(each) > 0
        )

    async def texts(
        self, details: Sequence[AuthorizationDetail], context: DetailContext, languages: tuple[str, ...], ask: Any
    ) -> tuple[DetailText, ...]:
        return tuple(DetailText(i, each.type, f"{each.type} of {_amount(each)}") for i, each in enumerate(details))

    async def narrows(
        self, wanted: AuthorizationDetail, granted: AuthorizationDetail, context: DetailContext, ask: Any
    ) -> bool:
        return wanted.type == "payment" and _amount(wanted) <= _amount(granted)


def _amount(detail: AuthorizationDetail) -> int:
    amount = detail.members.get("amount")
    return amount if isinstance(amount, int) else 0


class People:
    async def authenticate(self, market: str, login: str, password: str) -> Customer | None:
        return Customer("sub-of-mary", "Mary") if (login, password) == MARY else None


def client(client_id: str = "client-1", **members: Any) -> RegisteredClient:
    """A client that may do all; `members` changes its metadata, None leaves one out."""
    right = {
        "token_endpoint_auth_method": "client_secret_post",
        "grant_types": list(ALL_GRANTS),
        "response_types": ["code"],
        "redirect_uris": [CALLBACK, "https://tpp.example/cb?fixed=1"],
        "scope": "openid accounts payments",
        "authorization_details_types": ["payment", "accounts"],
        "request_object_signing_alg": "ES256",
        "jwks_uri": "https://localhost:9443/keys.jwks",
    }
    return RegisteredClient(
        client_id=client_id,
        client_id_issued_at=NOW,
        market="uk",
        metadata=ClientMetadata({name: value for name, value in {**right, **members}.items() if value is not None}),
        software_id=SOFTWARE_ID,
        org_id=ORG_ID,
        directory="primary",
        software_statement="e30.e30.AAAA",
        statement_claims={},
        ssa_jti=None,
        x5t_s256="A" * 43,
        subject_key="subject",
        request_digest=f"digest of {client_id}",
        secrets={"client_secret": SECRET},
    )


@dataclass
class GrantingBank:
    """One market; `report` is the last decision's."""

    registry: SqliteRegistry
    clock: Clock
    path: Path
    server: AuthorizationServer = AuthorizationServer(grant_types=ALL_GRANTS)  # noqa: RUF009 - frozen
    randomness: Numbered = field(default_factory=Numbered)
    details: Any = field(default_factory=Types)
    scripts: Scripts = field(default_factory=Scripts)
    report: Report = field(init=False)

    @property
    def market(self) -> Market:
        return markets.market(
            anchors=TrustAnchors((AUTHORITY.certificate,)),
            auth_methods=("client_secret_post", "private_key_jwt", "tls_client_auth"),
            server=self.server,
        )

    @property
    def ports(self) -> Ports:
        return Ports(
            self.clock,
            self.randomness,
            Keys(),
            Directory(),
            self.scripts,
            self.registry,
            self.registry.grants,
            People(),
            self.details,
            KeystoreSigner(OUR_KEY.private_key, OUR_KEY.alg),
        )

    def offers(self, **changes: Any) -> None:
        """Change what the market offers."""
        self.server = replace(self.server, **changes)

    async def add(self, client_id: str = "client-1", **members: Any) -> RegisteredClient:
        added = client(client_id, **members)
        await self.registry.commit(Change(_record(), client=added))
        return added

    async def change(self, known: RegisteredClient, **changes: Any) -> RegisteredClient:
        changed = replace(known, version=known.version + 1, **changes)
        await self.registry.commit(Change(_record(), client=changed, replaces=known.version))
        return changed

    async def push(self, client_id: str = "client-1", **changes: Any) -> Pushed:
        arrival = self.form({**asked(client_id), "client_secret": SECRET, **changes})
        return await push(arrival, self.market, self.ports, self.begin())

    async def authorize(self, **parameters: Any) -> Asking | Redirect:
        query = urlencode({name: value for name, value in parameters.items() if value is not None})
        arrival = Arrival("uk", (), None, b"", query=query, method="GET")
        return await authorise.begin(arrival, self.market, self.ports, self.begin())

    async def ask(self, **changes: Any) -> Asking:
        """A right request but for the changes, as plain parameters."""
        asking = await self.authorize(**{**asked(), **changes})
        assert isinstance(asking, Asking), asking.url
        return asking

    async def sign_in(self, asking: Asking, login: str = MARY[0], password: str = MARY[1]) -> Asking:
        assert asking.ticket is not None
        return await interacting.sign_in(asking.ticket, login, password, self.market, self.ports, self.begin())

    async def decide(self, asking: Asking, decision: Decision = Decision.APPROVE) -> dict[str, str]:
        """The answer's parameters."""
        redirect = await self.redirected(asking, decision)
        assert redirect.url.startswith(asking.interaction.request.redirect_uri)
        return parameters_of(redirect)

    async def redirected(self, asking: Asking, decision: Decision = Decision.APPROVE) -> Redirect:
        """Where the browser goes after a decision."""
        assert asking.ticket is not None
        said = word(asking.ticket, decision, self.market)
        return await decide(said, self.market, self.ports, self.begin())

    async def code(self, **changes: Any) -> str:
        """The code of a request that Mary approved."""
        answer = await self.decide(await self.sign_in(await self.ask(**changes)))
        return answer["code"]

    async def token(self, shown: Certificate | None = None, **form: Any) -> Issued:
        """What the token endpoint gives for a form; None leaves a member out."""
        right = {"client_id": "client-1", "client_secret": SECRET}
        return await exchange(self.form({**right, **form}, shown), self.market, self.ports, self.begin())

    async def redeem(self, code: str, **changes: Any) -> Issued:
        right = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        return await self.token(**{**right, **changes})

    async def refresh(self, token: str | None, **changes: Any) -> Issued:
        return await self.token(**{"grant_type": "refresh_token", "refresh_token": token, **changes})

    async def introspect(self, token: str, shown: Certificate | None = None, **changes: Any) -> dict[str, Any]:
        form = {"token": token, "client_id": "client-1", "client_secret": SECRET, **changes}
        return await introspect(self.form(form, shown), self.market, self.ports, self.begin())

    async def revoke(self, token: str | None, **changes: Any) -> None:
        form = {"token": token, "client_id": "client-1", "client_secret": SECRET, **changes}
        await revoke(self.form(form), self.market, self.ports, self.begin())

    def form(self, form: Mapping[str, Any], shown: Certificate | None = None) -> Arrival:
        body = urlencode({name: value for name, value in form.items() if value is not None}).encode()
        return Arrival("uk", (shown or certificate()).chain_der, MEDIA_TYPE, body)

    async def rows(self, sql: str) -> list[dict[str, Any]]:
        """What is in the store."""
        async with aiosqlite.connect(self.path) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in await connection.execute_fetchall(sql)]

    @property
    def failed(self) -> list[str]:
        return [f.check.id for f in self.report.findings if f.verdict is Verdict.FAILED]

    def begin(self) -> Report:
        self.report = Report(self.randomness.report_id(), "interaction", "test", "uk", self.clock.at)
        return self.report

    def signed(self, *, key: SigningKey = SOFTWARE_KEY, header: Any = None, **changes: Any) -> str:
        """A right request object but for the changes; None leaves a claim out."""
        at = self.clock.at
        right = {
            **asked(),
            "iss": "client-1",
            "aud": self.market.issuer,
            "nbf": at,
            "exp": at + 300,
            "jti": f"jti-{next(self.randomness.numbers)}",
        }
        claims = {name: value for name, value in {**right, **changes}.items() if value is not None}
        return key.sign(claims, header={"typ": "oauth-authz-req+jwt", **(header or {})})


def asked(client_id: str = "client-1") -> dict[str, Any]:
    """The parameters of a right authorization request."""
    return {
        "client_id": client_id,
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": "openid accounts",
        "state": "st",
        "nonce": "no",
        "code_challenge": challenge(VERIFIER),
        "code_challenge_method": "S256",
    }


def details(*each: Mapping[str, Any]) -> str:
    return json.dumps(list(each))


def parameters_of(redirect: Redirect) -> dict[str, str]:
    """Those of the fragment where there is one, else of the query."""
    parts = urlsplit(redirect.url)
    return dict(parse_qsl(parts.fragment or parts.query, strict_parsing=True))


@asynccontextmanager
async def granting_bank(folder: Path) -> AsyncIterator[GrantingBank]:
    """A bank with one client."""
    clock = Clock()
    path = folder / "r.sqlite"
    async with SqliteRegistry.open(path, sealer=Sealer((bytes(32),)), clock=clock) as registry:
        bank = GrantingBank(registry, clock, path)
        await bank.add()
        yield bank


def _record() -> AuditRecord:
    return AuditRecord("report", "interaction", NOW, "create", "uk", "registered", "tpp")
