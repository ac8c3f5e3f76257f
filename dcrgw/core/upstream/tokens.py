"""What an access token of the authorization server (AS) is good for, by the AS's own word: read, never guessed."""

from __future__ import annotations

from collections.abc import Mapping

from dcrgw.core.authorization.details import AuthorizationDetail, Details
from dcrgw.core.authorization.tokens import AccessToken, token_hash
from dcrgw.core.strict_json import JsonValue

#: RFC 7662 §2.2 and RFC 9068 §2.2 may leave out when a token ends; then it is believed for no longer than this.
_UNSAID_S = 60.0
#: Keycloak's `typ` of other tokens.
_NOT_FOR_ACCESS = ("Refresh", "Offline", "ID", "Logout")


def introspected(
    answer: Mapping[str, JsonValue], token: str, *, market: str, issuer: str, at: float
) -> AccessToken | None:
    """The token by an introspection answer (RFC 7662 §2.2); None where it is good for nothing here."""
    if answer.get("active") is not True or answer.get("iss", issuer) != issuer:
        return None
    # Refresh and ID tokens are introspected too: each server says in a member of its own what it was shown.
    kind, use, inner = answer.get("token_type", "Bearer"), answer.get("token_use", "access_token"), answer.get("typ")
    if str(kind).lower() not in ("bearer", "access_token") or use != "access_token" or inner in _NOT_FOR_ACCESS:
        return None
    return _token(answer, token, market, at)


def claimed(
    claims: Mapping[str, JsonValue], token: str, *, market: str, issuer: str, audience: str, at: float, leeway_s: int
) -> AccessToken | None:
    """The token by its proven claims (RFC 9068 §2.2, §4); None where it is good for nothing here."""
    named = claims.get("aud")
    audiences = named if isinstance(named, list) else [named]
    if claims.get("iss") != issuer or audience not in audiences:
        return None
    if _number(claims.get("exp")) is None or _number(claims.get("iat")) is None:
        return None
    if (_number(claims.get("iat")) or 0.0) > at + leeway_s:
        return None
    return _token(claims, token, market, at)


def _token(said: Mapping[str, JsonValue], token: str, market: str, at: float) -> AccessToken | None:
    client_id, scope, sub = said.get("client_id", said.get("azp")), said.get("scope", ""), said.get("sub")
    expires_at = at + _UNSAID_S if said.get("exp") is None else _number(said["exp"])
    issued_at = at if said.get("iat") is None else _number(said["iat"])
    not_before = 0.0 if said.get("nbf") is None else _number(said["nbf"])
    details, is_bound_otherwise, thumbprint = _details(said.get("authorization_details")), *_binding(said.get("cnf"))
    if not isinstance(client_id, str) or not isinstance(scope, str) or not (sub is None or isinstance(sub, str)):
        return None
    if expires_at is None or issued_at is None or not_before is None or details is None or is_bound_otherwise:
        return None
    if at >= expires_at or at < not_before:
        return None
    return AccessToken(
        token_hash(token),
        market,
        client_id,
        tuple(scope.split()),
        issued_at,
        expires_at,
        thumbprint,
        sub=sub,
        details=details,
    )


def _number(value: JsonValue) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value)


def _binding(cnf: JsonValue) -> tuple[bool, str | None]:
    """Whether it is bound to what cannot be proven here, and the certificate's thumbprint (RFC 8705 §3.1)."""
    if cnf is None:
        return False, None
    thumbprint = cnf.get("x5t#S256") if isinstance(cnf, dict) else None
    if isinstance(cnf, dict) and isinstance(thumbprint, str) and set(cnf) == {"x5t#S256"}:
        return False, thumbprint
    return True, None


def _details(value: JsonValue) -> Details | None:
    if value is None:
        return ()
    found = []
    for element in value if isinstance(value, list) else [None]:
        named = element.get("type") if isinstance(element, dict) else None
        if not isinstance(element, dict) or not isinstance(named, str):
            return None
        found.append(AuthorizationDetail(named, element))
    return tuple(found)
