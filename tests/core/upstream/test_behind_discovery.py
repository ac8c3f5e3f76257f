"""The discovery document of a market with a server behind it: what both can, and nothing that is not passed on."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcrgw.core.authorization.server import AuthorizationServer, Use
from dcrgw.core.market import Market
from dcrgw.core.upstream.discovery import document
from dcrgw.core.upstream.server import Gap, TokenSource, UpstreamServer
from dcrgw.testkit import markets

INSIDE = "https://as.internal:8443"


def behind(*methods: str, gap: Gap = Gap.REFUSE) -> UpstreamServer:
    return UpstreamServer(
        kind="oidc-provider",
        auth_methods=frozenset(methods or ("private_key_jwt", "tls_client_auth")),
        gap=gap,
        takes_client_id=True,
        finds_clients=True,
        url=INSIDE,
        pages=(),
        token_source=TokenSource.INTROSPECTION,
    )


def market(**changes: Any) -> Market:
    server = AuthorizationServer(grant_types=("client_credentials", "authorization_code", "refresh_token"))
    return markets.market(**{"upstream": behind(), "server": server, **changes})


def theirs(**changes: Any) -> dict[str, Any]:
    """The server's own document."""
    at = market().issuer
    told = {
        "issuer": at,
        "authorization_endpoint": f"{at}/auth",
        "token_endpoint": f"{INSIDE}/token",
        "jwks_uri": f"{at}/jwks",
        "pushed_authorization_request_endpoint": f"{at}/request",
        "introspection_endpoint": f"{at}/token/introspection",
        "revocation_endpoint": f"{at}/token/revocation",
        "userinfo_endpoint": f"{at}/me",
        "end_session_endpoint": f"{at}/session/end",
        "registration_endpoint": f"{at}/reg",
        "device_authorization_endpoint": f"{at}/device/auth",
        "backchannel_authentication_endpoint": f"{at}/backchannel",
        "check_session_iframe": f"{at}/session/check",
        "mtls_endpoint_aliases": {"token_endpoint": f"{INSIDE}/token"},
        "signed_metadata": "a.b.c",
        "id_token_signing_alg_values_supported": ["PS256", "RS256"],
        "grant_types_supported": ["client_credentials", "authorization_code", "implicit"],
        "response_types_supported": ["id_token code", "code", "none"],
        "dpop_signing_alg_values_supported": ["ES256"],
        "claims_supported": ["sub"],
        "authorization_details_types_supported": ["payment", "other"],
        "request_object_encryption_alg_values_supported": ["RSA-OAEP"],
        "tls_client_certificate_bound_access_tokens": True,
        **changes,
    }
    return {name: value for name, value in told.items() if value is not None}


def test_endpoints_are_the_gateway_s_and_the_issuer_stays() -> None:
    at = market()
    made = document(at, theirs())
    assert made["issuer"] == at.issuer
    assert made["token_endpoint"] == f"{at.base_url}/token"
    assert made["userinfo_endpoint"] == f"{at.base_url}/userinfo"
    assert made["authorization_endpoint"] == f"{at.issuer}/authorize"
    assert made["end_session_endpoint"] == f"{at.issuer}/end-session"
    assert made["registration_endpoint"] == f"{at.base_url}/register"
    aliases = made["mtls_endpoint_aliases"]
    assert isinstance(aliases, dict)
    assert aliases["token_endpoint"] == made["token_endpoint"]
    assert "authorization_endpoint" not in aliases


def test_what_is_not_passed_on_is_not_told() -> None:
    made = document(market(), theirs())
    for name in ("device_authorization_endpoint", "backchannel_authentication_endpoint", "check_session_iframe",
                 "signed_metadata", "dpop_signing_alg_values_supported",
                 "request_object_encryption_alg_values_supported"):  # fmt: skip
        assert name not in made


def test_lists_are_what_both_can() -> None:
    made = document(market(), theirs(), detail_types=("payment", "accounts"))
    assert made["grant_types_supported"] == ["client_credentials", "authorization_code"]
    assert made["authorization_details_types_supported"] == ["payment"]
    assert made["id_token_signing_alg_values_supported"] == ["PS256"]
    assert set(made["response_types_supported"]) <= {"code", "code id_token"}  # type: ignore[arg-type]
    assert made["claims_supported"] == ["sub"]
    assert document(market(), theirs(authorization_details_types_supported=None), detail_types=("payment",))[
        "authorization_details_types_supported"
    ] == ["payment"]


def test_methods_are_the_server_s_own_and_those_that_are_bridged() -> None:
    name = "token_endpoint_auth_methods_supported"
    assert document(market(upstream=behind("private_key_jwt")), theirs())[name] == ["private_key_jwt"]
    bridged = market(upstream=behind("client_secret_basic", gap=Gap.BRIDGE))
    assert "tls_client_auth" in document(bridged, theirs())[name]  # type: ignore[operator]


@pytest.mark.parametrize("name", ["userinfo_endpoint", "end_session_endpoint", "pushed_authorization_request_endpoint"])
def test_endpoint_that_the_server_lacks_is_not_told(name: str) -> None:
    assert name not in document(market(), theirs(**{name: None}))


def test_stricter_rule_for_requests_counts() -> None:
    made = document(market(), theirs(require_pushed_authorization_requests=True, request_parameter_supported=False))
    assert made["require_pushed_authorization_requests"] is True
    assert made["request_parameter_supported"] is False
    assert made["request_uri_parameter_supported"] is False
    ours = AuthorizationServer(grant_types=("authorization_code",), signed_requests=Use.REQUIRED)
    assert document(market(server=ours), theirs())["require_signed_request_object"] is True


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=6) | st.just(f"{INSIDE}/x"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(theirs())), _JSON, max_size=8))
def test_whatever_the_server_says_its_own_addresses_are_told_to_nobody(said: dict[str, Any]) -> None:
    made = document(market(), {**theirs(), **said})
    assert made["issuer"] == market().issuer
    addresses = [value for name, value in made.items() if name.endswith(("_endpoint", "jwks_uri"))]
    assert all(isinstance(each, str) and not each.startswith(INSIDE) for each in addresses)
    assert all(value not in (None, []) for value in made.values())
