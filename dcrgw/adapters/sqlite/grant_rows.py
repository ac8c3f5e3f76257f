"""Authorizations to rows and back."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

from dcrgw.adapters.sqlite.rows import Parameters, Row, details_of, details_text
from dcrgw.core.authorization.details import DetailText
from dcrgw.core.authorization.interaction import (
    AskedRequest,
    AuthorizationRequest,
    Code,
    Customer,
    Grant,
    Interaction,
    PushedRequest,
    RefreshToken,
    SingleUse,
)
from dcrgw.ports.grants import SignIn

_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode

GRANT_COLUMNS = (
    "g.grant_id, c.market, c.client_id, g.sub, g.scope, g.details, g.authenticated_at, g.granted_at, g.expires_at"
)
_OF_GRANT = 9


def pushed_of(row: Row) -> PushedRequest:
    """The pushed request of (hash, request, expires_at)."""
    hash_, request, expires_at = row
    return PushedRequest(hash_, _request_of(request), expires_at)


def asked_of(row: Row) -> AskedRequest:
    """The request of (hash, request, expires_at)."""
    hash_, request, expires_at = row
    return AskedRequest(hash_, _request_of(request), expires_at)


def interaction_of(row: Row) -> Interaction:
    """The interaction of the columns that `INTERACTION` selects."""
    id_, key_hash, request, texts, pushed, begun_at, expires_at, sub, name, authenticated_at = row
    return Interaction(
        id=id_,
        key_hash=key_hash,
        request=_request_of(request),
        texts=tuple(DetailText(**each) for each in json.loads(texts)),
        pushed=pushed,
        begun_at=begun_at,
        expires_at=expires_at,
        customer=None if sub is None else Customer(sub, name),
        authenticated_at=authenticated_at,
    )


def grant_of(row: Row) -> Grant:
    """The grant of GRANT_COLUMNS."""
    id_, market, client_id, sub, scope, details, authenticated_at, granted_at, expires_at = row
    return Grant(
        id=id_,
        market=market,
        client_id=client_id,
        sub=sub,
        scope=tuple(scope.split()),
        details=details_of(details),
        authenticated_at=authenticated_at,
        granted_at=granted_at,
        expires_at=expires_at,
    )


def code_of(row: Row) -> Code:
    """The code of GRANT_COLUMNS and its own."""
    hash_, redirect_uri, code_challenge, nonce, expires_at, used = row[_OF_GRANT:]
    return Code(hash_, grant_of(row[:_OF_GRANT]), redirect_uri, code_challenge, nonce, expires_at, bool(used))


def refresh_token_of(row: Row) -> RefreshToken:
    """The refresh token of GRANT_COLUMNS and its own."""
    hash_, expires_at, used = row[_OF_GRANT:]
    return RefreshToken(hash_, grant_of(row[:_OF_GRANT]), expires_at, bool(used))


def pushed_parameters(pushed: PushedRequest | AskedRequest) -> Parameters:
    """A request that waits, as SQL parameters."""
    request = pushed.request
    return {
        "hash": pushed.hash,
        "market": request.market,
        "client_id": request.client_id,
        "challenge": request.code_challenge,
        "request": _request_text(request),
        "expires_at": pushed.expires_at,
    }


def interaction_parameters(interaction: Interaction) -> Parameters:
    """A new interaction as SQL parameters."""
    request = interaction.request
    return {
        "id": interaction.id,
        "key_hash": interaction.key_hash,
        "market": request.market,
        "client_id": request.client_id,
        "request": _request_text(request),
        "texts": _json([asdict(text) for text in interaction.texts]),
        "pushed": interaction.pushed,
        "begun_at": interaction.begun_at,
        "expires_at": interaction.expires_at,
    }


def sign_in_parameters(signed: SignIn) -> Parameters:
    """Who signed in, as SQL parameters."""
    return {
        "id": signed.interaction,
        "key_hash": signed.key_hash,
        "new_key_hash": signed.new_key_hash,
        "sub": signed.customer.sub,
        "name": signed.customer.name,
        "at": signed.at,
    }


def grant_parameters(grant: Grant) -> Parameters:
    """A new grant as SQL parameters."""
    plain = {field.name: getattr(grant, field.name) for field in fields(grant)}
    return {**plain, "scope": " ".join(grant.scope), "details": details_text(grant.details)}


def code_parameters(code: Code) -> Parameters:
    """A new code as SQL parameters."""
    return {
        "hash": code.hash,
        "grant": code.grant.id,
        "redirect_uri": code.redirect_uri,
        "code_challenge": code.code_challenge,
        "nonce": code.nonce,
        "expires_at": code.expires_at,
    }


def refresh_token_parameters(token: RefreshToken) -> Parameters:
    """A new refresh token as SQL parameters."""
    return {"hash": token.hash, "grant": token.grant.id, "expires_at": token.expires_at}


def _request_text(request: AuthorizationRequest) -> str:
    plain: dict[str, Any] = {field.name: getattr(request, field.name) for field in fields(request)}
    plain["prompt"] = sorted(request.prompt)
    plain["details"] = details_text(request.details)
    plain["once"] = None if request.once is None else asdict(request.once)
    return _json(plain)


def _request_of(text: str) -> AuthorizationRequest:
    plain = json.loads(text)
    plain["scope"] = tuple(plain["scope"])
    plain["ui_locales"] = tuple(plain["ui_locales"])
    plain["prompt"] = frozenset(plain["prompt"])
    plain["details"] = details_of(plain["details"])
    plain["once"] = None if plain["once"] is None else SingleUse(**plain["once"])
    return AuthorizationRequest(**plain)
