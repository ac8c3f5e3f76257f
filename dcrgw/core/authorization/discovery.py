"""The discovery document of a market (RFC 8414, OpenID Connect Discovery 1.0), made from its settings alone.

Endpoints and grants are those that are served here. The lists of algorithms and response types are what a
registration may ask for: that is what a TPP reads them for, and the bank's authorization server serves them.
"""

from __future__ import annotations

from collections.abc import Iterable

from dcrgw.core.authorization.endpoints import jwks_uri, registration_endpoint, token_endpoint
from dcrgw.core.authorization.grants import GRANT_TYPES
from dcrgw.core.jose import mac
from dcrgw.core.jose.algorithms import ALGORITHMS
from dcrgw.core.market import Market
from dcrgw.core.strict_json import JsonValue

WELL_KNOWN = ("openid-configuration", "oauth-authorization-server")


def document(market: Market, *, has_keys: bool) -> dict[str, JsonValue]:
    """The metadata of a market's authorization server; a list that would be empty is left out (RFC 8414 §3.2).

    `has_keys`: we publish signature keys of our own.
    """
    rules = market.profile.metadata
    endpoints: dict[str, JsonValue] = {
        "registration_endpoint": registration_endpoint(market),
        "token_endpoint": token_endpoint(market),
    }
    lists: dict[str, list[str]] = {
        "scopes_supported": _scopes(market),
        "response_types_supported": sorted(rules.response_types),
        "grant_types_supported": list(GRANT_TYPES),
        "subject_types_supported": ["public", "pairwise"] if "subject_type" in rules.members else ["public"],
        "token_endpoint_auth_methods_supported": [m for m in market.auth_methods if m in rules.auth_methods],
        "token_endpoint_auth_signing_alg_values_supported": _assertion_algorithms(market),
        "id_token_signing_alg_values_supported": _in_order(rules.signing_algorithms),
        "request_object_signing_alg_values_supported": _in_order(rules.signing_algorithms),
    }
    return {
        "issuer": market.issuer,
        **endpoints,
        **({"jwks_uri": jwks_uri(market)} if has_keys else {}),
        **{name: list(values) for name, values in lists.items() if values},
        "tls_client_certificate_bound_access_tokens": True,
        "mtls_endpoint_aliases": dict(endpoints),
    }


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
