"""Bearer tokens as values: what the gateway remembers of one, never the token itself."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from dcrgw.core.authorization.details import Details


def token_hash(token: str) -> str:
    """What is kept of a token: SHA-256, hex. Tokens have at least 128 random bits, so no salt is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token that was issued. Times are epoch seconds.

    `x5t_s256` is the thumbprint of the certificate that it is bound to (RFC 8705 §3.1), None for an unbound one.
    `grant` and `sub` are those of the person who granted it, None where the client acts for itself.
    """

    hash: str
    market: str
    client_id: str
    scope: tuple[str, ...]
    issued_at: float
    expires_at: float
    x5t_s256: str | None
    grant: str | None = None
    sub: str | None = None
    details: Details = ()
