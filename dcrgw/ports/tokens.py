"""Generated identifiers and secrets: a port, so that a recorded decision can be run again."""

from __future__ import annotations

from typing import Protocol


class Randomness(Protocol):
    """Makes what must not be guessed."""

    def client_id(self) -> str:
        """A new client_id: at least 128 random bits, at most 36 characters of [A-Za-z0-9-]."""
        ...

    def client_secret(self) -> str:
        """A new client_secret: at least 128 random bits, at most 36 characters (OB UK DCR)."""
        ...

    def token(self) -> str:
        """A new access token or registration access token: 256 random bits, base64url."""
        ...

    def report_id(self) -> str:
        """A new report id (UUIDv4)."""
        ...
