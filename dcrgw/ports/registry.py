"""Where registrations are kept. A change is one value, applied whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from dcrgw.core.authorization.tokens import AccessToken
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.upstream.errand import Claim, Errand
from dcrgw.core.values import lean


@lean
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


@lean
@dataclass(frozen=True, slots=True)
class UsedToken:
    """A `jti` that this change uses up: unique per (market, kind, issuer, jti) until `expires_at`."""

    kind: str
    issuer: str
    jti: str
    expires_at: float


@lean
@dataclass(frozen=True, slots=True)
class Change:
    """What one decision changes, as one transaction: client, request digest, used jtis, tokens and audit row.

    A jti is used once. Two repeats are no second use: registering with the same bytes again (REPEATED while that
    client lives), and updating with the bytes that made the stored version (REPEATED). Older update's bytes, and a
    client assertion's (kind `client_assertion`), are TOKEN_USED even from the same identity.
    A change without client and token burns no jti. A client that is not active loses its access tokens, a deleted
    one its secrets and all metadata but what an audit needs.
    """

    audit: AuditRecord
    client: RegisteredClient | None = None
    #: The version that `client` takes the place of (its own is one more); None registers it anew.
    replaces: int | None = None
    used: tuple[UsedToken, ...] = ()
    #: False where the market refuses a second registration of the same software.
    duplicates_allowed: bool = True
    #: An access token to remember; its client must be active when the change is applied, else CONFLICT.
    issues: AccessToken | None = None
    #: Client whose access tokens all end with this change: (market, client_id).
    ends_tokens_of: tuple[str, str] | None = None
    #: Hash of one access token that ends with this change.
    ends_token: str | None = None
    #: What the authorization server is to be told. Its client has no other errand then, else BUSY; only a deletion
    #: takes the place of whatever is open. One that holds a successor begins over the version before that successor's.
    begins: Errand | None = None
    #: An errand that ends with this change, by the claim under which it was brought to its end, else LOST. `client`
    #: is then the errand's, under whatever client_id it gets, and may keep the version that it replaces.
    ends: Claim | None = None
    #: An errand whose request the authorization server refused: its jtis are unused again, and a pending client is
    #: gone with its digest, as if it had never come.
    undoes: Errand | None = None

    @property
    def is_unconditional(self) -> bool:
        """Whether nothing that is stored could refuse it: an audit row, and perhaps tokens' end."""
        asks_much = (self.client, self.issues, self.begins, self.ends, self.undoes)
        return not self.used and all(each is None for each in asks_much)


class CommitVerdict(StrEnum):
    """How a change ended. Only STORED changed anything."""

    STORED = "stored"
    #: The same bytes from the same identity were registered before; `client` is that registration.
    REPEATED = "repeated"
    TOKEN_USED = "token_used"
    CLIENT_ID_TAKEN = "client_id_taken"
    DUPLICATE_SOFTWARE = "duplicate_software"
    #: The client is no longer the version that the change replaces, or it is deleted, or not active for a token.
    CONFLICT = "conflict"
    #: The client has an errand that is not over.
    BUSY = "busy"
    #: The errand is over, or somebody else's by now.
    LOST = "lost"


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
        """The active or pending client that these same bytes from this same identity made before."""
        ...

    async def client(self, market: str, client_id: str) -> RegisteredClient | None:
        """One client by its id, whatever its status."""
        ...

    async def access_token(self, hash: str) -> AccessToken | None:
        """An access token by its hash, until it ends or expires."""
        ...


@dataclass(frozen=True, slots=True)
class ClientQuery:
    """Which clients an operator looks for; all that is given must hold. `text` is sought in ids and names."""

    market: str | None = None
    status: str | None = None
    org_id: str | None = None
    software_id: str | None = None
    text: str | None = None
    #: client_id after which the page begins, in the order of (market, client_id).
    after: tuple[str, str] | None = None
    limit: int = 100


class Archive(Protocol):
    """What operators read of the registry, beyond what a decision needs."""

    async def search(self, query: ClientQuery) -> tuple[RegisteredClient, ...]:
        """The clients that match, without their secrets, in the order of (market, client_id)."""
        ...

    async def history(self, market: str, client_id: str, limit: int = 100) -> tuple[AuditRecord, ...]:
        """The audit rows of one client, newest first."""
        ...
