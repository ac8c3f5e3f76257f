"""What a sandbox's folder tells a TPP."""

import json

import pytest

from dcrgw.tpp import sandbox_index
from dcrgw.tpp.sandbox_index import SandboxUnusable

TOP = {
    "version": 1,
    "market": "uk",
    "profile": "obuk-3.2",
    "registration_endpoint": "https://localhost:1/register",
    "request_audience": "bank",
    "server_ca": "ca.pem",
    "transport_cert": "transport.pem",
    "transport_key": "transport.key",
    "signing_key": "signing.key",
    "kid": "sig-1",
    "software_statement": "statement.jwt",
    "redirect_uris": ["https://tpp.example/cb"],
    "scope": "openid accounts",
    "token_endpoint_auth_methods": ["private_key_jwt", "tls_client_auth"],
    "name_of_a_later_release": {},
}
PLAIN = {
    "market": "plain",
    "profile": "rfc7591",
    "request_media_type": "application/json",
    "request_metadata": {"response_types": ["code"]},
    "registration_endpoint": "https://localhost:1/plain/register",
    "software_statement": "statement-generic.jwt",
    "token_endpoint_auth_methods": ["tls_client_auth"],
}
INDEX = {
    **TOP,
    "more": {"revoked": {"kid": "sig-9", "software_statement": "revoked/statement.jwt"}},
    "markets": [{"market": "uk", **TOP}, PLAIN],
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sandbox.json").write_text(json.dumps(INDEX))
    return tmp_path


def test_the_default_tpp_stands_at_the_top(folder):
    assert sandbox_index.options(folder) == {
        "registration_endpoint": "https://localhost:1/register",
        "cert": folder / "transport.pem",
        "key": folder / "transport.key",
        "server_ca": folder / "ca.pem",
        "signing_key": folder / "signing.key",
        "kid": "sig-1",
        "ssa": folder / "statement.jwt",
        "audience": "bank",
        "redirect_uri": ("https://tpp.example/cb",),
        "scope": "openid accounts",
        "auth_method": "private_key_jwt",
        "client": folder / "tpp" / "client-uk.json",
    }


def test_another_tpp_brings_its_own(folder):
    found = sandbox_index.options(folder, tpp="revoked")
    assert (found["kid"], found["ssa"]) == ("sig-9", folder / "revoked" / "statement.jwt")
    assert found["audience"] == "bank"


def test_another_market_brings_its_own(folder):
    found = sandbox_index.options(folder, market="plain")
    assert found["registration_endpoint"] == "https://localhost:1/plain/register"
    assert found["ssa"] == folder / "statement-generic.jwt"
    assert found["as_json"]
    assert found["claims"] == {"response_types": ["code"]}


def test_another_tpp_in_another_market_keeps_its_keys_and_statement(folder):
    found = sandbox_index.options(folder, market="plain", tpp="revoked")
    assert found["registration_endpoint"] == "https://localhost:1/plain/register"
    assert (found["kid"], found["ssa"]) == ("sig-9", folder / "revoked" / "statement.jwt")


def test_each_tpp_has_its_own_client_in_each_market(folder):
    wishes = ({}, {"tpp": "revoked"}, {"market": "plain"}, {"market": "plain", "tpp": "revoked"})
    files = {sandbox_index.options(folder, **wish)["client"] for wish in wishes}
    assert {file.name for file in files} == {
        "client-uk.json", "client-uk-revoked.json", "client-plain.json", "client-plain-revoked.json"
    }  # fmt: skip


@pytest.mark.parametrize("wish", [{"tpp": "nobody"}, {"market": "mars"}])
def test_a_name_that_the_sandbox_does_not_know_is_told(wish, folder):
    with pytest.raises(SandboxUnusable, match=r"revoked|plain"):
        sandbox_index.options(folder, **wish)


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"version":2}'])
def test_a_folder_without_a_sandbox_is_told(content, tmp_path):
    if content is not None:
        (tmp_path / "sandbox.json").write_text(content)
    with pytest.raises(SandboxUnusable):
        sandbox_index.options(tmp_path)
