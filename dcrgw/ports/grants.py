"""Where authorizations are kept, from the pushed request to the refresh token. Several nodes could share it.

Every change is one value, applied whole or not at all, together with the registry's part of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from dcrgw.core.authorization.interaction import (
    AskedRequest,
    Code,
    Customer,
    Grant,
    Interaction,
    PushedRequest,
    RefreshToken,
)
from dcrgw.errors import Misconfigured
from dcrgw.ports.registry import Change


@dataclass(frozen=True, slots=True)
class SignIn:
    """Who signed in to an interaction, and when; its key changes with it."""

    interaction: str
    key_hash: str
    new_key_hash: str
    customer: Customer
    at: float


@dataclass(frozen=True, slots=True)
class GrantChange:
    """What one decision changes, as one transaction. What it consumes must still be there, unconsumed.

    `registry` is the registry's part: the audit row, used jtis, an access token. A client that `pushes`, `asks`,
    `opens` or is granted something must be active then.
    """

    registry: Change | None = None
    pushes: PushedRequest | None = None
    #: What goes on to the server behind the market; the same again lasts as long as the later one.
    asks: AskedRequest | None = None
    opens: Interaction | None = None
    #: Ids of interactions that end unless somebody signed in to them, which may be gone already.
    drops: tuple[str, ...] = ()
    #: Hashes of what went on to the server behind the market and is forgotten; it may be gone already.
    forgets: tuple[str, ...] = ()
    signs_in: SignIn | None = None
    #: (id, key hash) of an interaction that ends with this change.
    settles: tuple[str, str] | None = None
    #: Hash of a request_uri that ends with it.
    consumes: str | None = None
    grants: Grant | None = None
    issues: Code | None = None
    #: Hash of a code that this change uses.
    redeems: str | None = None
    keeps: RefreshToken | None = None
    #: Hash of a refresh token that this change uses up.
    rotates: str | None = None
    #: (hash, epoch seconds) of a refresh token that from now on ends then; one that is gone stays gone.
    ends_refresh: tuple[str, float] | None = None
    #: (id, epoch seconds) of a grant that is kept at least until then.
    prolongs: tuple[str, float] | None = None
    #: Id of a grant that ends with this change, with its codes and all its tokens.
    revokes: str | None = None


class GrantVerdict(StrEnum):
    """How a change ended. Only STORED changed anything."""

    STORED = "stored"
    #: What it consumes was consumed, has expired or never was.
    GONE = "gone"
    #: An assertion's jti was used before.
    TOKEN_USED = "token_used"
    #: A request object's jti was used before.
    OBJECT_USED = "object_used"
    #: The client is no longer active.
    CONFLICT = "conflict"


class Grants(Protocol):
    """The store of authorizations. What has expired is not found. Raises: Unavailable."""

    async def commit(self, change: GrantChange) -> GrantVerdict:
        """Apply a change whole or not at all, also when the caller is cancelled meanwhile."""
        ...

    async def pushed(self, market: str, hash: str) -> PushedRequest | None:
        """A pushed request by the hash of its request_uri, until its authorization completes."""
        ...

    async def asked(self, market: str, hash: str) -> AskedRequest | None:
        """What went on to the server behind the market, by its hash, while its code may come back."""
        ...

    async def asked_with(self, market: str, client_id: str, code_challenge: str) -> tuple[AskedRequest, ...]:
        """What a client asked with this challenge, newest first: one request, unless it used the challenge again."""
        ...

    async def interaction(self, market: str, id: str) -> Interaction | None:
        """An interaction by its id, until it is settled."""
        ...

    async def code(self, market: str, hash: str) -> Code | None:
        """A code by its hash, used or not."""
        ...

    async def refresh_token(self, market: str, hash: str) -> RefreshToken | None:
        """A refresh token by its hash, used or not, while its grant lives."""
        ...

    async def grant(self, market: str, id: str) -> Grant | None:
        """A grant by its id."""
        ...


class NoGrants:
    """A gateway that keeps no authorizations: none is found. Raises: Misconfigured where one would be made."""

    async def commit(self, change: GrantChange) -> GrantVerdict:
        """Never."""
        raise Misconfigured("this gateway has no store of authorizations")

    async def pushed(self, market: str, hash: str) -> PushedRequest | None:
        """None."""
        return None

    async def asked(self, market: str, hash: str) -> AskedRequest | None:
        """None."""
        return None

    async def asked_with(self, market: str, client_id: str, code_challenge: str) -> tuple[AskedRequest, ...]:
        """None."""
        return ()

    async def interaction(self, market: str, id: str) -> Interaction | None:
        """None."""
        return None

    async def code(self, market: str, hash: str) -> Code | None:
        """None."""
        return None

    async def refresh_token(self, market: str, hash: str) -> RefreshToken | None:
        """None."""
        return None

    async def grant(self, market: str, id: str) -> Grant | None:
        """None."""
        return None
