"""What is told of a token, and to whom (RFC 7662): the bank's resource servers hear of all, a client of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from dcrgw.core.authorization.details import as_json
from dcrgw.core.authorization.interaction import RefreshToken
from dcrgw.core.authorization.server import ResourceServer
from dcrgw.core.authorization.tokens import AccessToken
from dcrgw.core.checks import Findings, Judgement, gate
from dcrgw.core.evidence import Arrival
from dcrgw.core.jose import base64url
from dcrgw.core.market import Market
from dcrgw.core.strict_json import JsonValue
from dcrgw.errors import ErrorCode

TOKEN_PRESENT = gate(
    "token.shown", "The request brings a token.", spec="RFC 7662 §2.1; RFC 7009 §2.1", code=ErrorCode.INVALID_REQUEST
)

#: The same for what is unknown, foreign, ended or expired (RFC 7662 §2.2).
INACTIVE: Mapping[str, JsonValue] = {"active": False}

_CREDENTIALS = frozenset({"client_id", "client_secret", "client_assertion", "client_assertion_type"})


def shown(form: Mapping[str, str]) -> Judgement[str]:
    """The token that a request is about. token_type_hint is not needed: all tokens are found by their hash."""
    findings = Findings()
    findings.settle(TOKEN_PRESENT, None if form.get("token") else "token is missing")
    return findings.judgement(form.get("token"))


def resource_server(arrival: Arrival, form: Mapping[str, str], market: Market) -> ResourceServer | None:
    """The resource server that calls: known by the certificate on the connection, and no client besides."""
    if arrival.authorization or not _CREDENTIALS.isdisjoint(form) or not arrival.chain:
        return None
    thumbprint = base64url.encode(hashlib.sha256(arrival.chain[0]).digest())
    return next((each for each in market.server.resource_servers if each.x5t_s256 == thumbprint), None)


def of_access_token(
    token: AccessToken | None, client_id: str | None, market: Market, at: float
) -> dict[str, JsonValue]:
    """The answer about an access token to a client, or to a resource server where `client_id` is None."""
    if token is None or token.market != market.name or at >= token.expires_at:
        return dict(INACTIVE)
    if client_id is not None and token.client_id != client_id:
        return dict(INACTIVE)
    answer: dict[str, JsonValue] = {
        "active": True,
        "iss": market.issuer,
        "client_id": token.client_id,
        "sub": token.sub or token.client_id,
        "token_type": "Bearer",
        "iat": int(token.issued_at),
        "exp": int(token.expires_at),
    }
    if market.server.jwt_audience is not None:
        answer["aud"] = market.server.jwt_audience
    if token.scope:
        answer["scope"] = " ".join(token.scope)
    if token.details:
        answer["authorization_details"] = as_json(token.details)
    if token.x5t_s256 is not None:
        answer["cnf"] = {"x5t#S256": token.x5t_s256}
    return answer


def of_refresh_token(
    token: RefreshToken | None, client_id: str | None, market: Market, at: float
) -> dict[str, JsonValue]:
    """The answer about a refresh token: nobody but its client hears of it, so that no API takes it for an access."""
    if token is None or client_id is None or token.grant.client_id != client_id:
        return dict(INACTIVE)
    if token.is_used or at >= token.expires_at:
        return dict(INACTIVE)
    grant = token.grant
    answer: dict[str, JsonValue] = {
        "active": True,
        "iss": market.issuer,
        "client_id": grant.client_id,
        "sub": grant.sub,
        "iat": int(grant.granted_at),
        "exp": int(token.expires_at),
    }
    if grant.scope:
        answer["scope"] = " ".join(grant.scope)
    if grant.details:
        answer["authorization_details"] = as_json(grant.details)
    return answer


#: What only the server knows of a token: a script may neither change it, nor take it away, nor add it.
_FIXED = frozenset(
    {"active", "iss", "aud", "client_id", "sub", "token_type", "iat", "nbf", "exp", "jti", "cnf", "auth_time", "act"}
    | {"authorization_details", "scope"}
)


def overstepped(before: Mapping[str, JsonValue], after: Mapping[str, JsonValue]) -> list[str]:
    """The members in which a changed answer says more than the bank's scripts may say: the server's own.

    A script adds what it knows of the grant (an intent's id, a tier); who may do what, and until when, is decided.
    """
    return sorted(
        name
        for name in _FIXED
        if (name in before) != (name in after) or _text(before.get(name)) != _text(after.get(name))
    )


def _text(value: JsonValue) -> str:
    """For comparison as JSON: 1 and true are not the same."""
    return json.dumps(value, sort_keys=True)
