"""Identifiers and secrets from the operating system's generator."""

from __future__ import annotations

import secrets
import uuid


class SystemRandomness:
    """Implements `dcrgw.ports.tokens.Randomness`."""

    def client_id(self) -> str:
        """128 random bits as 32 hexadecimal digits; a UUIDv4 would hold only 122."""
        return secrets.token_hex(16)

    def client_secret(self) -> str:
        """216 random bits as 36 characters, the most that OB UK DCR allows."""
        return secrets.token_urlsafe(27)

    def token(self) -> str:
        """256 random bits as 43 characters."""
        return secrets.token_urlsafe(32)

    def report_id(self) -> str:
        """A UUIDv4."""
        return str(uuid.uuid4())
