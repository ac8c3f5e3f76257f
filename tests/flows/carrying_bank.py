"""A bank with its own authorization server: the real flows over the real store, and a server that fails at will."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fake_server import FakeServer
from small_bank import PLAIN, Bank, Keys, Numbered

from dcrgw.adapters.sealer import Sealer
from dcrgw.adapters.sqlite.registry import SqliteRegistry
from dcrgw.core.checks import Report
from dcrgw.core.market import Market
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.upstream.errand import Errand
from dcrgw.core.upstream.server import Gap, TokenSource, UpstreamServer
from dcrgw.flows.errands import carry, claim_s
from dcrgw.ports import Ports

KEY = bytes(range(32))


class Long(Numbered):
    """Tokens as long as real ones: what is shorter is looked for nowhere when a decision is kept."""

    def token(self) -> str:
        return f"token-{next(self.numbers):030d}"


@dataclass
class CarryingBank(Bank):
    """`small_bank.Bank` in front of an authorization server."""

    profile: str = PLAIN
    randomness: Numbered = field(default_factory=Long)
    store: SqliteRegistry = field(init=False)
    path: Path = field(init=False)
    server: FakeServer = field(default_factory=FakeServer)
    changes: dict[str, Any] = field(default_factory=dict)
    #: As it was before there was the server.
    is_alone: bool = False

    @property
    def upstream(self) -> UpstreamServer:
        plain = UpstreamServer(
            kind="oidc-provider",
            auth_methods=frozenset({"private_key_jwt", "tls_client_auth", "client_secret_basic"}),
            gap=Gap.BRIDGE,
            takes_client_id=self.server.takes_client_id,
            finds_clients=self.server.finds_clients,
            url="https://as.example",
            pages=(),
            token_source=TokenSource.INTROSPECTION,
        )
        return replace(plain, **self.changes)

    @property
    def market(self) -> Market:
        return replace(super().market, upstream=None if self.is_alone else self.upstream)

    @property
    def ports(self) -> Ports:
        return Ports(
            self.clock,
            self.randomness,
            Keys(),
            self.directory,
            self.scripts,
            self.store,
            upstream=self.server,
            errands=self.store.errands,
        )

    async def again(self) -> RegisteredClient | None:
        """The outbox's next attempt at the one open errand, once it is due."""
        errand = await self.errand()
        assert errand is not None
        self.clock.at = max(self.clock.at, errand.due_at, errand.claimed_until) + 0.001
        claimed = await self.store.errands.claim(errand.key, claim_s(self.upstream))
        assert claimed is not None
        self.report = Report(errand.report_id, "gateway", errand.act.value, "uk", self.clock.at, author="gateway")
        return await carry(claimed, self.market, self.ports, self.report)

    async def errand(self) -> Errand | None:
        """The one open errand."""
        opened = await self.store.errands.opened()
        assert len(opened) <= 1
        return opened[0] if opened else None

    async def present(self, client_id: str) -> RegisteredClient | None:
        """The client as stored."""
        return await self.store.client("uk", client_id)

    def count(self, table: str) -> int:
        """Rows of a table."""
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as db:
            return db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]

    @property
    def nothing_left(self) -> bool:
        """No client, digest, jti or errand."""
        return not any(map(self.count, ("clients", "requests", "client_texts", "used_tokens", "errands")))


@asynccontextmanager
async def carrying_bank(path: Path, **wish: Any) -> AsyncIterator[CarryingBank]:
    """A bank with a fresh registry."""
    bank = CarryingBank(**wish)
    bank.path = path
    async with SqliteRegistry.open(path, sealer=Sealer([KEY]), clock=bank.clock) as bank.store:
        yield bank
