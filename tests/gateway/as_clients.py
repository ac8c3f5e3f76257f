"""TPPs at the token endpoint: registered by any method, with right proofs but for what a test changes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import quote_plus, urlencode
from uuid import uuid4

from town import UK, Reply, Town

from dcrgw.testkit.statements import Change, changed

FORM = "application/x-www-form-urlencoded"
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
METHODS = ("tls_client_auth", "private_key_jwt", "client_secret_basic", "client_secret_post", "client_secret_jwt")


async def registered(
    town: Town, method: str, market: str = UK, tpp: str | None = None, **changes: Change
) -> dict[str, Any]:
    """The answer of a registration by a method."""
    asked: dict[str, Any] = {"token_endpoint_auth_method": method, "grant_types": ["client_credentials"]}
    asked["response_types"] = []
    if method == "private_key_jwt":
        asked["token_endpoint_auth_signing_alg"] = "PS256"
    elif method == "client_secret_jwt":
        asked["token_endpoint_auth_signing_alg"] = "HS256"
    if market == "generic":
        asked |= {"client_name": str(uuid4()), "scope": "accounts openid"}
        if method == "tls_client_auth":
            asked["tls_client_auth_subject_dn"] = town.index(market, tpp)["transport_subject_dn"]
    reply = await town.post(await town.body(market, tpp, **{**asked, **changes}), market, tpp)
    assert reply.status == 201, reply.body
    return reply.body


def claims_of(town: Town, client: dict[str, Any], market: str = UK, **changes: Change) -> dict[str, Any]:
    """The claims of a right assertion but for `changes`."""
    at = int(time.time())
    right = {
        "iss": client["client_id"],
        "sub": client["client_id"],
        # Some servers behind a market take their issuer alone.
        "aud": town.index(market).get("assertion_audience") or town.index(market)["token_endpoint"],
        "iat": at,
        "exp": at + 60,
        "jti": str(uuid4()),
    }
    return changed(right, changes)


def hs256(claims: dict[str, Any], secret: str, alg: str = "HS256") -> str:
    """A token by a secret."""
    parts = [{"alg": alg, "typ": "JWT"}, claims]
    signing_input = ".".join(_base64url(json.dumps(part).encode()) for part in parts)
    digest = getattr(hashlib, {"HS256": "sha256", "HS512": "sha512"}[alg])
    return f"{signing_input}.{_base64url(hmac.new(secret.encode(), signing_input.encode(), digest).digest())}"


def proof(
    town: Town, client: dict[str, Any], market: str = UK, tpp: str | None = None, **changes: Change
) -> tuple[dict[str, str], dict[str, str]]:
    """Form and headers that prove a client by its method; `changes` are of an assertion's claims."""
    client_id, secret = client["client_id"], client.get("client_secret", "")
    method = client["token_endpoint_auth_method"]
    if method == "tls_client_auth":
        return {"client_id": client_id}, {}
    if method == "client_secret_post":
        return {"client_id": client_id, "client_secret": secret}, {}
    if method == "client_secret_basic":
        return {}, {"Authorization": basic(client_id, secret)}
    claims = claims_of(town, client, market, **changes)
    signed = hs256(claims, secret) if method == "client_secret_jwt" else town.key(tpp).sign(claims)
    return {"client_assertion_type": JWT_BEARER, "client_assertion": signed}, {}


def basic(client_id: str, secret: str) -> str:
    """RFC 6749 §2.3.1."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


async def ask(
    town: Town,
    client: dict[str, Any],
    market: str = UK,
    tpp: str | None = None,
    *,
    more: dict[str, Any] | None = None,
    claims: dict[str, Change] | None = None,
    **how: Any,
) -> Reply:
    """Ask for a token by the client's method. `more` changes the form; None takes a parameter out."""
    form, headers = proof(town, client, market, tpp, **(claims or {}))
    asked = changed({"grant_type": "client_credentials", **form}, more or {})
    return await send(town, urlencode(asked).encode(), market, tpp, headers=headers, **how)


async def send(town: Town, body: bytes, market: str = UK, tpp: str | None = None, **how: Any) -> Reply:
    """Any body at the token endpoint."""
    url = how.pop("url", None) or town.index(market)["token_endpoint"]
    return await town.post(body, market, tpp, media_type=how.pop("media_type", FORM), url=url, **how)


def findings(town: Town) -> list[str]:
    """The checks that failed in the newest decision: what the wire does not say."""
    return [each.check.id for each in town.gateway.reports[-1].findings if each.verdict == "failed"]


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
