"""Where a market's endpoints are, as its documents say. Never made from a request."""

from __future__ import annotations

from dcrgw.core.market import Market


def token_endpoint(market: Market) -> str:
    """Over mutual TLS: tokens are bound to the certificate."""
    return f"{market.base_url}/token"


def registration_endpoint(market: Market) -> str:
    """Over mutual TLS."""
    return f"{market.base_url}/register"


def pushed_endpoint(market: Market) -> str:
    """Over mutual TLS (RFC 9126)."""
    return f"{market.base_url}/par"


def introspection_endpoint(market: Market) -> str:
    """Over mutual TLS (RFC 7662)."""
    return f"{market.base_url}/introspect"


def revocation_endpoint(market: Market) -> str:
    """Over mutual TLS (RFC 7009)."""
    return f"{market.base_url}/revoke"


def authorization_endpoint(market: Market) -> str:
    """For browsers: no certificate is asked for."""
    return f"{market.issuer}/authorize"


def jwks_uri(market: Market) -> str:
    """Our own public keys, for everybody."""
    return f"{market.issuer}/jwks"


def userinfo_endpoint(market: Market) -> str:
    """Over mutual TLS: its tokens are bound to a certificate. Only an authorization server behind us has one."""
    return f"{market.base_url}/userinfo"


def end_session_endpoint(market: Market) -> str:
    """For browsers. Only an authorization server behind us has one: at the built-in one nobody stays signed in."""
    return f"{market.issuer}/end-session"
