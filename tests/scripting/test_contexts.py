"""What a script reads: members by three spellings, certificate, properties."""

from __future__ import annotations

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripting_builders import call, certificate

from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.scripting.bindings import ask_nothing
from dcrgw.scripting.contexts import CertUtils, DynamicClientRegistrationContext
from dcrgw.scripting.facts import facts_of_call
from dcrgw.scripting.members import MEMBERS, accessor, copied
from dcrgw.scripting.properties import ConfigurationAttributes


def context(**changes: object) -> DynamicClientRegistrationContext:
    return DynamicClientRegistrationContext(facts_of_call(call(**changes)), {"a": "1"}, ask_nothing)


def camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_every_member_has_a_getter_and_a_setter(name: str) -> None:
    client = context(metadata=ClientMetadata({})).client
    assert getattr(client, name) is None
    getattr(client, f"set{camel(name)}")(["value"])
    assert getattr(client, f"get{camel(name)}")() == getattr(client, name) == client.metadata[name] == ["value"]
    request = context(metadata=ClientMetadata({name: "asked"})).register_request
    assert getattr(request, name) == "asked"
    getter = getattr(request, f"get{camel(name)}")()
    assert getter == (["asked"] if name == "scope" else "asked")


def test_request_is_read_by_the_seeds_names() -> None:
    request = context().getRegisterRequest()
    assert request.getScope() == ["openid", "accounts"]
    assert request.scope == "openid accounts"
    assert request.getSoftwareStatement() == "a.b.c"
    assert request.getTlsClientAuthSubjectDn() == "CN=software-1"
    assert request.getJwksUri() is None
    assert request.claims["jti"] == "r-1"


def test_statement_is_read_by_the_seeds_names() -> None:
    statement = context().getSoftwareStatement()
    claims = statement.getClaims()
    assert (statement.software_id, statement.org_id, str(statement)) == ("software-1", "org-1", "a.b.c")
    assert claims.getClaim("iat") == 1
    assert claims.getClaimAsString("iat") == "1"
    assert claims.getClaimAsString("absent") is None
    assert claims.getClaimAsStringList("software_roles") == ["AISP"]
    assert claims.getClaimAsStringList("iat") == ["1"]
    assert claims.getClaimAsStringList("absent") == []


def test_certificate_is_the_callers() -> None:
    assert CertUtils.getCN(context(certificate=certificate("other")).getCertificate()) == "other"


def test_properties_are_a_mapping_with_the_seeds_names() -> None:
    properties = context().getConfigurationAttibutes()
    assert properties is not context().getConfigurationAttributes()
    assert properties.containsKey("a")
    assert "a" in properties
    assert not properties.containsKey("b")
    assert properties.get("b") is None
    assert (properties["a"].getValue1(), properties["a"].getValue2()) == ("a", "1")
    assert properties.get("certProperty").getValue1() == ssl.DER_cert_to_PEM_cert(call().certificate)
    assert sorted(properties) == ["a", "certProperty"]
    assert len(properties) == 2


def test_properties_of_init_hold_no_certificate() -> None:
    assert not ConfigurationAttributes({}).containsKey("certProperty")


def test_names_asked_for_in_vain_are_kept_for_a_while_only() -> None:
    properties = ConfigurationAttributes({"hosts": "a"})
    for number in range(1000):
        assert properties.get(f"tier.{number}") is None
    assert properties.missed[0] == "tier.0"
    assert len(properties.missed) == 100


def test_setting_a_member_copies_the_value() -> None:
    client = context().client
    uris = ["https://a.example"]
    client.redirect_uris = uris
    uris.append("https://b.example")
    assert client.redirect_uris == ["https://a.example"]


def test_scopes_by_name() -> None:
    client = context().client
    client.setScopes(["openid", "payments"])
    assert client.getScopes() == ["openid", "payments"]
    assert client.scope == "openid payments"
    assert client.getAuthenticationMethod() == "tls_client_auth"
    assert client.getClientId() == "generated"


@pytest.mark.parametrize("name", ["get", "set", "getx", "jwksUri", "_private", "__deepcopy__"])
def test_names_that_are_no_members_are_attribute_errors(name: str) -> None:
    with pytest.raises(AttributeError):
        getattr(context().register_request, name)
    with pytest.raises(AttributeError):
        getattr(context().client, name)


@given(st.text())
def test_any_name_is_an_accessor_or_none(name: str) -> None:
    found = accessor(name)
    assert found is None or found[0] in ("get", "set")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_copy_is_equal_and_shares_nothing(value: object) -> None:
    copy = copied(value)
    assert copy == value
    if isinstance(value, list | dict):
        assert copy is not value


@pytest.mark.parametrize("value", [object(), {1}, b"x", {1: 2}, [object()], float("nan"), float("inf")])
def test_what_is_not_json_is_not_copied(value: object) -> None:
    with pytest.raises(TypeError):
        copied(value)
