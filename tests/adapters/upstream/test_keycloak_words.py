"""A client in Keycloak's words and back: what goes in comes out, and nothing odd makes it stumble."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.adapters.upstream import keycloak_words as words
from dcrgw.core.upstream.client import WantedClient
from dcrgw.core.upstream.tokens import claimed, introspected

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
TEXT = st.text(st.characters(codec="ascii", exclude_characters="\x00", min_codepoint=33), min_size=1, max_size=20)
MEMBERS = st.fixed_dictionaries(
    {"token_endpoint_auth_method": st.sampled_from(sorted(words._METHODS))},
    optional={
        "authorization_details_types": st.lists(TEXT, min_size=1, max_size=3),
        "client_name": TEXT,
        "client_uri": TEXT,
        "grant_types": st.sets(st.sampled_from(["authorization_code", "client_credentials"]), min_size=1).map(sorted),
        "id_token_signed_response_alg": st.sampled_from(["PS256", "ES256"]),
        "jwks_uri": TEXT,
        "redirect_uris": st.lists(TEXT, min_size=1, max_size=3, unique=True),
        "require_pushed_authorization_requests": st.just(True),
        "require_signed_request_object": st.just(True),
        "software_id": TEXT,
        "tls_client_auth_subject_dn": TEXT,
        "tls_client_certificate_bound_access_tokens": st.just(True),
    },
)


def kept(representation: dict[str, Any]) -> dict[str, Any]:
    """As Keycloak keeps it: attributes that are empty are gone."""
    attributes = {name: value for name, value in representation["attributes"].items() if value}
    return json.loads(json.dumps({**representation, "attributes": attributes}))


@settings(max_examples=100)
@given(MEMBERS)
def test_what_is_wanted_is_read_back(members: dict[str, Any]) -> None:
    found = words.metadata(kept(words.representation(WantedClient("k", "c", members), "retail")))
    assert {name: found.get(name) for name in members} == members


def test_response_types_are_no_more_than_its_flags_allow() -> None:
    members = {"grant_types": ["authorization_code"], "response_types": ["code", "code id_token"]}
    found = kept(words.representation(WantedClient("k", "c", members), "retail"))
    assert words.metadata(found)["response_types"] == ["code", "code id_token"]
    assert words.metadata({**found, "implicitFlowEnabled": False})["response_types"] == ["code"]
    assert "response_types" not in words.metadata({**found, "standardFlowEnabled": False})


def test_a_client_made_public_there_has_no_method() -> None:
    found = kept(words.representation(WantedClient("k", "c", {"token_endpoint_auth_method": "private_key_jwt"}), "m"))
    assert words.metadata({**found, "publicClient": True})["token_endpoint_auth_method"] == "none"


@settings(max_examples=100)
@given(st.dictionaries(st.sampled_from(sorted({*words.representation(WantedClient("k", "c", {}), "m"), "x"})), JSON))
def test_no_representation_makes_it_stumble(found: dict[str, Any]) -> None:
    assert isinstance(words.metadata(found), dict)


MEMBERS_OF_TOKENS = "active iss aud client_id scope exp iat nbf cnf token_type typ token_use authorization_details"
TOLD = st.dictionaries(st.sampled_from(MEMBERS_OF_TOKENS.split()), JSON)


@settings(max_examples=200)
@given(TOLD)
def test_no_word_on_a_token_makes_it_stumble_and_none_that_is_odd_is_a_yes(told: dict[str, Any]) -> None:
    found = introspected(told, "t", market="m", issuer="https://a", at=0.0)
    assert found is None or (told["active"] is True and isinstance(told["client_id"], str))
    found = claimed(told, "t", market="m", issuer="https://a", audience="https://a", at=0.0, leeway_s=0)
    assert found is None or told["iss"] == "https://a"
