"""The discovery document of a market (RFC 8414, OpenID Connect Discovery 1.0), made from its settings alone.

Endpoints and grants are those that are served here. Where no person is asked here, the lists of algorithms and
response types are what a registration may ask for: TPPs read them for that, and the bank's own server serves them.
"""

from __future__ import annotations

from collections.abc import Iterable

from dcrgw.core.authorization import response_types
from dcrgw.core.authorization.endpoints import (
    authorization_endpoint,
    introspection_endpoint,
    jwks_uri,
    pushed_endpoint,
    registration_endpoint,
    revocation_endpoint,
    token_endpoint,
)
from dcrgw.core.authorization.parameters import CHALLENGE_METHODS, PROMPTS
from dcrgw.core.authorization.server import Use
from dcrgw.core.jose import mac
from dcrgw.core.jose.algorithms import ALGORITHMS
from dcrgw.core.market import Market
from dcrgw.core.strict_json import JsonValue

WELL_KNOWN = ("openid-configuration", "oauth-authorization-server")


def document(market: Market, *, signing_alg: str | None, detail_types: tuple[str, ...] = ()) -> dict[str, JsonValue]:
    """The metadata of a market's authorization server; a list that would be empty is left out (RFC 8414 §3.2).

    `signing_alg` is that of our own signature keys, None where we publish none.
    """
    rules, server = market.profile.metadata, market.server
    endpoints: dict[str, JsonValue] = {
        "registration_endpoint": registration_endpoint(market),
        "token_endpoint": token_endpoint(market),
        "introspection_endpoint": introspection_endpoint(market),
        "revocation_endpoint": revocation_endpoint(market),
        **({"pushed_authorization_request_endpoint": pushed_endpoint(market)} if server.takes_pushed_requests else {}),
    }
    lists: dict[str, list[str]] = {
        "scopes_supported": _scopes(market),
        "response_types_supported": _response_types(market, signing_alg),
        "grant_types_supported": list(server.grant_types),
        "subject_types_supported": ["public", "pairwise"] if "subject_type" in rules.members else ["public"],
        "token_endpoint_auth_methods_supported": methods(market),
        "token_endpoint_auth_signing_alg_values_supported": _assertion_algorithms(market),
        "introspection_endpoint_auth_methods_supported": methods(market),
        "revocation_endpoint_auth_methods_supported": methods(market),
        "introspection_endpoint_auth_signing_alg_values_supported": _assertion_algorithms(market),
        "revocation_endpoint_auth_signing_alg_values_supported": _assertion_algorithms(market),
        "id_token_signing_alg_values_supported": _id_token_algorithms(market, signing_alg),
        "authorization_details_types_supported": list(detail_types),
        "request_object_signing_alg_values_supported": _in_order(rules.signing_algorithms),
    }
    return {
        "issuer": market.issuer,
        **endpoints,
        **({"jwks_uri": jwks_uri(market)} if signing_alg else {}),
        **{name: list(values) for name, values in lists.items() if values},
        **(_of_authorization(market, signing_alg) if server.asks_people else {}),
        "tls_client_certificate_bound_access_tokens": True,
        "mtls_endpoint_aliases": dict(endpoints),
    }


def _of_authorization(market: Market, signing_alg: str | None) -> dict[str, JsonValue]:
    """What an authorization endpoint adds: RFC 7636, RFC 9101, RFC 9126, RFC 9207, OpenID Connect Core 1.0."""
    server = market.server
    return {
        "authorization_endpoint": authorization_endpoint(market),
        "response_modes_supported": [response_types.MODES[each] for each in _response_types(market, signing_alg)],
        "code_challenge_methods_supported": list(CHALLENGE_METHODS),
        "authorization_response_iss_parameter_supported": True,
        "require_pushed_authorization_requests": server.pushed is Use.REQUIRED,
        "request_parameter_supported": server.signed_requests is not Use.OFF,
        "require_signed_request_object": server.signed_requests is Use.REQUIRED,
        # Of request_uris only those are taken that were pushed: nothing is fetched (OpenID Connect Discovery 1.0 §3).
        "request_uri_parameter_supported": False,
        "claims_parameter_supported": False,
        # Nobody stays signed in, so that none never succeeds.
        "prompt_values_supported": [each for each in PROMPTS if each != "none"],
    }


def methods(market: Market) -> list[str]:
    """token_endpoint_auth_method values that the market offers and its profile knows, best first."""
    return [method for method in market.auth_methods if method in market.profile.metadata.auth_methods]


def _response_types(market: Market, signing_alg: str | None) -> list[str]:
    """Where people are asked here, what is answered here; elsewhere what a registration may ask for."""
    if not market.server.asks_people:
        return sorted(market.profile.metadata.response_types)
    served = response_types.offered(market)
    return [each for each in served if signing_alg or not response_types.wants_id_token(each)]


def _id_token_algorithms(market: Market, signing_alg: str | None) -> list[str]:
    if market.server.asks_people:
        return [signing_alg] if signing_alg else []
    return _in_order(market.profile.metadata.signing_algorithms)


def _scopes(market: Market) -> list[str]:
    rules = market.profile.metadata
    return [*sorted(rules.free_scopes), *sorted(frozenset().union(*rules.role_scopes.values()))]


def _assertion_algorithms(market: Market) -> list[str]:
    """By published key, by secret; none where no offered method signs anything."""
    by_key = _in_order(market.profile.metadata.signing_algorithms) if "private_key_jwt" in market.auth_methods else []
    return by_key + ([mac.ALGORITHM] if "client_secret_jwt" in market.auth_methods else [])


def _in_order(algorithms: Iterable[str]) -> list[str]:
    """The strongest habit first: tools take the first one."""
    wanted = frozenset(algorithms)
    return [name for name in ALGORITHMS if name in wanted]
