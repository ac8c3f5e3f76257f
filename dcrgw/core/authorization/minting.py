"""The claims of what we sign: ID tokens and JWT access tokens. Times are whole epoch seconds."""

from __future__ import annotations

import hashlib

from dcrgw.core.authorization.details import as_json
from dcrgw.core.authorization.interaction import Grant
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


def id_token_claims(grant: Grant, nonce: str | None, market: Market, at: float) -> dict[str, JsonValue]:
    """The claims that every ID token has (OpenID Connect Core 1.0 §2).

    No acr and no amr: how strong a sandbox customer's password is, we do not claim.
    """
    claims: dict[str, JsonValue] = {
        "iss": market.issuer,
        "sub": grant.sub,
        "aud": grant.client_id,
        "azp": grant.client_id,
        "iat": int(at),
        "exp": int(at) + market.server.id_token_lifetime_s,
        "auth_time": int(grant.authenticated_at),
    }
    if nonce is not None:
        claims["nonce"] = nonce
    return claims


def beside_token(access_token: str) -> dict[str, JsonValue]:
    """What an ID token of the token endpoint vouches for besides (OpenID Connect Core 1.0 §3.1.3.6)."""
    return {"at_hash": half_hash(access_token)}


def beside_code(code: str, state: str | None) -> dict[str, JsonValue]:
    """What an ID token of the authorization endpoint vouches for: it is the answer's detached signature.

    Spec: OpenID Connect Core 1.0 §3.3.2.11, c_hash; FAPI 1.0 Advanced §5.2.2.1, s_hash.
    """
    hashes: dict[str, JsonValue] = {"c_hash": half_hash(code)}
    if state is not None:
        hashes["s_hash"] = half_hash(state)
    return hashes


def half_hash(text: str) -> str:
    """at_hash, c_hash, s_hash: the left half of SHA-256, which both our algorithms have."""
    return base64url.encode(hashlib.sha256(text.encode()).digest()[:16])
