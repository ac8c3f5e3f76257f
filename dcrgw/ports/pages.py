"""What is passed on from an authorization server as it comes: pages, and what is no judgement of ours.

No port of a judgement: nothing is decided by it, so it stands beside `Ports` and is not recorded.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from dcrgw.ports.upstream import Asked


class Page(Protocol):
    """An answer under way. `fields` without those of the connection, repeated ones apart (Set-Cookie)."""

    @property
    def status(self) -> int:
        """As the server said it."""
        ...

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """As the server said them, in its order."""
        ...

    @property
    def length(self) -> int | None:
        """Of the body, where the server said it beforehand, also where it sends none (HEAD)."""
        ...

    @property
    def pieces(self) -> AsyncIterator[bytes]:
        """The body, as fast as it is taken. Raises: Unavailable when the server falls silent or goes away."""
        ...


class Pages(Protocol):
    """One server a market."""

    def open(self, market: str, asked: Asked) -> AbstractAsyncContextManager[Page]:
        """The answer, whatever its status; leaving early ends the connection.

        `asked.endpoint` may be a path below the issuer, with its slash (`/interaction/abc`); whoever asks has made
        sure that it is a plain one. Raises: Unavailable, Misconfigured.
        """
        ...
