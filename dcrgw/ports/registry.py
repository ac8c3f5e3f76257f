"""Where registrations are kept. A change is one value, applied whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from dcrgw.core.registration.client import RegisteredClient


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One line of the audit trail. `findings` are (check id, verdict, description, detail) of all but plain passes."""

    report_id: str
    interaction_id: str
    at: float
    operation: str
    market: str
    decision: str
    author: str
    client_id: str | None = None
    org_id: str | None = None
    software_id: str | None = None
    findings: tuple[tuple[str, str, str, str], ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UsedToken:
    """A `jti` that this change uses up: unique per (market, kind, issuer, jti) until `expires_at`."""

    kind: str
    issuer: str
    jti: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class Change:
    """One registration as one transaction: client, request digest, used jtis and audit row."""

    audit: AuditRecord
    client: RegisteredClient | None = None
    used: tuple[UsedToken, ...] = ()
    #: False where the market refuses a second registration of the same software.
    duplicates_allowed: bool = True


class CommitVerdict(StrEnum):
    """How a change ended. Only STORED changed anything."""

    STORED = "stored"
    #: The same bytes from the same identity were registered before; `client` is that registration.
    REPEATED = "repeated"
    TOKEN_USED = "token_used"
    CLIENT_ID_TAKEN = "client_id_taken"
    DUPLICATE_SOFTWARE = "duplicate_software"


@dataclass(frozen=True, slots=True)
class Committed:
    """The registry's answer to a change."""

    verdict: CommitVerdict
    client: RegisteredClient | None = None


class Registry(Protocol):
    """The store of clients, used tokens and the audit trail.

    Raises: Unavailable when the store cannot take or give an answer; then nothing was acknowledged.
    """

    async def commit(self, change: Change) -> Committed:
        """Apply a change whole or not at all, also when the caller is cancelled meanwhile."""
        ...

    async def repeated(self, market: str, request_digest: str, subject_key: str) -> RegisteredClient | None:
        """The active client that these same bytes from this same identity made before."""
        ...

    async def client(self, market: str, client_id: str) -> RegisteredClient | None:
        """One client by its id, whatever its status."""
        ...
