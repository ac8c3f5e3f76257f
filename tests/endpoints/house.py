"""The authorization endpoint on a real listener with a real store, and a bank whose clock and words a test sets."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import aiosqlite

from dcrgw.adapters.attempts import AttemptLimits, Attempts
from dcrgw.adapters.crowd import Crowd
from dcrgw.adapters.customers import Entry, FileCustomers
from dcrgw.adapters.passwords import Cost, hashed
from dcrgw.adapters.randomness import SystemRandomness
from dcrgw.adapters.sealer import Sealer
from dcrgw.adapters.signers import KeystoreSigner
from dcrgw.adapters.sqlite.registry import SqliteRegistry
from dcrgw.compliance.desk import Desk
from dcrgw.core.authorization.details import AuthorizationDetail, DetailFault, DetailText
from dcrgw.core.authorization.interaction import Customer
from dcrgw.core.authorization.server import AUTHORIZATION_CODE, AuthorizationServer
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.edge.limits import Limits
from dcrgw.edge.listeners import Listener
from dcrgw.endpoints.authorize import AuthorizeEndpoint, Bounds
from dcrgw.endpoints.pages import Pages
from dcrgw.endpoints.recent import Recent
from dcrgw.endpoints.routes import Dispatcher, MarketMap, Service
from dcrgw.ports import Ports
from dcrgw.ports.details import DetailContext
from dcrgw.ports.registry import AuditRecord, Change
from dcrgw.sandbox.serving import free_ports
from dcrgw.testkit.certificates import CertificateAuthority, new_key
from dcrgw.testkit.markets import market as plain_market
from dcrgw.testkit.person import Person, Seen

NOW = 1_800_000_000.0
CALLBACK = "https://tpp.example/cb"
MIA = ("mia", "correct horse")
#: The base64url of some SHA-256 digest.
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
#: Requests that wait for a sign-in.
MOST_WAITING = 20
_CHEAP = Cost(4, 8, 1)


@dataclass
class Clock:
    """Stands still until a test moves it."""

    at: float = NOW

    def now(self) -> float:
        return self.at


@dataclass
class Words:
    """A bank that takes every detail, and says of each what a test wants."""

    text: str = "Pay 10.00 GBP to Merchant A"

    def types(self, market: str) -> tuple[str, ...]:
        return ("payment",)

    async def judge(
        self, details: Sequence[AuthorizationDetail], context: DetailContext, ask: object
    ) -> tuple[DetailFault, ...]:
        return ()

    async def texts(
        self, details: Sequence[AuthorizationDetail], context: DetailContext, languages: tuple[str, ...], ask: object
    ) -> tuple[DetailText, ...]:
        notes = [detail.members.get("ui_representation") for detail in details]
        said = f"{self.text} [{' '.join(languages)}]"
        return tuple(
            DetailText(i, detail.type, said, note if isinstance(note, str) else None)
            for i, (detail, note) in enumerate(zip(details, notes, strict=True))
        )

    async def narrows(
        self, wanted: AuthorizationDetail, granted: AuthorizationDetail, context: DetailContext, ask: object
    ) -> bool:
        return False


@dataclass
class House:
    """What a test may look at and change."""

    issuer: str
    clock: Clock
    words: Words
    registry: SqliteRegistry
    path: Path
    recent: Recent
    tls: ssl.SSLContext
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def person(self, **options: Any) -> Person:
        """Somebody who trusts the bank's certificate."""
        return Person(self.tls, **options)

    def address(self, **changes: str | None) -> str:
        """The address of a right request but for `changes`; None leaves a parameter out."""
        plain = {
            "response_type": "code",
            "client_id": "client-1",
            "redirect_uri": CALLBACK,
            "scope": "openid payments",
            "state": "a state",
            "nonce": "n-1",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        asked = {name: value for name, value in {**plain, **changes}.items() if value is not None}
        return f"{self.issuer}/authorize?{urlencode(asked)}"

    async def count(self, table: str) -> int:
        """How many rows a table of the store has."""
        async with aiosqlite.connect(self.path) as store:
            ((found,),) = await store.execute_fetchall(f"SELECT count(*) FROM {table}")
        return int(found)

    async def signed_in(self, person: Person, **changes: str | None) -> Seen:
        """The consent page."""
        page = await person.open(self.address(**changes))
        assert page.status == 200, page.text
        return await person.submit(page, login=MIA[0], password=MIA[1])


def answer_of(seen: Seen) -> dict[str, str]:
    """The parameters that a client was answered with: those of the fragment where there is one."""
    assert seen.left_for is not None, seen.text
    assert seen.left_for.startswith(CALLBACK), seen.left_for
    parts = urlsplit(seen.left_for)
    return dict(parse_qsl(parts.fragment or parts.query))


@asynccontextmanager
async def house(folder: Path, *, claims: dict[str, Any] | None = None, **pages: Any) -> AsyncIterator[House]:
    """An open house, with one client of a TPP and one customer."""
    authority = CertificateAuthority.create("Bank CA")
    server = authority.issue_server("localhost")
    (folder / "server.pem").write_bytes(server.chain_pem + server.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    (port,) = free_ports(1)
    issuer = f"https://localhost:{port}/uk"
    offered = AuthorizationServer(grant_types=("client_credentials", AUTHORIZATION_CODE, "refresh_token"))
    market = replace(plain_market(), issuer=issuer, server=offered)
    clock, words, recent = Clock(), Words(), Recent()
    async with SqliteRegistry.open(folder / "r.sqlite", sealer=Sealer([bytes(range(32))]), clock=clock) as registry:
        await registry.commit(Change(audit=_audit(), client=_client(claims or {})))
        ports = Ports(
            clock, SystemRandomness(), None, None, None, registry,  # type: ignore[arg-type]
            grants=registry.grants, customers=FileCustomers([_mia()]), details=words,
            signer=KeystoreSigner(new_key(), "ES256"),
        )  # fmt: skip
        limits = AttemptLimits(of_account=3, of_network=6, window_s=600)
        endpoint = AuthorizeEndpoint(
            ports,
            recent,
            Pages("Example Bank", **{"is_sandbox": True, **pages}),
            Bounds(Attempts(limits), Crowd(MOST_WAITING)),
        )
        tls = ssl.create_default_context(cadata=authority.certificate_pem.decode())
        opened = House(issuer, clock, words, registry, folder / "r.sqlite", recent, tls)
        listener = Listener(
            "public",
            Dispatcher(MarketMap([(market.issuer, market)]), Service({"authorize": endpoint}), Desk(Recent())),
            host="localhost",
            port=port,
            limits=Limits(),
            ssl_context=context,
            on_event=lambda event, **fields: opened.events.append((event, fields)),
        )
        await listener.start()
        try:
            yield opened
        finally:
            await listener.close()
            await endpoint.close()


def _mia() -> Entry:
    return Entry(MIA[0], Customer("sub-mia", "Mia Example"), hashed(MIA[1], _CHEAP))


def _client(claims: dict[str, Any]) -> RegisteredClient:
    return RegisteredClient(
        client_id="client-1",
        client_id_issued_at=int(NOW),
        market="uk",
        metadata=ClientMetadata(
            {
                "redirect_uris": [CALLBACK],
                "client_name": "Your Own Bank",
                "scope": "openid accounts payments",
                "grant_types": ["authorization_code", "client_credentials"],
                "response_types": ["code", "code id_token"],
                "authorization_details_types": ["payment"],
            }
        ),
        software_id="software-1",
        org_id="org-1",
        directory="ob",
        software_statement="e30.e30.AAAA",
        statement_claims={"org_name": "Example TPP Ltd", "software_client_name": "Example Accounts", **claims},
        ssa_jti="ssa-jti",
        x5t_s256="thumb",
        subject_key="subject-1",
        request_digest="digest",
    )


def _audit() -> AuditRecord:
    return AuditRecord(
        report_id="r", interaction_id="i", at=NOW, operation="create", market="uk", decision="registered",
        author="gateway", client_id="client-1", findings=(), facts={},
    )  # fmt: skip
