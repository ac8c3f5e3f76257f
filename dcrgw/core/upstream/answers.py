"""What the AS answered to a judged request, as far as it may leave: JSON of the expected shape, or an OAuth error.

Everything else is no answer: a page, a stack trace, a redirect, another client's token.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from dcrgw.core import strict_json
from dcrgw.core.authorization.introspection import INACTIVE
from dcrgw.core.checks import gate, wire_text
from dcrgw.core.jose import base64url
from dcrgw.core.market import Market
from dcrgw.core.strict_json import JsonValue
from dcrgw.errors import ErrorCode

AGREES = gate(
    "forward.agreed",
    "The authorization server behind the gateway answers, and says yes; a no is passed on with its own error code.",
    spec="RFC 6749 §5.1, §5.2",
    code=ErrorCode.INVALID_REQUEST,
)


class AnswerRefused(ValueError):
    """The AS said nothing that may leave. The message is a predicate for the operator and holds none of it."""


@dataclass(frozen=True, slots=True)
class OAuthError:
    """The AS's own no (RFC 6749 §5.2), bounded."""

    status: int
    code: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """The AS's yes: the members of its answer."""

    status: int
    body: Mapping[str, JsonValue] = field(repr=False)


#: RFC 6749 appendix A.7: error = 1*NQSCHAR; no known one is longer.
_CODE = re.compile(r"[a-zA-Z0-9_.:/-]{1,64}")
#: What an OAuth endpoint says no by. 401 and 403 come from servers in front of the AS too, without an OAuth error then.
_NO = frozenset({400, 401, 403, 404, 405, 413, 415, 422})


def heard(status: int, body: bytes, *, may_be_empty: bool = False) -> Said | OAuthError:
    """What was said. Raises: AnswerRefused."""
    if 200 <= status <= 201:
        return Said(status, {} if may_be_empty and not body.strip() else _object(body))
    if status in _NO:
        return _error(status, body)
    raise AnswerRefused(f"answered {status}")


def _error(status: int, body: bytes) -> OAuthError:
    said = _object(body)
    code, description = said.get("error"), said.get("error_description")
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise AnswerRefused(f"answered {status} without an OAuth error")
    told = wire_text(description) if isinstance(description, str) else ""
    # 404, 405 … are about an endpoint that the client never saw.
    return OAuthError(status if status in (400, 401, 403) else 400, code, told)


def _object(body: bytes) -> dict[str, JsonValue]:
    try:
        return strict_json.loads_object(body)
    except strict_json.JsonRefused as refused:
        raise AnswerRefused(f"answered with what {refused}") from None


def without(text: str, secrets: Iterable[str | None]) -> str:
    """What the AS says of a refusal, for its client and for reports: some servers repeat there what they were shown."""
    for secret in secrets:
        if secret is not None and len(secret) >= _LEAST_SECRET:
            text = text.replace(secret, "...")
    return text


#: Shorter texts are no secret, and would be found inside other words.
_LEAST_SECRET = 4


def pushed(said: Said) -> tuple[str, int]:
    """request_uri and its life in seconds (RFC 9126 §2.2). Raises: AnswerRefused."""
    uri, lifetime = said.body.get("request_uri"), said.body.get("expires_in")
    if not isinstance(uri, str) or not _URI.fullmatch(uri):
        raise AnswerRefused("answered with no request_uri")
    if type(lifetime) is not int or not 0 < lifetime <= _LONGEST_PUSHED_S:
        raise AnswerRefused("answered with no expires_in of a request_uri")
    return uri, lifetime


_URI = re.compile(r"[\x21\x23-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7c\x7e]{1,512}")
_LONGEST_PUSHED_S = 86_400


def token(said: Said, client_id: str, market: Market) -> Mapping[str, JsonValue]:
    """The members of a token answer (RFC 6749 §5.1) to this client. Raises: AnswerRefused.

    Signatures are the AS's word to others and are not proven here; whose the tokens are is looked at, so that an answer
    that was another client's goes to nobody.
    """
    access, kind = said.body.get("access_token"), said.body.get("token_type")
    if not isinstance(access, str) or not _TOKEN.fullmatch(access):
        raise AnswerRefused("answered with no access_token")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise AnswerRefused("answered with a token of another type than Bearer")
    _settle_owner(access, "client_id", client_id, market)
    vouching = said.body.get("id_token")
    if vouching is not None:
        if not isinstance(vouching, str):
            raise AnswerRefused("answered with an id_token that is no text")
        _settle_owner(vouching, "aud", client_id, market)
    return said.body


_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


def _settle_owner(jwt: str, member: str, client_id: str, market: Market) -> None:
    claims = jwt_claims(jwt) or {}
    named = claims.get(member)
    if named is not None and client_id not in (named if isinstance(named, list) else [named]):
        raise AnswerRefused("answered with another client's token")
    if claims.get("iss", market.issuer) != market.issuer:
        raise AnswerRefused("answered with another issuer's token")


def jwt_claims(text: str) -> dict[str, JsonValue] | None:
    """The unproven claims of a signed JWT; None of an opaque or encrypted token.

    Raises: AnswerRefused for claims that others could read in another way than we do.
    """
    parts = text.split(".")
    if len(parts) != 3 or not _is_header(parts[0]):
        return None
    try:
        return strict_json.loads_object(base64url.decode(parts[1].encode()))
    except (base64url.NotCanonical, strict_json.JsonRefused):
        raise AnswerRefused("answered with a JWT whose claims cannot be read") from None


def _is_header(part: str) -> bool:
    """Whether a token's first part is a JOSE header, to a lenient reader too."""
    try:
        found = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and "alg" in found


def audience(jwt: str) -> str | None:
    """Whom an unproven ID token names as its one client; None where it names nobody."""
    try:
        claims = jwt_claims(jwt) or {}
    except AnswerRefused:
        return None
    named = claims.get("azp", claims.get("aud"))
    one = named[0] if isinstance(named, list) and len(named) == 1 else named
    return one if isinstance(one, str) else None


def introspected(said: Said, client_id: str | None, market: Market) -> Mapping[str, JsonValue]:
    """What a token is good for (RFC 7662 §2.2), as `client_id` may hear it; None hears of every client.

    Raises: AnswerRefused.
    """
    active, named = said.body.get("active"), said.body.get("client_id")
    if type(active) is not bool:
        raise AnswerRefused("answered without active")
    if not active:
        return INACTIVE
    if said.body.get("iss", market.issuer) != market.issuer:
        raise AnswerRefused("answered about another issuer's token")
    if not isinstance(named, str):
        # Whose it is decides who may hear of it, and whether that client may still come.
        raise AnswerRefused("answered about an active token without its client_id")
    return said.body if client_id in (None, named) else INACTIVE


#: Private members of a JWK (RFC 7518 §6.2.2, §6.3.2, §6.4.1).
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


def keys(status: int, body: bytes) -> Mapping[str, JsonValue]:
    """The AS's published keys (RFC 7517 §5). Raises: AnswerRefused, also for a private key: nobody passes that on."""
    if status != 200:
        raise AnswerRefused(f"answered {status}")
    found = _object(body).get("keys")
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise AnswerRefused("answered with no key set")
    if any(not _PRIVATE.isdisjoint(each) for each in found if isinstance(each, dict)):
        raise AnswerRefused("answered with a private key among its published ones")
    return {"keys": found}


def userinfo(status: int, headers: Iterable[tuple[str, str]], body: bytes) -> tuple[str, bytes]:
    """What the AS tells of a person, with its media type: JSON, or a JWT for its client. Raises: AnswerRefused."""
    if status != 200:
        # The token was good a moment ago, and over this certificate: a no is none of the client's.
        raise AnswerRefused(f"answered {status}")
    said = next((value for name, value in headers if name.lower() == "content-type"), "")
    kind = said.partition(";")[0].strip().lower()
    if kind == "application/jwt" and _JWT.fullmatch(body):
        return kind, body
    if kind == "application/json" and isinstance(_object(body).get("sub"), str):
        return kind, body
    raise AnswerRefused("answered with neither claims nor a JWT")


_JWT = re.compile(rb"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*){2,4}")
