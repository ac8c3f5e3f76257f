"""Our own signature keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Signer(Protocol):
    """Signs in the name of the gateway. Raises: Unavailable when the keys cannot be had, Misconfigured when unfit."""

    async def published(self) -> tuple[Mapping[str, str], ...]:
        """The public JWKs (RFC 7517 §4) to verify with: of the next key, of the current one, of those just retired."""
        ...

    async def sign(self, claims: Mapping[str, Any], typ: str) -> str:
        """The compact JWS of some claims, by the current key."""
        ...
