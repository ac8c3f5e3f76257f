from __future__ import annotations

from dataclasses import replace

import pytest

from dcrgw.core.authorization.discovery import document
from dcrgw.core.authorization.server import AuthorizationServer, Use
from dcrgw.testkit import markets

PROFILES = ("obuk-3.2", "obuk-3.3", "obuk-3.4", "rfc7591")


@pytest.mark.parametrize("profile", PROFILES)
def test_document_has_what_its_standards_require(profile: str) -> None:
    found = document(markets.market(profile), signing_alg="PS256")
    required = {"issuer", "token_endpoint", "registration_endpoint", "jwks_uri", "response_types_supported"}
    required |= {"subject_types_supported", "id_token_signing_alg_values_supported", "grant_types_supported"}
    assert required <= found.keys()
    assert all(value for value in found.values())


@pytest.mark.parametrize("profile", PROFILES)
def test_document_offers_only_methods_of_market_and_profile(profile: str) -> None:
    market = markets.market(profile, auth_methods=("private_key_jwt", "self_signed_tls_client_auth", "made_up"))
    offered = document(market, signing_alg="PS256")["token_endpoint_auth_methods_supported"]
    assert isinstance(offered, list)
    assert "made_up" not in offered
    assert set(offered) <= market.profile.metadata.auth_methods


def test_assertion_algorithms_are_those_of_the_offered_methods() -> None:
    name = "token_endpoint_auth_signing_alg_values_supported"
    offers = {
        ("private_key_jwt",): ["PS256", "ES256"],
        ("client_secret_jwt",): ["HS256"],
        ("client_secret_jwt", "private_key_jwt"): ["PS256", "ES256", "HS256"],
    }
    for methods, algorithms in offers.items():
        assert document(markets.market(auth_methods=methods), signing_alg="PS256")[name] == algorithms
    assert name not in document(markets.market(auth_methods=("tls_client_auth",)), signing_alg="PS256")


def test_key_set_is_named_only_where_there_is_one() -> None:
    assert "jwks_uri" not in document(markets.market(), signing_alg=None)


def test_scopes_are_left_out_where_the_market_lists_none() -> None:
    assert "scopes_supported" not in document(markets.market("rfc7591"), signing_alg="PS256")
    assert document(markets.market(), signing_alg="PS256")["scopes_supported"] == [
        "openid",
        "accounts",
        "fundsconfirmations",
        "payments",
    ]


def test_public_and_mutual_tls_parts_stand_apart() -> None:
    market = markets.market(base_url="https://matls.bank.example/uk", issuer="https://auth.bank.example/uk")
    found = document(market, signing_alg="PS256")
    assert found["jwks_uri"] == "https://auth.bank.example/uk/jwks"
    assert found["token_endpoint"] == "https://matls.bank.example/uk/token"
    assert found["mtls_endpoint_aliases"] == {
        "token_endpoint": "https://matls.bank.example/uk/token",
        "registration_endpoint": "https://matls.bank.example/uk/register",
        "introspection_endpoint": "https://matls.bank.example/uk/introspect",
        "revocation_endpoint": "https://matls.bank.example/uk/revoke",
    }


ASKING = AuthorizationServer(grant_types=("client_credentials", "authorization_code"))


def test_market_that_asks_nobody_names_no_authorization_endpoint() -> None:
    found = document(markets.market(), signing_alg="PS256")
    assert found["grant_types_supported"] == ["client_credentials"]
    for name in ("authorization_endpoint", "pushed_authorization_request_endpoint", "code_challenge_methods_supported"):
        assert name not in found


def test_market_that_asks_people_offers_what_it_answers() -> None:
    found = document(markets.market(server=ASKING), signing_alg="ES256", detail_types=("payment",))
    assert found["response_types_supported"] == ["code", "code id_token"]
    assert found["response_modes_supported"] == ["query", "fragment"]
    assert found["id_token_signing_alg_values_supported"] == ["ES256"]
    assert found["authorization_details_types_supported"] == ["payment"]
    assert (found["require_pushed_authorization_requests"], found["require_signed_request_object"]) == (False, False)
    assert "none" not in found["prompt_values_supported"]


def test_market_that_signs_nothing_offers_no_id_token() -> None:
    found = document(markets.market(server=ASKING), signing_alg=None)
    assert (found["response_types_supported"], found["response_modes_supported"]) == (["code"], ["query"])
    assert "id_token_signing_alg_values_supported" not in found


def test_market_offers_no_response_type_that_its_profile_has_not() -> None:
    plain = markets.market(server=ASKING)
    rules = replace(plain.profile.metadata, response_types=frozenset({"code id_token"}))
    found = document(replace(plain, profile=replace(plain.profile, metadata=rules)), signing_alg="ES256")
    assert (found["response_types_supported"], found["response_modes_supported"]) == (["code id_token"], ["fragment"])


def test_what_is_required_or_off_is_said() -> None:
    server = replace(ASKING, pushed=Use.REQUIRED, signed_requests=Use.REQUIRED)
    found = document(markets.market(server=server), signing_alg="ES256")
    assert (found["require_pushed_authorization_requests"], found["require_signed_request_object"]) == (True, True)
    server = replace(ASKING, pushed=Use.OFF, signed_requests=Use.OFF)
    found = document(markets.market(server=server), signing_alg="ES256")
    assert "pushed_authorization_request_endpoint" not in found
    assert found["request_parameter_supported"] is False
