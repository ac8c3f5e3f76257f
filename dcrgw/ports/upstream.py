"""The authorization servers (AS) behind markets that do not use the built-in one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from dcrgw.core.authorization.tokens import AccessToken
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.upstream.client import UpstreamClient, UpstreamRef, WantedClient
from dcrgw.errors import Misconfigured, Unavailable


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of a TPP that goes on to the AS after our judgement.

    `endpoint` is its name in the discovery document (`token_endpoint`, `pushed_authorization_request_endpoint`,
    `jwks_uri`…).
    """

    endpoint: str
    method: str
    #: Header fields that go on as they are; what could lie about the caller is not among them.
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    query: str = field(default="", repr=False)
    body: bytes = field(default=b"", repr=False)
    #: The caller's certificate with its intermediates (DER), passed on in the header that the AS wants.
    chain: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Told:
    """The AS's whole answer, bounded. `headers` without those of the connection."""

    status: int
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)


class NotReached(Unavailable):
    """The AS was never asked: whatever it was to do, it has not done."""


class Upstream(Protocol):
    """One AS a market; all of them answer alike.

    Raises: Rejected where the AS refuses the client (its words are made ours), Unavailable where nobody knows whether
    it did what it was asked (NotReached where it surely did not), Misconfigured where it refuses the gateway.
    """

    async def create(self, market: str, wanted: WantedClient) -> UpstreamClient:
        """The client as the AS made it. Asked again under the same key it gives the same one, if the AS can."""
        ...

    async def find(self, market: str, wanted: WantedClient) -> UpstreamClient | None:
        """The client that an attempt under this key made, though its answer was lost; None where there is none.

        Its ref may lack the token: then it can be deleted or updated only where the AS lets the gateway do so.
        Raises: Misconfigured where the AS cannot be asked (`UpstreamServer.finds_clients`).
        """
        ...

    async def read(self, market: str, ref: UpstreamRef) -> UpstreamClient | None:
        """The client as the AS has it now; None where it has none such."""
        ...

    async def update(self, market: str, ref: UpstreamRef, wanted: WantedClient) -> UpstreamClient:
        """The client as it stands after it was replaced whole (RFC 7592 §2.2)."""
        ...

    async def delete(self, market: str, ref: UpstreamRef) -> bool | None:
        """Whether the client is gone for certain: False where the AS knows none by this token, which may be an old one.

        RFC 7592 §2.3 has the same answer for both. None in recordings from before anybody asked.
        """
        ...

    async def listed(self, market: str) -> tuple[UpstreamClient, ...] | None:
        """All clients that the gateway made there; None where the AS cannot list them."""
        ...

    async def forward(self, market: str, asked: Asked) -> Told:
        """The AS's answer to what a TPP asked, whatever its status. Raises: Unavailable, Misconfigured."""
        ...

    async def discovery(self, market: str) -> Mapping[str, JsonValue]:
        """The AS's own discovery document: kept a while, its issuer proven to be the market's."""
        ...

    async def access_token(self, market: str, token: str) -> AccessToken | None:
        """What an access token that the AS issued is good for, by its own word; None where it is good for nothing."""
        ...

    async def revoked(self, market: str, token: str) -> None:
        """A token was revoked through the gateway: what is kept of it counts no more. Never asks the AS."""
        ...


class NoUpstream:
    """No market has one."""

    async def create(self, market: str, wanted: WantedClient) -> UpstreamClient:
        """Nobody asks."""
        raise _none(market)

    async def find(self, market: str, wanted: WantedClient) -> UpstreamClient | None:
        """Nobody asks."""
        raise _none(market)

    async def read(self, market: str, ref: UpstreamRef) -> UpstreamClient | None:
        """Nobody asks."""
        raise _none(market)

    async def update(self, market: str, ref: UpstreamRef, wanted: WantedClient) -> UpstreamClient:
        """Nobody asks."""
        raise _none(market)

    async def delete(self, market: str, ref: UpstreamRef) -> bool | None:
        """Nobody asks."""
        raise _none(market)

    async def listed(self, market: str) -> tuple[UpstreamClient, ...] | None:
        """Nobody asks."""
        raise _none(market)

    async def forward(self, market: str, asked: Asked) -> Told:
        """Nobody asks."""
        raise _none(market)

    async def discovery(self, market: str) -> Mapping[str, JsonValue]:
        """Nobody asks."""
        raise _none(market)

    async def access_token(self, market: str, token: str) -> AccessToken | None:
        """Nobody asks."""
        raise _none(market)

    async def revoked(self, market: str, token: str) -> None:
        """Nobody asks."""
        raise _none(market)


def _none(market: str) -> Misconfigured:
    return Misconfigured(f"the market {market} has no authorization server behind it")
