"""What a careful bank looks at in a registration request, rule by rule, each in one line and by no code of ours."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

ISSUER, AUDIENCE = "OpenBanking Ltd", "bank"
METHODS = ("private_key_jwt", "client_secret_basic")
_GRANTS = {"client_credentials", "authorization_code", "refresh_token"}
_SCOPES = {"AISP": "accounts", "PISP": "payments"}
_LISTS = ("redirect_uris", "grant_types", "response_types")
_TEXTS = ("token_endpoint_auth_method", "software_statement", "scope", "client_name", "subject_type")
KNOWN = {
    "authorization_details_types",
    *_LISTS, *_TEXTS, "software_id", "client_id", "jwks", "jwks_uri", "contacts", "logo_uri", "tos_uri", "policy_uri",
    "client_uri", "token_endpoint_auth_signing_alg", "id_token_signed_response_alg", "request_object_signing_alg",
}  # fmt: skip
_NEEDED = ("token_endpoint_auth_method", "grant_types", "id_token_signed_response_alg", "request_object_signing_alg")
_ALGORITHMS = ("id_token_signed_response_alg", "request_object_signing_alg")

Claims = Mapping[str, Any]


class Refused(Exception):
    """An error code of the standard."""


@dataclass(frozen=True)
class Asked:
    """A registration request, taken apart, with its statement's claims. `used` are the jtis that were used."""

    header: Claims
    claims: Claims
    statement_header: Claims
    statement: Claims
    is_signed: bool
    used: set[str] = field(default_factory=set)


Rule = Callable[[Asked], bool]
#: Name of the rule, the error that it leads to, and when it is broken.
RULES: list[tuple[str, str, Rule]] = []


def rule(name: str, error: str = "invalid_client_metadata", *, signed: bool = False) -> Callable[[Rule], Rule]:
    """Note a rule; `signed` is for signed requests only."""

    def noted(is_broken: Rule) -> Rule:
        RULES.append((name, error, (lambda a: a.is_signed and is_broken(a)) if signed else is_broken))
        return is_broken

    return noted


def of_statement(name: str, error: str = "invalid_software_statement") -> Callable[[Rule], Rule]:
    """Note a rule about the statement, where there is one."""

    def noted(is_broken: Rule) -> Rule:
        RULES.append((name, error, lambda a: bool(a.statement) and is_broken(a)))
        return is_broken

    return noted


def _time(value: Any, otherwise: float) -> float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else otherwise


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float)


of_statement("statement-claims")(lambda a: any(a.statement.get(n) is None for n in ("iss", "iat", "software_id")))
of_statement("statement-issuer")(lambda a: a.statement.get("iss") != ISSUER)
of_statement("statement-age")(lambda a: a.is_signed and _time(a.statement.get("iat"), 2e9) < time.time() - 3600)
of_statement("statement-future")(lambda a: _time(a.statement.get("iat"), 0) > time.time() + 60)
of_statement("statement-exp")(lambda a: _time(a.statement.get("exp"), 2e9) < time.time())
of_statement("statement-nbf")(lambda a: _time(a.statement.get("nbf"), 0) > time.time() + 60)
of_statement("statement-status", "unapproved_software_statement")(
    lambda a: a.statement.get("org_status", "Active") != "Active"
)
of_statement("statement-nested")(lambda a: "software_statement" in a.statement)
rule("exp", signed=True)(lambda a: _time(a.claims.get("exp"), 0) < time.time())
rule("nbf", signed=True)(lambda a: _time(a.claims.get("nbf"), 0) > time.time() + 60)
rule("iat", signed=True)(lambda a: _time(a.claims.get("iat"), 2e9) > time.time() + 60)
rule("iss", signed=True)(lambda a: bool(a.statement) and a.claims.get("iss") != a.statement.get("software_id"))
rule("software-id", signed=True)(lambda a: a.claims.get("software_id", a.claims.get("iss")) != a.claims.get("iss"))
rule("jti-again", signed=True)(lambda a: a.claims.get("jti") in a.used)
rule("both-keys")(lambda a: {"jwks", "jwks_uri"} <= set(a.claims))
rule("private-key")(lambda a: bool({"d", "k"} & {name for key in _keys(a) for name in key}))
rule("keys-form")(lambda a: "jwks" in a.claims and _keys(a) == [{}])
rule("keys-address")(lambda a: not _is_public(a.claims.get("jwks_uri", "https://tpp.example")))
rule("auth-method")(lambda a: a.claims.get("token_endpoint_auth_method", METHODS[1]) not in METHODS)
rule("scripts")(lambda a: any(str(value).startswith("javascript:") for value in a.claims.values()))
rule("algorithms")(lambda a: any(a.claims.get(name, "PS256") != "PS256" for name in _ALGORITHMS))
rule("subject-type")(lambda a: a.claims.get("subject_type", "public") != "public")
rule("bound-type")(lambda a: isinstance(a.claims.get("tls_client_certificate_bound_access_tokens", True), str))
rule("details-types")(lambda a: bool(a.claims.get("authorization_details_types")))


@of_statement("statement-time-type")
def _statement_times(asked: Asked) -> bool:
    return any(not _is_time(asked.statement[name]) for name in ("iat", "exp", "nbf") if name in asked.statement)


@rule("time-type", signed=True)
def _times(asked: Asked) -> bool:
    return any(not _is_time(asked.claims.get(name)) for name in ("iat", "exp"))


@rule("aud", signed=True)
def _audience(asked: Asked) -> bool:
    named = asked.claims.get("aud")
    return AUDIENCE not in (named if isinstance(named, list) else [named])


@rule("jti-form", signed=True)
def _jti(asked: Asked) -> bool:
    try:
        return not UUID(asked.claims.get("jti"))
    except (ValueError, TypeError, AttributeError):
        return True


@rule("types")
def _types(asked: Asked) -> bool:
    lists = (asked.claims[name] for name in _LISTS if name in asked.claims)
    if any(not isinstance(each, list) or any(not isinstance(one, str) for one in each) for each in lists):
        return True
    return any(not isinstance(asked.claims[name], str) for name in _TEXTS if name in asked.claims)


@rule("claims-missing", signed=True)
def _missing(asked: Asked) -> bool:
    is_by_key = asked.claims.get("token_endpoint_auth_method") == "private_key_jwt"
    needed = (*_NEEDED, *(("token_endpoint_auth_signing_alg",) if is_by_key else ()))
    return any(name not in asked.claims for name in needed)


@rule("redirect-form", "invalid_redirect_uri")
def _redirect_form(asked: Asked) -> bool:
    found = _uris(asked)
    return not found or any(not _is_uri(uri) for uri in found)


@rule("redirect-subset", "invalid_redirect_uri")
def _redirect_subset(asked: Asked) -> bool:
    held = asked.statement.get("software_redirect_uris")
    return held is not None and not set(map(str, _uris(asked))) <= set(held)


@rule("scope", signed=True)
def _scope(asked: Asked) -> bool:
    roles = asked.statement.get("software_roles", ())
    allowed = {"openid", *(_SCOPES[role] for role in _active(asked) & set(roles) if role in _SCOPES)}
    return bool(asked.statement) and not set(str(asked.claims.get("scope", "openid")).split()) <= allowed


@rule("grant-types")
def _grant_types(asked: Asked) -> bool:
    return not set(map(str, asked.claims.get("grant_types") or ())) <= _GRANTS


@rule("response-types")
def _response_types(asked: Asked) -> bool:
    return not set(map(str, asked.claims.get("response_types") or ())) <= {"code", "code id_token"}


@rule("consistency")
def _consistency(asked: Asked) -> bool:
    return bool(asked.claims.get("response_types")) and "authorization_code" not in asked.claims.get(
        "grant_types", ["authorization_code"]
    )


def _active(asked: Asked) -> set[str]:
    claims = asked.statement.get("organisation_competent_authority_claims", {})
    return {role for each in claims.get("authorisations", ()) for role in each["roles"]}


def _keys(asked: Asked) -> list[dict[str, Any]]:
    jwks = asked.claims.get("jwks", {"keys": []})
    found = jwks.get("keys") if isinstance(jwks, dict) else None
    return found if isinstance(found, list) else [{}]


def _uris(asked: Asked) -> list[Any]:
    found = asked.claims.get("redirect_uris", asked.statement.get("software_redirect_uris", []))
    return found if isinstance(found, list) else []


def _is_uri(value: Any) -> bool:
    if not isinstance(value, str) or not re.fullmatch(r"https://[a-z0-9.-]+(:\d+)?(/[A-Za-z0-9._/-]*)?", value):
        return False
    return len(value) <= 256 and ".." not in value and urlsplit(value).hostname not in ("localhost", "127.0.0.1")


def _is_public(value: Any) -> bool:
    return str(value).startswith("https://") and not str(value).startswith("https://169.254.")


def members(text: str) -> Claims:
    """A JSON object, no member twice. Raises: Refused."""
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except ValueError:
        raise Refused("invalid_client_metadata") from None
    if not isinstance(found, dict):
        raise Refused("invalid_client_metadata")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError
    return dict(pairs)


def parts(token: str, code: str = "invalid_client_metadata") -> tuple[Claims, Claims]:
    """Header and claims of a compact token. Raises: Refused."""
    header, claims = _decoded(token, code)
    return header, claims


def _decoded(token: str, code: str) -> Iterator[Claims]:
    if not re.fullmatch(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*", token):
        raise Refused(code)
    for part in token.split(".")[:2]:
        try:
            found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        except ValueError:
            raise Refused(code) from None
        if not isinstance(found, dict):
            raise Refused(code)
        yield found


def basic(header: str) -> str:
    """The client_id of an Authorization header."""
    return base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")[0]
