"""Identifiers and secrets from the operating system's generator."""

from __future__ import annotations

import os
import secrets
import uuid

#: Identifiers are cut from blocks of this size: each call of the operating system gives the interpreter to another
#: thread, which was dearer than the random bytes. Secrets and tokens are drawn one by one all the same.
_BLOCK_BYTES = 4096


class SystemRandomness:
    """Implements `dcrgw.ports.tokens.Randomness`. For one thread."""

    def __init__(self) -> None:
        self._block = b""
        self._used = 0

    def client_id(self) -> str:
        """128 random bits as 32 hexadecimal digits; a UUIDv4 would hold only 122."""
        return self._octets(16).hex()

    def client_secret(self) -> str:
        """216 random bits as 36 characters, the most that OB UK DCR allows."""
        return secrets.token_urlsafe(27)

    def token(self) -> str:
        """256 random bits as 43 characters."""
        return secrets.token_urlsafe(32)

    def report_id(self) -> str:
        """A UUIDv4."""
        return str(uuid.UUID(bytes=self._octets(16), version=4))

    def _octets(self, count: int) -> bytes:
        """Random octets, never the same twice."""
        if self._used + count > len(self._block):
            self._block, self._used = os.urandom(_BLOCK_BYTES), 0
        cut = self._block[self._used : self._used + count]
        self._used += count
        return cut
