"""Our own signature keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from dcrgw.errors import Misconfigured


class Signer(Protocol):
    """Signs in the name of the gateway. Raises: Unavailable when the keys cannot be had, Misconfigured when unfit."""

    async def published(self) -> tuple[Mapping[str, str], ...]:
        """The public JWKs (RFC 7517 §4) to verify with: of the next key, of the current one, of those just retired."""
        ...

    async def alg(self) -> str:
        """The algorithm of the current key."""
        ...

    async def sign(self, claims: Mapping[str, Any], typ: str) -> str:
        """The compact JWS of some claims, by the current key."""
        ...


class NoSigner:
    """A gateway without signature keys. Raises: Misconfigured where one is needed."""

    async def published(self) -> tuple[Mapping[str, str], ...]:
        """None."""
        return ()

    async def alg(self) -> str:
        """None."""
        raise Misconfigured(_NO_KEYS)

    async def sign(self, claims: Mapping[str, Any], typ: str) -> str:
        """Never."""
        raise Misconfigured(_NO_KEYS)


_NO_KEYS = "there are no signature keys: set registry.sealing_keys, or signing.keystore"
