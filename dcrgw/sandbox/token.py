"""The token URL: client credentials for a bank, by its transport certificate and a private_key_jwt assertion."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dcrgw.core.jose import reader, verification
from dcrgw.core.jose.keys import KeySet
from dcrgw.core.jose.reasons import JoseRefused

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SCOPES = frozenset({"ASPSPReadAccess", "TPPReadAccess", "AuthoritiesReadAccess"})
TOKEN_LIFE_S = 300
#: The longest life of an assertion, and how far clocks may differ.
ASSERTION_LIFE_S = 3600
LEEWAY_S = 10

#: OBL's own tool signs with RS256, so the directory takes it too (standards practice, not FAPI).
POLICY = reader.JosePolicy(frozenset({"PS256", "RS256", "ES256"}))


class TokenRefused(Exception):
    """An OAuth error answer (RFC 6749 §5.2)."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.status = 401 if error == "invalid_client" else 400
        self.body = {"error": error, "error_description": description}


@dataclass(frozen=True, slots=True)
class BankClient:
    """A bank as the directory's OAuth server knows it. `certificates` are SHA-256 digests of DER."""

    client_id: str
    keys: KeySet
    certificates: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is on the connection: the client certificate as DER, None without one."""

    certificate: bytes | None

    @property
    def digest(self) -> bytes:
        """SHA-256 of the certificate; empty without one."""
        return hashlib.sha256(self.certificate).digest() if self.certificate else b""


@dataclass(frozen=True, slots=True)
class _Granted:
    certificate: bytes
    expires_at: float


@dataclass(slots=True)
class TokenService:
    """Grants tokens to the banks it knows, and tells its tokens from others. Tokens are bound to the certificate."""

    url: str
    clients: dict[str, BankClient]
    _granted: dict[str, _Granted] = field(default_factory=dict)
    #: (client, jti) of assertions -> when they may be forgotten.
    _used: dict[tuple[str, str], float] = field(default_factory=dict)

    def grant(self, form: Mapping[str, str], caller: Caller, now: float) -> dict[str, Any]:
        """The token answer for one request. Raises: TokenRefused."""
        if form.get("grant_type") != "client_credentials":
            raise TokenRefused("unsupported_grant_type", "only client_credentials is granted")
        client = self._authenticated(form, caller, now)
        scopes = form.get("scope", "").split()
        if not scopes or not SCOPES.issuperset(scopes):
            raise TokenRefused("invalid_scope", f"scope is one or more of {', '.join(sorted(SCOPES))}")
        token = secrets.token_urlsafe(32)
        self._forget(now)
        self._granted[token] = _Granted(caller.digest, now + TOKEN_LIFE_S)
        return {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": TOKEN_LIFE_S,
            "scope": " ".join(scopes),
            "client_id": client.client_id,
        }

    def is_valid(self, token: str, caller: Caller, now: float) -> bool:
        """Whether the token is one of ours, alive, and on the connection that it was granted on."""
        granted = self._granted.get(token)
        return granted is not None and now < granted.expires_at and granted.certificate == caller.digest

    def lodge(self, client: BankClient) -> None:
        """Know a bank by these keys and certificates from now on."""
        self.clients[client.client_id] = client

    def reset(self) -> None:
        """Forget every token and assertion."""
        self._granted.clear()
        self._used.clear()

    def _authenticated(self, form: Mapping[str, str], caller: Caller, now: float) -> BankClient:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise TokenRefused("invalid_client", "client_assertion_type is not jwt-bearer")
        try:
            assertion = reader.read(form.get("client_assertion", ""), POLICY)
            claims = reader.unverified_claims(assertion)
            client = self._client(claims.get("iss"), form.get("client_id"), caller)
            verification.verify(assertion, client.keys, POLICY)
        except JoseRefused as refused:
            raise TokenRefused("invalid_client", f"client_assertion: {refused.description}") from refused
        self._claims_hold(claims, client, now)
        return client

    def _client(self, issuer: object, client_id: str | None, caller: Caller) -> BankClient:
        client = self.clients.get(issuer) if isinstance(issuer, str) else None
        if client is None:
            raise TokenRefused("invalid_client", "client_assertion: iss is no client of the directory")
        if client_id not in (None, client.client_id):
            raise TokenRefused("invalid_client", "client_id is not the assertion's iss")
        if caller.digest not in client.certificates:
            raise TokenRefused("invalid_client", "the connection's certificate is not one of this client's")
        return client

    def _claims_hold(self, claims: Mapping[str, Any], client: BankClient, now: float) -> None:
        """RFC 7523 §3: sub, aud, exp, iat, jti, in this order; only a good assertion uses its jti up."""
        audiences = claims.get("aud")
        wrong = None
        if claims.get("sub") != client.client_id:
            wrong = "sub is not iss"
        elif self.url not in (audiences if isinstance(audiences, list) else [audiences]):
            wrong = "aud is not the token URL"
        elif not _is_time(claims.get("exp")) or not now - LEEWAY_S < claims["exp"] <= now + ASSERTION_LIFE_S + LEEWAY_S:
            wrong = "exp is absent, past, or more than an hour away"
        elif "iat" in claims and not (_is_time(claims["iat"]) and claims["iat"] <= now + LEEWAY_S):
            wrong = "iat lies in the future"
        elif not isinstance(claims.get("jti"), str) or not claims["jti"]:
            wrong = "jti is absent"
        elif (client.client_id, claims["jti"]) in self._used:
            wrong = "jti was used before"
        if wrong:
            raise TokenRefused("invalid_client", f"client_assertion: {wrong}")
        self._used[client.client_id, claims["jti"]] = claims["exp"] + LEEWAY_S

    def _forget(self, now: float) -> None:
        self._granted = {token: each for token, each in self._granted.items() if now < each.expires_at}
        self._used = {jti: until for jti, until in self._used.items() if now < until}


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
