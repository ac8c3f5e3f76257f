"""A whole town on loopback: the sandbox's directory, the real gateway, and TPPs that knock at it.

Nothing is faked: TLS, key sets, tokens, SCIM, SQLite and scripts are those of `dcrgw sandbox`.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

import aiohttp

from dcrgw import app
from dcrgw.config.loading import load
from dcrgw.config.model import Settings
from dcrgw.core.jose import base64url
from dcrgw.sandbox import reports
from dcrgw.sandbox.gateway_config import SCRIPTS
from dcrgw.sandbox.session import Ports, Session, session
from dcrgw.sandbox.upstream import Program
from dcrgw.testkit.statements import Change, changed, request_claims, rfc7591_request_claims

UK = "uk-3.2"
MARKETS = ("uk-3.2", "uk-3.3", "uk-3.4", "generic")


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def checks(self) -> list[str]:
        """The ids of the failing checks that the answer names."""
        return [each["check"] for each in self.body.get("errors", [])]


@dataclass
class Town:
    """A running sandbox with its gateway.

    Before each start `edit` may change the configuration's text, and `adjust` what no sandbox's text may say.
    """

    session: Session
    edit: Callable[[str], str] = lambda text: text
    adjust: Callable[[Settings], Settings] = lambda settings: settings
    gateway: app.Gateway | None = None
    #: Whether the bank runs the sandbox's example scripts.
    has_scripts: bool = False
    #: The configuration as the sandbox wrote it.
    plain: str = ""
    #: How far the gateway's clock of what was fetched is ahead: caches age without anybody waiting.
    ahead_s: float = 0.0
    #: Where that clock stands, if it stands still: then nothing ages however long a test takes.
    stands_at: float | None = None
    #: By the client certificate and key that they show; None is the plain one for the management API.
    sessions: dict[tuple[Path, Path] | None, aiohttp.ClientSession] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where the sandbox wrote its files."""
        return self.session.folder.path

    def index(self, market: str = UK, tpp: str | None = None) -> dict[str, Any]:
        """sandbox.json's object for a market and a TPP: None is the default one, or obwac, revoked."""
        chosen = next(each for each in self.session.index["markets"] if each["market"] == market)
        if tpp is None:
            return chosen
        where = ("market", "profile", "well_known", "issuer", "registration_endpoint", "token_endpoint")
        return {**self.session.index["more"][tpp], **{name: chosen[name] for name in where}}

    async def start(self) -> None:
        """Start the gateway, or start it anew from the same registry."""
        await self.stop()
        config = self.session.config
        whole = self.plain or config.read_text()
        self.plain = whole if self.has_scripts else whole.removesuffix(SCRIPTS)
        config.write_text(self.edit(self.plain))

        def read() -> Settings:
            return self.adjust(load(config))

        self.gateway = await app.start(read(), monotonic=self._monotonic, read=read)

    def _monotonic(self) -> float:
        return (time.monotonic() if self.stands_at is None else self.stands_at) + self.ahead_s

    async def stop(self) -> None:
        """Stop the gateway and the TPPs' connections; the directory stays."""
        for each in self.sessions.values():
            await each.close()
        self.sessions.clear()
        if self.gateway is not None:
            gateway, self.gateway = self.gateway, None
            await gateway.stop()

    async def manage(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """One call of the directory's management API."""
        url = self.session.endpoints.management + path
        async with self._http(None).request(method, url, json=body or None) as answer:
            text = await answer.text()
            assert answer.status < 300, text
            return json.loads(text) if text else {}

    async def break_down(self, endpoint: str, mode: str, **more: Any) -> None:
        """Make an endpoint of the directory misbehave; `none` mends it."""
        await self.manage("PUT", f"/faults/{endpoint}", mode=mode, **more)

    async def statement(self, market: str = UK, **claims: Any) -> str:
        """A fresh statement of the default TPP, by the management API; None leaves a claim out."""
        return await self.mint(market, claims=claims)

    async def mint(self, market: str = UK, **order: Any) -> str:
        """A statement of the management API as ordered; bytes among the order go as base64url."""
        sent = {name: base64url.encode(value) if isinstance(value, bytes) else value for name, value in order.items()}
        return (await self.manage("POST", "/statements", market=market, **sent))["statement"]

    async def asked(self) -> list[str]:
        """The endpoints of the directory that were asked so far, oldest first."""
        return [each["endpoint"] for each in (await self.manage("GET", "/requests"))["requests"]]

    async def times_asked(self, endpoint: str) -> int:
        """How often the directory was asked at an endpoint since its start or its last reset."""
        return (await self.asked()).count(endpoint)

    async def until_asked(self, endpoint: str, times: int) -> None:
        """Wait until the directory was asked so often."""
        async with asyncio.timeout(60):
            while await self.times_asked(endpoint) < times:  # noqa: ASYNC110 - it is told over HTTP alone
                await asyncio.sleep(0.01)

    def claims(
        self, statement: str | None, market: str = UK, tpp: str | None = None, **changes: Change
    ) -> dict[str, Any]:
        """The claims of a right request but for `changes`."""
        index = self.index(market, tpp)
        at = int(time.time())
        if market == "generic":
            return changed(rfc7591_request_claims(statement, redirect_uris=index["redirect_uris"]), changes)
        claims = request_claims(
            statement,
            at=at,
            software_id=index["software_id"],
            org_id=index["org_id"],
            audience=index["request_audience"],
            jti=str(uuid4()),
            tls_client_auth_subject_dn=index["transport_subject_dn"],
        )
        return changed(claims, changes)

    def key(self, tpp: str | None = None):
        """The signing key of a TPP's software."""
        parties = self.session.parties
        return {None: parties.default, "obwac": parties.obwac, "revoked": parties.revoked}[tpp].software.keys.current

    async def body(self, market: str = UK, tpp: str | None = None, **changes: Change) -> bytes:
        """A right registration request of a TPP but for `changes`, as bytes."""
        statement = (self.folder / self.index(market, tpp)["software_statement"]).read_text().strip()
        claims = self.claims(statement, market, tpp, **changes)
        return json.dumps(claims).encode() if market == "generic" else self.key(tpp).sign(claims).encode()

    async def post(
        self,
        body: bytes,
        market: str = UK,
        tpp: str | None = None,
        *,
        media_type: str | None = None,
        pair: tuple[Path, Path] | None = None,
        headers: dict[str, str] | None = None,
        url: str | None = None,
        method: str = "POST",
    ) -> Reply:
        """Knock at /register. `pair` is another client certificate and key than the TPP's own."""
        index = self.index(market, tpp)
        shown = pair or (self.folder / index["transport_cert"], self.folder / index["transport_key"])
        sent = {"Content-Type": media_type or ("application/json" if market == "generic" else "application/jose")}
        http = self._http(shown)
        async with http.request(
            method, url or index["registration_endpoint"], data=body, headers={**sent, **(headers or {})}
        ) as answer:
            raw = await answer.read()
            return Reply(answer.status, dict(answer.headers), json.loads(raw) if raw else {})

    async def certificate(self, name: str, **wish: Any) -> tuple[Path, Path]:
        """A certificate of the management API as files, ready for `post(pair=…)`."""
        made = await self.manage("POST", "/certificates", **wish)
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_text(made["certificate"] + "".join(made["chain"]))
        key.write_text(made["key"])
        return certificate, key

    def clients(self) -> int:
        """How many clients the registry holds."""
        return self._count("clients")

    def used(self) -> int:
        """How many jtis are used up."""
        return self._count("used_tokens")

    def _count(self, table: str) -> int:
        with closing(sqlite3.connect(f"file:{self.folder}/bank/registry.sqlite?mode=ro", uri=True)) as db:
            return db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]

    def _http(self, pair: tuple[Path, Path] | None) -> aiohttp.ClientSession:
        if pair is None and pair not in self.sessions:
            self.sessions[pair] = aiohttp.ClientSession()
        elif pair is not None and pair not in self.sessions:
            tls = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
            tls.load_cert_chain(*pair)
            self.sessions[pair] = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls))
        return self.sessions[pair]


def own_of(module: ModuleType) -> dict[str, Any]:
    """What a test file says of its own town."""
    return {name: getattr(module, name) for name in ("edit", "adjust", "has_scripts") if hasattr(module, name)}


@asynccontextmanager
async def running(
    path: Path,
    edit: Callable[[str], str] = lambda text: text,
    adjust: Callable[[Settings], Settings] = lambda settings: settings,
    *,
    has_scripts: bool = False,
    behind: Program | None = None,
) -> AsyncIterator[Town]:
    """A town in a folder, with an authorization server behind its gateway where one is given; gone at the end."""
    towns: list[Town] = []

    def found(wanted: str) -> Any:
        return reports.find(towns[0].gateway.reports, wanted) if towns and towns[0].gateway else None

    async with session(path, Ports(), found, behind) as opened, AsyncExitStack() as stack:
        if opened.upstream is not None:
            await stack.enter_async_context(opened.upstream.running())
        town = Town(opened, edit, adjust, has_scripts=has_scripts)
        towns.append(town)
        await town.start()
        opened.publish()
        try:
            yield town
        finally:
            await town.stop()
