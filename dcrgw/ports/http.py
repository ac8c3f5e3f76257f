"""GET requests on behalf of the bank's scripts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One whole answer. `media_type` is lower case without parameters."""

    status: int
    media_type: str
    text: str = field(repr=False)


class Http(Protocol):
    """Asks hosts that the operator admitted for scripts, and nobody else."""

    async def get(self, url: str) -> HttpAnswer:
        """The answer, whatever its status. Raises: Unavailable; ValueError where the URL may not be asked."""
        ...


class NoHttp:
    """Where the operator admitted no host."""

    async def get(self, url: str) -> HttpAnswer:
        """Refuses."""
        raise ValueError("no host is admitted for scripts: name it in scripting.http_hosts")
