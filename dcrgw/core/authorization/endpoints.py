"""Where a market's endpoints are, as its documents say. Never made from a request."""

from __future__ import annotations

from dcrgw.core.market import Market


def token_endpoint(market: Market) -> str:
    """Over mutual TLS: tokens are bound to the certificate."""
    return f"{market.base_url}/token"


def authorization_endpoint(market: Market) -> str:
    """For browsers, so without client certificates."""
    return f"{market.issuer}/authorize"


def registration_endpoint(market: Market) -> str:
    """Over mutual TLS."""
    return f"{market.base_url}/register"


def jwks_uri(market: Market) -> str:
    """Our own public keys, for everybody."""
    return f"{market.issuer}/jwks"
