"""Identifiers and secrets from the operating system's generator."""

from __future__ import annotations

import os

from dcrgw.core.jose import base64url
from dcrgw.core.uuids import version_4

#: What is random is cut from blocks of this size: each call of the operating system gives the interpreter to another
#: thread, which was dearer than the random bytes.
_BLOCK_BYTES = 4096


class SystemRandomness:
    """Implements `dcrgw.ports.tokens.Randomness`. For one thread."""

    def __init__(self) -> None:
        self._block = b""
        self._used = 0
        # A child process must not make what its parent makes too.
        os.register_at_fork(after_in_child=self._forget)

    def client_id(self) -> str:
        """128 random bits as 32 hexadecimal digits; a UUIDv4 would hold only 122."""
        return self._octets(16).hex()

    def client_secret(self) -> str:
        """216 random bits as 36 characters, the most that OB UK DCR allows."""
        return base64url.encode(self._octets(27))

    def token(self) -> str:
        """256 random bits as 43 characters."""
        return base64url.encode(self._octets(32))

    def report_id(self) -> str:
        """A UUIDv4."""
        return version_4(self._octets(16))

    def _octets(self, count: int) -> bytes:
        """Random octets, never the same twice."""
        if self._used + count > len(self._block):
            self._block, self._used = os.urandom(_BLOCK_BYTES), 0
        cut = self._block[self._used : self._used + count]
        self._used += count
        return cut

    def _forget(self) -> None:
        self._block, self._used = b"", 0
