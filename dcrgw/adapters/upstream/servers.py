"""`dcrgw.ports.upstream`: each market's own authorization server (AS)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

from dcrgw.adapters.upstream.server import Server
from dcrgw.adapters.upstream.way import Opened
from dcrgw.core.authorization.tokens import AccessToken
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.upstream.client import UpstreamClient, UpstreamRef, WantedClient
from dcrgw.errors import Misconfigured
from dcrgw.ports.upstream import Asked, Told


class UpstreamServers:
    """Finds the market's AS and asks it."""

    def __init__(self, servers: Mapping[str, Server]) -> None:
        self._servers = servers

    async def create(self, market: str, wanted: WantedClient) -> UpstreamClient:
        """The client as the AS made it."""
        return await self._of(market).clients.create(wanted)

    async def find(self, market: str, wanted: WantedClient) -> UpstreamClient | None:
        """The client whose answer was lost."""
        return await self._of(market).clients.find(wanted)

    async def read(self, market: str, ref: UpstreamRef) -> UpstreamClient | None:
        """The client as it is there."""
        return await self._of(market).clients.read(ref)

    async def update(self, market: str, ref: UpstreamRef, wanted: WantedClient) -> UpstreamClient:
        """The client replaced."""
        return await self._of(market).clients.update(ref, wanted)

    async def delete(self, market: str, ref: UpstreamRef) -> bool:
        """Whether the client is gone for certain."""
        return await self._of(market).clients.delete(ref)

    async def listed(self, market: str) -> tuple[UpstreamClient, ...] | None:
        """All that are ours."""
        return await self._of(market).clients.listed()

    async def forward(self, market: str, asked: Asked) -> Told:
        """The whole answer to a TPP's request."""
        return await self._of(market).forward(asked)

    def open(self, market: str, asked: Asked) -> AbstractAsyncContextManager[Opened]:
        """`dcrgw.ports.pages.Pages`: an answer piece by piece."""
        return self._of(market).open(asked)

    async def discovery(self, market: str) -> Mapping[str, JsonValue]:
        """The AS's document."""
        return (await self._of(market).discovery.current()).document

    async def access_token(self, market: str, token: str) -> AccessToken | None:
        """What a token is good for."""
        return await self._of(market).tokens.judged(token)

    async def revoked(self, market: str, token: str) -> None:
        """A token was revoked."""
        self._of(market).tokens.forget(token)

    def _of(self, market: str) -> Server:
        server = self._servers.get(market)
        if server is None:
            raise Misconfigured(f"the market {market} has no authorization server behind it")
        return server
