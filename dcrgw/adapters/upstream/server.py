"""One authorization server (AS): its way, its document, its clients, its word on tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from dcrgw.adapters.upstream.discovery import Discovery
from dcrgw.adapters.upstream.way import Opened, Question, Way
from dcrgw.core.authorization.tokens import AccessToken
from dcrgw.core.certificates.forwarded import Form
from dcrgw.core.certificates.forwarding import names, written
from dcrgw.core.upstream.client import UpstreamClient, UpstreamRef, WantedClient
from dcrgw.core.upstream.fields import Fields, replaced
from dcrgw.errors import Misconfigured, Unavailable
from dcrgw.ports.upstream import Asked, Told


class Desk(Protocol):
    """Where one kind of AS keeps its clients. The methods are those of `ports.upstream.Upstream`."""

    async def create(self, wanted: WantedClient) -> UpstreamClient:
        """A client made."""
        ...

    async def find(self, wanted: WantedClient) -> UpstreamClient | None:
        """A client that was made, though its answer was lost."""
        ...

    async def read(self, ref: UpstreamRef) -> UpstreamClient | None:
        """A client as it is."""
        ...

    async def update(self, ref: UpstreamRef, wanted: WantedClient) -> UpstreamClient:
        """A client replaced."""
        ...

    async def delete(self, ref: UpstreamRef) -> bool:
        """Whether a client is gone for certain."""
        ...

    async def listed(self) -> tuple[UpstreamClient, ...] | None:
        """All that are ours."""
        ...

    async def close(self) -> None:
        """Stop asking."""
        ...


class TokenDesk(Protocol):
    """Who says what an access token is good for."""

    async def judged(self, token: str) -> AccessToken | None:
        """What it is good for; None where that is nothing."""
        ...

    def forget(self, token: str) -> None:
        """It was revoked: nothing kept of it counts any more."""
        ...

    async def close(self) -> None:
        """Stop asking."""
        ...


@dataclass(frozen=True, slots=True)
class Passing:
    """How a TPP's certificate goes on to the AS; `form` None: not at all."""

    form: Form | None
    header: str | None = None


@dataclass(frozen=True, slots=True)
class Server:
    """What stands behind one market."""

    way: Way
    discovery: Discovery
    clients: Desk
    tokens: TokenDesk
    passing: Passing
    #: Where pages are: what stands for the issuer.
    url: str
    #: The way of pages, apart from that of what TPPs ask.
    for_pages: Way

    async def forward(self, asked: Asked) -> Told:
        """The whole answer to a TPP's request."""
        fields = replaced(asked.headers, [("Accept-Encoding", "identity")])
        answer = await self.way.ask(await self._question(asked, fields))
        if answer.field("content-encoding") not in ("", "identity"):
            raise Unavailable(self.way.dependency, f"the answer of its {asked.endpoint} is compressed unasked")
        return Told(answer.status, answer.fields, answer.body)

    @asynccontextmanager
    async def open(self, asked: Asked) -> AsyncIterator[Opened]:
        """The answer to a person's or a TPP's request, piece by piece."""
        async with self.for_pages.open(await self._question(asked, asked.headers)) as opened:
            yield opened

    async def close(self) -> None:
        """Let go of everything."""
        await self.clients.close()
        await self.tokens.close()
        await self.discovery.close()
        await self.way.close()
        await self.for_pages.close()

    async def _question(self, asked: Asked, fields: Fields) -> Question:
        # The document first: who stands there must speak for the issuer before it gets anything of a TPP's.
        metadata = await self.discovery.current()
        url = f"{self.url}{asked.endpoint}" if asked.endpoint.startswith("/") else metadata.places.get(asked.endpoint)
        if url is None:
            raise Misconfigured(f"{self.way.dependency}: it has no {asked.endpoint}")
        query = f"?{asked.query}" if asked.query else ""
        return Question(asked.method, f"{url}{query}", self._with_certificate(fields, asked.chain), asked.body)

    def _with_certificate(self, fields: Fields, chain: tuple[bytes, ...]) -> Fields:
        """What stands in the header that the AS reads a certificate from is ours or nothing."""
        form, header = self.passing.form, self.passing.header
        if form is None:
            return fields
        ours = names(form, leaf_header=header)
        kept = tuple((name, value) for name, value in fields if name.lower().replace("_", "-") not in ours)
        return kept + written(form, chain, leaf_header=header)
