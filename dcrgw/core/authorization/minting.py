"""The claims of what we sign: ID tokens and JWT access tokens. Times are whole epoch seconds."""

from __future__ import annotations

import hashlib

from dcrgw.core.authorization.details import as_json
from dcrgw.core.authorization.interaction import Code, Grant
from dcrgw.core.authorization.tokens import AccessToken
from dcrgw.core.jose import base64url
from dcrgw.core.market import Market
from dcrgw.core.strict_json import JsonValue

ACCESS_TOKEN_TYPE = "at+jwt"
ID_TOKEN_TYPE = "JWT"


def access_token_claims(access: AccessToken, jti: str, grant: Grant | None, market: Market) -> dict[str, JsonValue]:
    """The claims of a JWT access token (RFC 9068 §2.2), bound to a certificate (RFC 8705 §3.1).

    Raises: ValueError where the market has no audience for such tokens.
    """
    audience = market.server.jwt_audience
    if audience is None:
        raise ValueError("this market has no audience for JWT access tokens")
    claims: dict[str, JsonValue] = {
        "iss": market.issuer,
        "sub": access.sub or access.client_id,
        "aud": audience,
        "client_id": access.client_id,
        "iat": int(access.issued_at),
        "exp": int(access.expires_at),
        "jti": jti,
    }
    if access.scope:
        claims["scope"] = " ".join(access.scope)
    if access.details:
        claims["authorization_details"] = as_json(access.details)
    if grant is not None:
        claims["auth_time"] = int(grant.authenticated_at)
    if access.x5t_s256 is not None:
        claims["cnf"] = {"x5t#S256": access.x5t_s256}
    return claims


def id_token_claims(code: Code, access_token: str, market: Market, at: float) -> dict[str, JsonValue]:
    """The claims of an ID token (OpenID Connect Core 1.0 §2, §3.1.3.6).

    No acr and no amr: how strong a sandbox customer's password is, we do not claim. No s_hash: state came back
    unsigned, but nothing here leaves the authorization endpoint signed (FAPI 1.0 Advanced §5.2.2.1).
    """
    grant = code.grant
    claims: dict[str, JsonValue] = {
        "iss": market.issuer,
        "sub": grant.sub,
        "aud": grant.client_id,
        "azp": grant.client_id,
        "iat": int(at),
        "exp": int(at) + market.server.id_token_lifetime_s,
        "auth_time": int(grant.authenticated_at),
        "at_hash": half_hash(access_token),
    }
    if code.nonce is not None:
        claims["nonce"] = code.nonce
    return claims


def half_hash(token: str) -> str:
    """at_hash: the left half of SHA-256, which both our algorithms have."""
    return base64url.encode(hashlib.sha256(token.encode()).digest()[:16])
