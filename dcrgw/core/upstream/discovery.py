"""The discovery document of a market with an AS behind it: what both can, at the gateway's own endpoints.

What the gateway does not pass on does not stand in it, so that no TPP goes past the gateway's judgement.
"""

from __future__ import annotations

from collections.abc import Mapping

from dcrgw.core.authorization import discovery as own
from dcrgw.core.authorization import endpoints, response_types
from dcrgw.core.authorization.parameters import PROMPTS
from dcrgw.core.authorization.server import Use
from dcrgw.core.market import Market
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.upstream import gaps

#: Members that say how the AS speaks to people or what it tells of them: its own matter.
_THEIRS = (
    "acr_values_supported",
    "authorization_response_iss_parameter_supported",
    "claim_types_supported",
    "claims_locales_supported",
    "claims_parameter_supported",
    "claims_supported",
    "display_values_supported",
    "id_token_encryption_alg_values_supported",
    "id_token_encryption_enc_values_supported",
    "op_policy_uri",
    "op_tos_uri",
    "service_documentation",
    "subject_types_supported",
    "tls_client_certificate_bound_access_tokens",
    "ui_locales_supported",
    "userinfo_encryption_alg_values_supported",
    "userinfo_encryption_enc_values_supported",
    "userinfo_signing_alg_values_supported",
)
#: What the gateway offers of it is left only if the AS offers it too, where it says anything.
_BOTH = (
    "authorization_details_types_supported",
    "code_challenge_methods_supported",
    "grant_types_supported",
    "prompt_values_supported",
    "request_object_signing_alg_values_supported",
    "response_modes_supported",
    "response_types_supported",
    "scopes_supported",
    *(
        f"{endpoint}_endpoint_auth_signing_alg_values_supported"
        for endpoint in ("token", "introspection", "revocation")
    ),
)
_AUTH_METHODS = tuple(
    f"{endpoint}_endpoint_auth_methods_supported" for endpoint in ("token", "introspection", "revocation")
)


def document(
    market: Market, theirs: Mapping[str, JsonValue], *, detail_types: tuple[str, ...] = ()
) -> dict[str, JsonValue]:
    """The metadata of the market (RFC 8414, OpenID Connect Discovery 1.0); `theirs` is the AS's own document.

    `detail_types` are those that the gateway judges. A list that would be empty is left out (RFC 8414 §3.2).
    """
    rules = market.profile.metadata
    ours = own.document(
        market, signing_alg=_first(theirs.get("id_token_signing_alg_values_supported")), detail_types=detail_types
    )
    made: dict[str, JsonValue] = {"issuer": market.issuer, **_endpoints(market, theirs)}
    made["mtls_endpoint_aliases"] = {name: url for name, url in made.items() if _is_mutual(name)}
    made |= {name: theirs[name] for name in _THEIRS if name in theirs}
    for name in _BOTH:
        made[name] = _both(name, ours.get(name), theirs.get(name))
    made |= {name: _methods(market) for name in _AUTH_METHODS}
    made["id_token_signing_alg_values_supported"] = [
        alg for alg in _texts(theirs.get("id_token_signing_alg_values_supported")) if alg in rules.signing_algorithms
    ]
    if "authorization_endpoint" in made:
        made |= _ways_to_ask(market, theirs)
    return {name: value for name, value in made.items() if value not in (None, [])}


def _endpoints(market: Market, theirs: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Those that the AS has and the gateway passes on. Registration is the gateway's own."""
    asks, pushes = market.server.asks_people, market.server.takes_pushed_requests
    found = {
        "token_endpoint": endpoints.token_endpoint(market),
        "introspection_endpoint": endpoints.introspection_endpoint(market),
        "revocation_endpoint": endpoints.revocation_endpoint(market),
        "pushed_authorization_request_endpoint": endpoints.pushed_endpoint(market) if pushes else None,
        "userinfo_endpoint": endpoints.userinfo_endpoint(market),
        "authorization_endpoint": endpoints.authorization_endpoint(market) if asks else None,
        "end_session_endpoint": endpoints.end_session_endpoint(market) if asks else None,
        "jwks_uri": endpoints.jwks_uri(market),
    }
    kept: dict[str, JsonValue] = {name: url for name, url in found.items() if url is not None and name in theirs}
    return {"registration_endpoint": endpoints.registration_endpoint(market), **kept}


def _is_mutual(name: str) -> bool:
    """Whether an endpoint is on the listener of client certificates (RFC 8705 §5)."""
    return name.endswith("_endpoint") and name not in ("authorization_endpoint", "end_session_endpoint")


def _ways_to_ask(market: Market, theirs: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Rules for requests: the stricter of both. Encrypted objects and foreign request_uris cannot be judged."""
    server = market.server
    return {
        "require_pushed_authorization_requests": server.pushed is Use.REQUIRED
        or theirs.get("require_pushed_authorization_requests") is True,
        "request_parameter_supported": server.signed_requests is not Use.OFF
        and theirs.get("request_parameter_supported") is not False,
        "require_signed_request_object": server.signed_requests is Use.REQUIRED
        or theirs.get("require_signed_request_object") is True,
        "request_uri_parameter_supported": False,
    }


def _methods(market: Market) -> list[JsonValue]:
    """The AS's own, and those that the gateway has in its place."""
    server = market.upstream
    return [each for each in own.methods(market) if server is None or gaps.fault(each, server) is None]


def _both(name: str, ours: JsonValue, theirs: JsonValue) -> list[JsonValue]:
    if name == "prompt_values_supported":
        # Somebody may be signed in at the AS, so that none may succeed.
        ours = list(PROMPTS)
    if theirs is None:
        return _texts(ours)
    known = [
        response_types.spelled(each) if name == "response_types_supported" else each
        for each in map(str, _texts(theirs))
    ]
    return [each for each in _texts(ours) if each in known]


def _texts(value: JsonValue) -> list[JsonValue]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _first(value: JsonValue) -> str | None:
    return next((str(each) for each in _texts(value)), None)
