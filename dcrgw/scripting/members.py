"""Client metadata under three spellings: `client.jwks_uri`, `client.getJwksUri()`, `client.setJwksUri(...)`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from dcrgw.core.strict_json import MAX_DEPTH, MAX_NUMBER_LENGTH, JsonValue

#: The members that a script may name (RFC 7591 §2, OIDC Registration §2, RFC 8705 §2, RFC 9126 §6, RFC 9396 §10,
#: CIBA §4, OB UK DCR). A name outside this list is a typing error, not an absent member.
MEMBERS = frozenset(
    {
        "application_type",
        "authorization_details_types",
        "backchannel_authentication_request_signing_alg",
        "backchannel_client_notification_endpoint",
        "backchannel_token_delivery_mode",
        "backchannel_user_code_parameter",
        "client_name",
        "client_uri",
        "contacts",
        "default_acr_values",
        "default_max_age",
        "grant_types",
        "id_token_encrypted_response_alg",
        "id_token_encrypted_response_enc",
        "id_token_signed_response_alg",
        "initiate_login_uri",
        "jwks",
        "jwks_uri",
        "logo_uri",
        "policy_uri",
        "post_logout_redirect_uris",
        "redirect_uris",
        "request_object_encryption_alg",
        "request_object_encryption_enc",
        "request_object_signing_alg",
        "request_uris",
        "require_auth_time",
        "require_pushed_authorization_requests",
        "response_types",
        "scope",
        "sector_identifier_uri",
        "software_id",
        "software_roles",
        "software_version",
        "subject_type",
        "tls_client_auth_san_dns",
        "tls_client_auth_san_email",
        "tls_client_auth_san_ip",
        "tls_client_auth_san_uri",
        "tls_client_auth_subject_dn",
        "tls_client_certificate_bound_access_tokens",
        "token_endpoint_auth_method",
        "token_endpoint_auth_signing_alg",
        "tos_uri",
        "userinfo_encrypted_response_alg",
        "userinfo_encrypted_response_enc",
        "userinfo_signed_response_alg",
    }
)

_ACCESSOR = re.compile(r"(get|set)([A-Z]\w*)")
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


def is_member(name: str, present: dict[str, JsonValue]) -> bool:
    """Whether `name` is metadata: a known member, or one that this client carries (a language-tagged one)."""
    return name in MEMBERS or name in present


def accessor(name: str) -> tuple[str, str] | None:
    """`getJwksUri` is ("get", "jwks_uri"); None when `name` is no getter or setter."""
    matched = _ACCESSOR.fullmatch(name)
    return (matched[1], _CAPITAL.sub("_", matched[2]).lower()) if matched else None


_SCALARS = frozenset({str, int, bool, type(None)})
_TEXT = frozenset({str})


def copied(value: Any) -> JsonValue:
    """A copy of a JSON value that shares nothing with it. Raises: TypeError for what is not JSON."""
    # By type first: a look-up instead of a walk over every class, for what nearly all values are.
    if type(value) in _SCALARS or isinstance(value, (str, int)):
        return value  # type: ignore[no-any-return]  # of _SCALARS
    if isinstance(value, float) and math.isfinite(value):
        return value + 0.0  # no negative zero
    if isinstance(value, list | tuple):
        return [copied(item) for item in value]
    if isinstance(value, dict):
        return copied_object(value)
    raise TypeError(f"{type(value).__name__} is not a JSON value")


def copied_object(members: Mapping[Any, Any]) -> dict[str, JsonValue]:
    """The same of an object's members."""
    if not (_TEXT.issuperset(map(type, members)) or all(isinstance(name, str) for name in members)):
        raise TypeError("a member's name is not text")
    return {name: value if type(value) in _SCALARS else copied(value) for name, value in members.items()}


_SURROGATE = re.compile("[\ud800-\udfff]")
#: A whole number of more digits is none that `strict_json` reads.
_LARGEST = 10 ** (MAX_NUMBER_LENGTH - 1)


def left(value: Any, levels: int = MAX_DEPTH) -> JsonValue:
    """What a script leaves, copied. Raises: TypeError for what the gateway would not take from strangers either
    (`strict_json`): a worker's pipe refuses it, so an inline script may not leave it.
    """
    plain = copied(value)
    _judge(plain, levels)
    return plain


def _judge(value: JsonValue, levels: int) -> None:
    if isinstance(value, str):
        if not value.isascii() and _SURROGATE.search(value):
            raise TypeError("a text holds half of a surrogate pair")
    elif isinstance(value, int):
        if not -_LARGEST < value < _LARGEST:
            raise TypeError("a number is too large")
    elif isinstance(value, list | dict):
        if levels <= 0:
            raise TypeError("it nests too deep")
        for each in (*value, *value.values()) if isinstance(value, dict) else value:
            _judge(each, levels - 1)
