"""What certificate authorities say about certificates that they took back."""

from __future__ import annotations

from typing import Protocol

from dcrgw.core.certificates.revocation import Told
from dcrgw.errors import Misconfigured


class Revocation(Protocol):
    """Serves lists and answers as bytes, cached by their validity. Never raises: not knowing is a value."""

    async def told(self, market: str, path: tuple[bytes, ...]) -> tuple[Told, ...]:
        """What is said about each certificate of a path (DER, leaf first, anchor last) that the market asks about."""
        ...


class NoRevocation:
    """For a gateway whose markets ask for no revocation: who asks all the same gets no answer, never a yes."""

    async def told(self, market: str, path: tuple[bytes, ...]) -> tuple[Told, ...]:
        """Raises: Misconfigured."""
        raise Misconfigured(f"market {market} asks for revocation, and nobody can tell")
