"""One authorization as a TPP sees it: asked, answered through a browser, redeemed; kept in a file of its owner's."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from dcrgw.core import strict_json
from dcrgw.core.authorization import response_types
from dcrgw.core.jose import base64url, signing
from dcrgw.core.strict_json import JsonValue
from dcrgw.tpp import credentials, private_file
from dcrgw.tpp.client import Answer
from dcrgw.tpp.known_client import KnownClient
from dcrgw.tpp.prepared import Moment
from dcrgw.tpp.setup import Incomplete, Setup

VERSION = 1
OBJECT_LIFE_S = 300
OBJECT_TYPE = "oauth-authz-req+jwt"


class AuthorizationUnusable(ValueError):
    """There is no authorization to read there, or not as far along. The message says what to do."""


class NotAuthorized(ValueError):
    """The bank's answer through the browser is an error, or not an answer to this request. The message says which."""


@dataclass(frozen=True, slots=True)
class Authorization:
    """What was asked, and what has come of it so far. `details` is authorization_details as JSON text."""

    client_id: str
    issuer: str | None
    endpoint: str
    redirect_uri: str
    state: str
    nonce: str
    verifier: str = field(repr=False)
    scope: str | None = None
    details: str | None = None
    request_uri: str | None = None
    #: The signed request object (RFC 9101), where the request is one.
    signed: str | None = field(default=None, repr=False)
    code: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    response_type: str = response_types.CODE
    #: Where the bank's keys are, by which an ID token beside the code is proven.
    jwks_uri: str | None = None

    @property
    def wants_id_token(self) -> bool:
        """Whether an ID token comes beside the code, in the fragment (OpenID Connect Core 1.0 §3.3)."""
        return response_types.wants_id_token(self.response_type)

    @property
    def parameters(self) -> dict[str, str]:
        """The request in plain parameters (RFC 6749 §4.1.1, RFC 7636 §4.3, RFC 9396 §3)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        asked = {
            "response_type": self.response_type,
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": self.scope,
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": base64url.encode(digest),
            "code_challenge_method": "S256",
            "authorization_details": self.details,
        }
        return {name: value for name, value in asked.items() if value}

    @property
    def brought(self) -> dict[str, str]:
        """The parameters that are sent: all of them, or the object that holds them."""
        return self.parameters if self.signed is None else {"client_id": self.client_id, "request": self.signed}

    @property
    def address(self) -> str:
        """Where the customer's browser goes."""
        pushed = {"client_id": self.client_id, "request_uri": self.request_uri}
        query = urlencode(self.brought if self.request_uri is None else pushed)
        return f"{self.endpoint}{'&' if '?' in self.endpoint else '?'}{query}"

    @property
    def redemption(self) -> dict[str, str]:
        """The token request for its code. Raises: AuthorizationUnusable."""
        if self.code is None:
            raise AuthorizationUnusable("the customer has not come back yet: give the address as --redirected")
        proof = {"redirect_uri": self.redirect_uri, "code_verifier": self.verifier}
        return {"grant_type": "authorization_code", "code": self.code, **proof}

    @property
    def renewal(self) -> dict[str, str]:
        """The token request for its refresh token. Raises: AuthorizationUnusable."""
        if self.refresh_token is None:
            raise AuthorizationUnusable("the bank gave no refresh token for it")
        return {"grant_type": "refresh_token", "refresh_token": self.refresh_token}

    def granted(self, answer: Answer) -> Authorization:
        """The same after a token response: its code is used up, its refresh token perhaps a new one."""
        renewed = answer.members.get("refresh_token")
        return replace(self, code=None, refresh_token=renewed if isinstance(renewed, str) else self.refresh_token)


def begin(setup: Setup, known: KnownClient, *, scope: str | None, details: str | None) -> Authorization:
    """A new request of a client, with secrets of its own. Raises: Incomplete.

    Without a scope it asks for openid where an ID token is to come (OpenID Connect Core 1.0 §3.1.2.1) or nothing else
    would be asked for.
    """
    if setup.authorization_endpoint is None:
        raise Incomplete("--authorization-endpoint is needed, or --issuer to learn it from")
    registered = known.information.get("redirect_uris")
    wished = setup.wish.redirect_uris or (registered if isinstance(registered, list) else ())
    if not wished:
        raise Incomplete("--redirect-uri is needed")
    response_type = _response_type(known)
    if scope is None and (details is None or response_type == response_types.CODE_ID_TOKEN):
        scope = "openid"
    return Authorization(
        known.client_id,
        setup.issuer,
        setup.authorization_endpoint,
        str(wished[0]),
        state=secrets.token_urlsafe(24),
        nonce=secrets.token_urlsafe(24),
        verifier=secrets.token_urlsafe(48),
        scope=scope,
        details=details,
        response_type=response_type,
        jwks_uri=setup.jwks_uri,
    )


def _response_type(known: KnownClient) -> str:
    """A code alone, unless the client registered for an ID token beside it and for nothing else."""
    registered = known.information.get("response_types")
    hybrid = isinstance(registered, list) and registered == [response_types.CODE_ID_TOKEN]
    return response_types.CODE_ID_TOKEN if hybrid else response_types.CODE


def pushed(asked: Authorization, request_uri: str) -> Authorization:
    """The same under the name that the bank gave it (RFC 9126 §2.2)."""
    return replace(asked, request_uri=request_uri)


def signed(asked: Authorization, setup: Setup, known: KnownClient, moment: Moment) -> Authorization:
    """The same as a request object, signed by the software's key. Raises: Incomplete, CredentialsUnusable."""
    if setup.signing_key is None or not setup.kid or asked.issuer is None:
        raise Incomplete("a signed request needs --signing-key, --kid and --issuer")
    key = credentials.signing_key(setup.signing_key, credentials.secret(setup.transport.password))
    alg = setup.alg or _text(known.information, "request_object_signing_alg") or credentials.usual_algorithm(key)
    at = int(moment.now)
    envelope = {"iss": asked.client_id, "aud": asked.issuer, "iat": at, "nbf": at, "exp": at + OBJECT_LIFE_S}
    claims: dict[str, Any] = {**asked.parameters, **envelope, "jti": moment.jti}
    if asked.details is not None:
        # In an object the list itself stands, not its text (RFC 9396 §3).
        claims["authorization_details"] = details_of(asked.details)
    try:
        return replace(asked, signed=signing.sign(claims, key=key, alg=alg, kid=setup.kid, typ=OBJECT_TYPE))
    except ValueError as error:
        raise Incomplete(str(error)) from None


def details_of(text: str) -> JsonValue:
    """authorization_details as they were typed. Raises: Incomplete."""
    try:
        return strict_json.loads(text.encode())
    except strict_json.JsonRefused as refused:
        raise Incomplete(f"--details {refused}") from None


def save(path: Path, asked: Authorization) -> None:
    """Keep it, secrets and all, for the owner of the file alone. Raises: OSError."""
    private_file.write(path, json.dumps({"version": VERSION, **asdict(asked)}, indent=2).encode() + b"\n")


def load(path: Path) -> Authorization:
    """An authorization that was saved. Raises: AuthorizationUnusable."""
    try:
        content = strict_json.loads_object(path.read_bytes())
    except FileNotFoundError:
        raise AuthorizationUnusable(f"{path} is not there: ask first (dcrgw tpp par)") from None
    except (OSError, strict_json.JsonRefused):
        raise AuthorizationUnusable(f"{path} cannot be read as an authorization") from None
    names = [each.name for each in fields(Authorization)]
    if content.pop("version", None) != VERSION or sorted(content) != sorted(names):
        raise AuthorizationUnusable(f"{path} is no authorization that `dcrgw tpp` saved")
    if not all(value is None or isinstance(value, str) for value in content.values()):
        raise AuthorizationUnusable(f"{path} is no authorization that `dcrgw tpp` saved")
    return Authorization(**content)  # type: ignore[arg-type]  # all are texts or None, as it has them


def _text(members: Mapping[str, Any], name: str) -> str | None:
    value = members.get(name)
    return value if isinstance(value, str) and value else None
