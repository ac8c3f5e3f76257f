"""An authorization server in memory behind the port: honest, unless a test says what goes wrong next."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from dcrgw.core.authorization.tokens import AccessToken
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.upstream import gates
from dcrgw.core.upstream.client import UpstreamClient, UpstreamRef, WantedClient
from dcrgw.errors import Misconfigured, Rejected, Unavailable
from dcrgw.ports.upstream import Asked, NotReached, Told

#: Before it does anything: it was not there, it hung up, it says no, it does not know the gateway.
DOWN, CUT, NO, STRANGER = "down", "cut", "no", "stranger"
#: After it did it: its answer is lost.
LOST = "lost"
#: It did it, and says that it did something else.
LIE = "lie"


def no() -> Rejected:
    return gates.REDIRECT_URIS.rejection("redirect_uris are not welcome")


@dataclass
class FakeServer:
    """Implements `ports.upstream.Upstream` as far as clients go."""

    takes_client_id: bool = True
    finds_clients: bool = True
    #: It says which clients the gateway made there.
    lists: bool = True
    #: What goes wrong, one a call; None is a good one.
    faults: deque[str | None] = field(default_factory=deque)
    clients: dict[str, UpstreamClient] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    #: What it says of a client in place of the truth.
    tells: Callable[[UpstreamClient], UpstreamClient] = lambda told: told
    #: Where it waits within a call, once it did what it was asked.
    hold: Callable[[str], Awaitable[Any]] | None = None
    #: The id that it gives where the gateway chooses none; asked again it tells of the same client.
    gives: str | None = None
    made: int = 0
    _numbers: Any = field(default_factory=lambda: count(1))

    async def create(self, market: str, wanted: WantedClient) -> UpstreamClient:
        return await self._do("create", lambda: self._create(wanted))

    async def find(self, market: str, wanted: WantedClient) -> UpstreamClient | None:
        if not self.finds_clients:
            raise Misconfigured("it cannot be asked")
        return await self._do("find", lambda: self._find(wanted))

    async def read(self, market: str, ref: UpstreamRef) -> UpstreamClient | None:
        return await self._do("read", lambda: self.clients.get(ref.client_id))

    async def update(self, market: str, ref: UpstreamRef, wanted: WantedClient) -> UpstreamClient:
        return await self._do("update", lambda: self._update(ref, wanted))

    async def delete(self, market: str, ref: UpstreamRef) -> bool:
        return await self._do("delete", lambda: self._delete(ref))

    async def listed(self, market: str) -> tuple[UpstreamClient, ...] | None:
        return await self._do("listed", lambda: tuple(self.clients.values()) if self.lists else None)

    async def forward(self, market: str, asked: Asked) -> Told:
        raise AssertionError

    async def discovery(self, market: str) -> Mapping[str, JsonValue]:
        raise AssertionError

    async def access_token(self, market: str, token: str) -> AccessToken | None:
        raise AssertionError

    async def _do(self, call: str, work: Callable[[], Any]) -> Any:
        self.calls.append(call)
        fault = self.faults.popleft() if self.faults else None
        await asyncio.sleep(0)
        if fault == DOWN:
            raise NotReached("upstream", "connection refused")
        if fault == CUT:
            raise Unavailable("upstream", "the connection was cut")
        if fault == NO:
            raise no()
        if fault == STRANGER:
            raise Misconfigured("the authorization server answered 401 to the gateway")
        done = work()
        if self.hold is not None:
            await self.hold(call)
        if fault == LOST:
            raise Unavailable("upstream", "the answer was lost")
        if fault == LIE and isinstance(done, UpstreamClient):
            return replace(done, metadata={**done.metadata, "redirect_uris": ["https://evil.example/"]})
        return self.tells(done) if isinstance(done, UpstreamClient) else done

    def _create(self, wanted: WantedClient) -> UpstreamClient:
        self.made += 1
        client_id = wanted.client_id if self.takes_client_id else self.gives or f"as-{next(self._numbers)}"
        if self.gives in self.clients:
            return self.clients[self.gives]
        made = UpstreamClient(self._ref(client_id), dict(wanted.metadata), wanted.secret)
        self.clients[client_id] = made
        return made

    def _find(self, wanted: WantedClient) -> UpstreamClient | None:
        """As a server does that is asked to make it once more: its old token is good no longer."""
        found = self.clients.get(wanted.client_id)
        if found is not None:
            self.clients[wanted.client_id] = replace(found, ref=self._ref(wanted.client_id))
        return self.clients.get(wanted.client_id)

    def _update(self, ref: UpstreamRef, wanted: WantedClient) -> UpstreamClient:
        before = self.clients.get(ref.client_id)
        if before is None or before.ref.token != ref.token:
            if self.takes_client_id:
                return self._create(wanted)
            raise Misconfigured("the authorization server does not know the token")
        # Every update gives a new token.
        self.clients[ref.client_id] = UpstreamClient(self._ref(ref.client_id), dict(wanted.metadata), wanted.secret)
        return self.clients[ref.client_id]

    def _delete(self, ref: UpstreamRef) -> bool:
        before = self.clients.get(ref.client_id)
        # Like a client that is gone, it is one that it does not know by this token: 401 in both cases.
        if before is None or ref.token != before.ref.token:
            return False
        del self.clients[ref.client_id]
        return True

    def _ref(self, client_id: str) -> UpstreamRef:
        return UpstreamRef(client_id, f"https://as.example/reg/{client_id}", f"as-token-{next(self._numbers):020d}")
