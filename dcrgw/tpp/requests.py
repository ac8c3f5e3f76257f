"""Registration requests: what a TPP says of itself, drawn from its software statement unless it says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dcrgw.core.jose import signing
from dcrgw.core.jose.algorithms import ALGORITHMS
from dcrgw.core.jose.reader import JosePolicy, Unverified, read, unverified_claims
from dcrgw.core.jose.signing import PrivateKey
from dcrgw.core.strict_json import JsonValue

LIFETIME_S = 300

JOSE = "application/jose"
JSON = "application/json"

#: OB UK: what each role is for.
_ROLE_SCOPES = {"AISP": "accounts", "PISP": "payments", "CBPII": "fundsconfirmations"}

#: Members that say how a client authenticates.
_OF_METHOD = ("tls_client_auth_subject_dn", "token_endpoint_auth_signing_alg")

# The bank judges the statement; here it only has to be read, so every algorithm goes.
_ANY_STATEMENT = JosePolicy(
    frozenset(ALGORITHMS), types=frozenset({"jwt", "jose"}), max_token_bytes=1_000_000, kid_required=False
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A software statement as its holder sees it: nobody verified anything."""

    token: Unverified
    claims: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Wish:
    """What the TPP says explicitly; what is empty is drawn from the statement.

    `claims` replaces or adds claims last of all; the value `LEAVE_OUT` takes one away.
    """

    audience: str | None = None
    redirect_uris: tuple[str, ...] = ()
    scope: str | None = None
    auth_method: str | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)


class _LeaveOut:
    """The type of `LEAVE_OUT`."""


LEAVE_OUT = _LeaveOut()


def statement(text: str) -> Statement:
    """The statement in a compact JWS, unproven. Raises: JoseRefused."""
    token = read(text, _ANY_STATEMENT)
    return Statement(token, unverified_claims(token))


def metadata(
    statement: Statement | None,
    wish: Wish,
    *,
    alg: str,
    subject_dn: str | None,
    registered: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Client metadata (RFC 7591 §2) as most Open Banking TPPs ask for it; `alg` is the TPP's signing algorithm.

    What is `registered` already takes the place of what is usual; a wish goes before both.
    """
    asked = {**(_usual(statement, alg) if registered is None else _kept(registered, wish)), **_wished(wish)}
    asked.update(_authentication(asked, alg, subject_dn))
    if statement:
        asked["software_statement"] = statement.token.text
    return asked


def _usual(statement: Statement | None, alg: str) -> dict[str, Any]:
    claims = statement.claims if statement else {}
    return {
        "redirect_uris": _redirect_uris(claims),
        "token_endpoint_auth_method": "tls_client_auth",
        "grant_types": ["client_credentials", "authorization_code", "refresh_token"],
        "response_types": ["code id_token"],
        "application_type": "web",
        "scope": _scope(claims),
        "id_token_signed_response_alg": alg,
        "request_object_signing_alg": alg,
    }


def _wished(wish: Wish) -> dict[str, Any]:
    said = {
        "redirect_uris": list(wish.redirect_uris),
        "scope": wish.scope,
        "token_endpoint_auth_method": wish.auth_method,
    }
    return {name: value for name, value in said.items() if value}


def _kept(registered: Mapping[str, Any], wish: Wish) -> dict[str, Any]:
    """What is registered, without what belonged to an authentication method that is to change."""
    changes = wish.auth_method not in (None, registered.get("token_endpoint_auth_method"))
    return {name: value for name, value in registered.items() if not (changes and name in _OF_METHOD)}


def _authentication(asked: Mapping[str, Any], alg: str, subject_dn: str | None) -> dict[str, Any]:
    """What the authentication method needs beside it, where it is not said yet."""
    method = str(asked.get("token_endpoint_auth_method"))
    if method == "tls_client_auth" and subject_dn is not None:
        # The certificate that is shown now: it may have been renewed since.
        return {"tls_client_auth_subject_dn": subject_dn}
    usual = {"private_key_jwt": alg, "client_secret_jwt": "HS256"}
    named = asked.get("token_endpoint_auth_signing_alg")
    return {"token_endpoint_auth_signing_alg": named or usual[method]} if method in usual else {}


def claims(
    statement: Statement,
    wish: Wish,
    *,
    alg: str,
    subject_dn: str | None,
    now: float,
    jti: str,
    registered: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The claims of a signed request, valid for five minutes from `now` (epoch seconds).

    Spec: OB UK DCR 3.2 §"Data model", OBClientRegistrationRequest1.
    """
    software_id = statement.claims.get("software_id")
    issued = int(now)
    envelope = {
        "iss": software_id,
        "aud": wish.audience,
        "iat": issued,
        "exp": issued + LIFETIME_S,
        "jti": jti,
        "software_id": software_id,
    }
    asked = metadata(statement, wish, alg=alg, subject_dn=subject_dn, registered=registered)
    return _overridden({**envelope, **asked, **envelope}, wish.claims)


def signed(claims: Mapping[str, Any], *, key: PrivateKey, kid: str, alg: str) -> bytes:
    """The body of a signed request. Raises: ValueError when the key is not one for `alg`."""
    return signing.sign(claims, key=key, alg=alg, kid=kid).encode()


def plain(
    statement: Statement | None,
    wish: Wish,
    *,
    alg: str,
    subject_dn: str | None,
    registered: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The members of an unsigned request: metadata as JSON (RFC 7591 §3.1)."""
    asked = metadata(statement, wish, alg=alg, subject_dn=subject_dn, registered=registered)
    return _overridden(asked, wish.claims)


def _overridden(claims: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**claims, **changes}.items() if value is not LEAVE_OUT}


def _redirect_uris(claims: Mapping[str, JsonValue]) -> JsonValue:
    uris = claims.get("software_redirect_uris", claims.get("redirect_uris"))
    return uris if isinstance(uris, list) else []


def _scope(claims: Mapping[str, JsonValue]) -> str:
    named = claims.get("scope")
    if isinstance(named, str):
        return named
    roles = claims.get("software_roles")
    scopes = [scope for role, scope in _ROLE_SCOPES.items() if isinstance(roles, list) and role in roles]
    return " ".join(["openid", *scopes])
