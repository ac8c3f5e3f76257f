"""Key sets of directories and of TPPs' software."""

from __future__ import annotations

from typing import Protocol

from dcrgw.core.jose.keys import KeySet


class KeySets(Protocol):
    """Serves parsed, cached key sets. An unknown `kid` causes at most one refetch per cool-down.

    Both methods may return a set without `kid`: then no key of that name is published. An empty `kid` is that of
    a token that names none: it causes no refetch.
    Raises: Unavailable when no set can be had within its stale bound; Rejected when the URL's
    connected address is not permitted (check `fetch.address`).
    """

    async def of_directory(self, directory: str, kid: str) -> KeySet:
        """The directory's own signing keys."""
        ...

    async def of_software(self, directory: str, url: str, kid: str) -> KeySet:
        """The keys of one software, from a URL that a verified statement named and the allow-list admits."""
        ...

    async def of_revoked(self, directory: str, url: str) -> KeySet:
        """The keys that a directory took back, from a software, an organisation or itself: a set of `prints` alone."""
        ...
