"""Values for the registry's tests: each test states only what differs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dcrgw.adapters.sealer import Sealer
from dcrgw.adapters.sqlite.registry import SqliteRegistry
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.ports.registry import AuditRecord, Change, UsedToken

KEY = bytes(range(32))
NOW = 1_800_000_000.0


@dataclass
class FakeClock:
    at: float = NOW

    def now(self) -> float:
        return self.at


@asynccontextmanager
async def registry(path: Path, *, keys: tuple[bytes, ...] = (KEY,), **options: Any) -> AsyncIterator[SqliteRegistry]:
    options.setdefault("clock", FakeClock())
    async with SqliteRegistry.open(path, sealer=Sealer(keys), **options) as opened:
        yield opened


def client(client_id: str = "client-1", **changes: Any) -> RegisteredClient:
    plain = RegisteredClient(
        client_id=client_id,
        client_id_issued_at=int(NOW),
        market="uk",
        metadata=ClientMetadata({"redirect_uris": ["https://tpp.example/cb"], "client_name": "Zoë 💷"}),
        software_id="software-1",
        org_id="org-1",
        directory="ob",
        software_statement="e30.e30.AAAA",
        statement_claims={"software_id": "software-1", "iat": 1.5, "nested": {"a": [1, None, True]}},
        ssa_jti="ssa-jti",
        x5t_s256="thumb",
        subject_key="subject-1",
        request_digest=f"digest-of-{client_id}",
        attributes={"trusted": True},
        secrets={},
    )
    return replace(plain, **changes)


def audit(**changes: Any) -> AuditRecord:
    plain = AuditRecord(
        report_id="report-1",
        interaction_id="interaction-1",
        at=NOW,
        operation="create",
        market="uk",
        decision="registered",
        author="gateway",
        findings=(("rules.scope", "skipped", "", "no scope asked"),),
        facts={"kid": "k1"},
    )
    return replace(plain, **changes)


def jti(value: str = "jti-1", **changes: Any) -> UsedToken:
    return replace(UsedToken("request", "software-1", value, NOW + 3600), **changes)


def change(client_id: str = "client-1", **changes: Any) -> Change:
    """A registration of `client_id` with a request and a jti of its own."""
    plain = Change(
        audit=audit(client_id=client_id, report_id=f"report-of-{client_id}"),
        client=client(client_id),
        used=(jti(f"jti-of-{client_id}"),),
    )
    return replace(plain, **changes)
