"""What certificate authorities say about certificates that they took back."""

from __future__ import annotations

from typing import Protocol

from dcrgw.core.certificates.revocation import Told


class Revocation(Protocol):
    """Serves lists and answers as bytes, cached by their validity. Never raises: not knowing is a value."""

    async def told(self, market: str, path: tuple[bytes, ...]) -> tuple[Told, ...]:
        """What is said about each certificate of a path (DER, leaf first, anchor last) that the market asks about."""
        ...
