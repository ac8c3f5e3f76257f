"""How a client proves at the token endpoint who it is (RFC 6749 §2.3, RFC 7523 §2.2, RFC 8705 §2.1)."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dcrgw.core.authorization.credentials import basic
from dcrgw.core.jose import base64url, signing
from dcrgw.core.jose.signing import PrivateKey
from dcrgw.tpp.prepared import Moment
from dcrgw.tpp.setup import Incomplete

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFE_S = 60

#: token_endpoint_auth_method values that we can follow.
METHODS = ("private_key_jwt", "tls_client_auth", "client_secret_basic", "client_secret_post", "client_secret_jwt")


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """What a client can prove itself with; each method needs its own part."""

    client_id: str
    secret: str | None = field(default=None, repr=False)
    key: PrivateKey | None = field(default=None, repr=False)
    kid: str | None = None
    alg: str = "PS256"


@dataclass(frozen=True, slots=True)
class Proof:
    """What one method adds to a token request. `assertion` is the decoded one, where there is one."""

    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    assertion: Mapping[str, Any] | None = None


def prove(method: str, held: ClientCredentials, *, audience: str, moment: Moment) -> Proof:
    """The proof by one of METHODS. `audience` is for assertions: the issuer, or the token endpoint.

    Raises: Incomplete when the method needs what is not held.
    """
    if method == "tls_client_auth":
        # The certificate of the connection is the proof; the client_id says whose (RFC 8705 §2).
        return Proof({"client_id": held.client_id})
    if method == "private_key_jwt":
        return _by_key(held, audience, moment)
    if method not in METHODS:
        raise Incomplete(f"--method must be one of {', '.join(METHODS)}")
    if not held.secret:
        raise Incomplete(f"{method} needs the client's secret: --client-secret, or --client")
    if method == "client_secret_jwt":
        return _assertion(held.client_id, audience, moment, lambda claims: _hs256(claims, held.secret or ""))
    if method == "client_secret_post":
        return Proof({"client_id": held.client_id, "client_secret": held.secret})
    return Proof(secret_headers={"Authorization": basic(held.client_id, held.secret)})


def _by_key(held: ClientCredentials, audience: str, moment: Moment) -> Proof:
    key, kid = held.key, held.kid
    if key is None or not kid:
        raise Incomplete("private_key_jwt needs --signing-key and --kid")
    try:
        return _assertion(
            held.client_id, audience, moment, lambda claims: signing.sign(claims, key=key, alg=held.alg, kid=kid)
        )
    except ValueError as error:
        raise Incomplete(str(error)) from None


def _assertion(client_id: str, audience: str, moment: Moment, sign: Any) -> Proof:
    """RFC 7523 §3; one string as audience, since FAPI 2.0 servers take no list."""
    issued = int(moment.now)
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "jti": moment.jti,
        "iat": issued,
        "exp": issued + ASSERTION_LIFE_S,
    }
    form = {"client_id": client_id, "client_assertion_type": ASSERTION_TYPE, "client_assertion": sign(claims)}
    return Proof(form, assertion=claims)


def _hs256(claims: Mapping[str, Any], secret: str) -> str:
    """A compact JWS by the client's secret: the octets of its UTF-8 are the key (OpenID Connect Core 1.0 §10.1)."""
    parts = (json.dumps(part, separators=(",", ":")).encode() for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    signing_input = ".".join(base64url.encode(part) for part in parts)
    mac = hmac.digest(secret.encode(), signing_input.encode(), hashlib.sha256)
    return f"{signing_input}.{base64url.encode(mac)}"
