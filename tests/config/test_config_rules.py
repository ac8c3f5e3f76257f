"""What spans several settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bank_configuration import ABSENT, CANARY, DIRECTORY, MARKET, SCRIPT, faults, settings

from dcrgw.config import market_rules
from dcrgw.config.profiles import forget_profiles, load_profile

SANDBOX = {"environment": "sandbox"}


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"directory": [DIRECTORY, DIRECTORY]}, "directory[1].name"),
        ({"market": [MARKET, {**MARKET, "base_url": "https://other.example"}]}, "market[1].name"),
        ({"script": [SCRIPT, SCRIPT]}, "script[1].name"),
    ],
)
def test_names_are_unique(changes: dict[str, Any], key: str) -> None:
    assert list(faults(changes)) == [key]


def test_keys_of_a_directory_come_from_its_endpoint_or_from_a_script() -> None:
    assert list(faults({"directory[0].jwks_endpoint": ABSENT})) == ["directory[0].jwks_endpoint"]
    by_script = settings({"directory[0].jwks_endpoint": ABSENT, "directory[0].keys": "script"})
    assert (by_script.directories[0].keys, by_script.directories[0].jwks_endpoint) == ("script", None)
    assert list(faults({"directory[0].keys": "scripts"})) == ["directory[0].keys"]


def test_a_market_names_directories_that_exist() -> None:
    found = faults({"market[0].directories": ["primary", "primray"]})
    assert list(found) == ["market[0].directories[1]"]
    assert found["market[0].directories[1]"].fix == "did you mean primary?"


def test_a_market_names_a_profile_that_exists() -> None:
    assert "obuk-3.2" in faults({"market[0].profile": "obuk3.2"})["market[0].profile"].fix
    assert "rfc7591" in faults({"market[0].profile": "brazil"})["market[0].profile"].fix


def test_a_market_may_bring_a_profile_of_its_own(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    for text, fault in (
        ('extends = "rfc7591"', None),
        ('extends = "rfc7951"', "rfc7951: no such profile"),
        ('extends = "obuk-3.4"\nstanding = "perhaps"', "standing: must be one of"),
        ('extends = "obuk-3.4"\n[metadata]\nmembers = ["scoop"]', "metadata.members: must be one of"),
        ("not TOML", "is no TOML"),
        (None, "cannot be read"),
    ):
        own.unlink(missing_ok=True)
        if text is not None:
            own.write_text(text)
        forget_profiles()
        changes = {"market[0].profile": str(own), "registry.sealing_keys": ["env:SEALING_KEY"]}
        if fault is None:
            assert settings(changes).markets[0].profile == own
        else:
            assert fault in faults(changes)["market[0].profile"].reason
    forget_profiles()


def test_a_list_tells_of_tpps_alone_and_needs_no_credentials() -> None:
    listed = {"directory[0].kind": "participants", "directory[0].check_own_standing": True}
    assert "directory[0].check_own_standing" in faults(listed)
    assert "directory[0].tpp_url" in faults({"directory[0].kind": "participants", "directory[0].tpp_url": ABSENT})


def test_a_policy_is_judged_by_the_profile() -> None:
    found = faults({"market[0].policy": {"statement_max_age_s": "long", "colour": "blue", "dn_match": "subset"}})
    assert set(found) == {"market[0].policy.statement_max_age_s", "market[0].policy.colour"}


def test_a_policy_that_contradicts_the_profile_is_refused() -> None:
    assert list(faults({"market[0].policy": {"statement_required": False}})) == ["market[0].policy.statement_required"]


def test_dn_match_is_said_once() -> None:
    found = faults({"market[0].dn_match": "exact", "market[0].policy": {"dn_match": "subset"}})
    assert list(found) == ["market[0].dn_match"]


def test_one_issuer_belongs_to_one_directory_of_a_market() -> None:
    second = {**DIRECTORY, "name": "second"}
    found = faults({"directory": [DIRECTORY, second], "market[0].directories": ["primary", "second"]})
    assert list(found) == ["market[0].directories"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("https://bank.example", "https://bank.example"),
        ("https://bank.example/uk", "https://bank.example/uk"),
        ("https://bank.example", "https://bank.example/uk"),
        ("https://bank.example/uk/retail", "https://bank.example/uk"),
    ],
)
def test_no_base_url_lies_inside_another(first: str, second: str) -> None:
    markets = [{**MARKET, "base_url": first}, {**MARKET, "name": "other", "base_url": second}]
    assert list(faults({"market": markets})) == ["market[1].base_url"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("https://bank.example/uk", "https://bank.example/ukraine"),
        ("https://bank.example", "https://bank.example:8444"),
        ("https://a.bank.example/uk", "https://b.bank.example"),
    ],
)
def test_base_urls_beside_each_other_are_taken(first: str, second: str) -> None:
    markets = [{**MARKET, "base_url": first}, {**MARKET, "name": "other", "base_url": second}]
    assert len(settings({"market": markets}).markets) == 2


@pytest.mark.parametrize(
    "host",
    ["localhost", "a.localhost", "127.0.0.1", "203.0.113.9", "[::1]", "2130706433", "0x7f.1", "127.1", "localhost."],
)
def test_local_and_literal_hosts_are_for_a_sandbox_only(host: str) -> None:
    for key, value in {
        "market[0].base_url": f"https://{host}",
        "market[0].issuer": f"https://{host}",
        "directory[0].jwks_endpoint": f"https://{host}/jwks",
        "directory[0].token_url": f"https://{host}:9443/token",
        "directory[0].tpp_url": f"https://{host}/scim",
    }.items():
        assert list(faults({key: value})) == [key]
        assert settings({key: value, **SANDBOX}).is_sandbox


def test_a_local_software_host_is_for_a_sandbox_only() -> None:
    changes = {"directory[0].software_jwks_hosts": ["keys.example", "localhost:9443"]}
    assert list(faults(changes)) == ["directory[0].software_jwks_hosts[1]"]
    assert settings({**changes, **SANDBOX}).directories[0].software_jwks_hosts[1] == "localhost:9443"


def test_allowed_networks_are_for_a_sandbox_only() -> None:
    changes = {"fetch.allowed_networks": ["127.0.0.0/8", "::1/128"]}
    assert list(faults(changes)) == ["fetch.allowed_networks"]
    assert [str(each) for each in settings({**changes, **SANDBOX}).fetch.allowed_networks] == ["127.0.0.0/8", "::1/128"]
    assert list(faults({"fetch.allowed_networks": ["127.0.0.1/8"], **SANDBOX})) == ["fetch.allowed_networks[0]"]


@pytest.mark.parametrize("name", ["tpp_url", "token_url", "client_scopes", "key_id", "signing_key"])
def test_a_required_standing_needs_every_setting_that_asks_for_it(name: str) -> None:
    assert list(faults({f"directory[0].{name}": ABSENT})) == [f"directory[0].{name}"]


def test_a_required_standing_needs_a_transport_certificate() -> None:
    changes = {"directory[0].transport_keystore": ABSENT, "directory[0].transport_keystore_password": ABSENT}
    assert list(faults(changes)) == ["directory[0].transport_keystore"]
    pair = {"directory[0].transport_cert": "t.pem", "directory[0].transport_key": "t.key"}
    assert settings({**changes, **pair}).directories[0].has_standing


_PLAIN_MARKET = {"market[0].profile": "rfc7591", "registry.sealing_keys": ["env:SEALING_KEY"]}


def test_the_banks_own_standing_needs_them_too() -> None:
    plain = {"name": "primary", "issuers": ["x"], "jwks_endpoint": "https://k.example/jwks"}
    changes: dict[str, Any] = {**_PLAIN_MARKET, "directory": [plain]}
    assert not settings(changes).directories[0].has_standing
    changes["directory"] = [{**plain, "check_own_standing": True}]
    assert len(faults(changes)) == 6


def test_a_directory_with_a_place_to_ask_can_be_asked() -> None:
    plain = {"name": "primary", "issuers": ["x"], "jwks_endpoint": "https://k.example/jwks"}
    changes: dict[str, Any] = {**_PLAIN_MARKET, "directory": [{**plain, "tpp_url": "https://d.example"}]}
    assert len(faults(changes)) == 5
    changes["directory"] = [{**plain, "token_url": "https://d.example"}]
    assert not settings(changes).directories[0].has_standing


def test_no_policy_lets_a_statement_live_for_ever() -> None:
    assert list(faults({"market[0].policy": {"statement_max_age_s": 0}})) == ["market[0].policy.statement_max_age_s"]


def test_signed_requests_need_hosts_that_serve_software_keys() -> None:
    changes = {"directory[0].software_jwks_hosts": []}
    assert list(faults(changes)) == ["directory[0].software_jwks_hosts"]


def test_client_secrets_need_a_sealing_key() -> None:
    changes: dict[str, Any] = {"market[0].client_auth_methods": ["client_secret_basic"]}
    assert list(faults(changes)) == ["registry.sealing_keys"]
    assert settings({**changes, "registry.sealing_keys": ["env:SEALING"]})


def test_registration_access_tokens_need_a_sealing_key() -> None:
    assert list(faults({"market[0].profile": "rfc7591"})) == ["registry.sealing_keys"]
    assert settings(_PLAIN_MARKET)


def test_auth_methods_are_the_profiles(monkeypatch: pytest.MonkeyPatch) -> None:
    profile = load_profile("obuk-3.2")
    narrow = replace(profile, metadata=replace(profile.metadata, auth_methods=frozenset({"private_key_jwt"})))
    monkeypatch.setattr(market_rules, "profile_of", lambda market: narrow)
    assert list(faults()) == ["market[0].client_auth_methods[1]"]


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"listeners.mtls": {"port": 1}}, "listeners.mtls"),
        ({"listeners.mtls.certificate": ABSENT}, "listeners.mtls.certificate"),
        ({"listeners.mtls.key": ABSENT}, "listeners.mtls.key"),
        ({"listeners.mtls.keystore": "server.p12"}, "listeners.mtls.keystore"),
        ({"listeners.mtls.keystore_password": "env:P"}, "listeners.mtls.keystore_password"),
        ({"listeners.public": {"port": 2}}, "listeners.public"),
        ({"directory[0].transport_cert": "t.pem"}, "directory[0].transport_keystore"),
        ({"directory[0].transport_key_password": "env:P"}, "directory[0].transport_key_password"),
    ],
)
def test_credentials_are_one_complete_pair(changes: dict[str, Any], key: str) -> None:
    assert list(faults(changes)) == [key]


def test_a_listener_may_use_a_keystore() -> None:
    mtls = {"port": 1, "keystore": "server.p12", "keystore_password": "env:P"}
    assert settings({"listeners.mtls": mtls}).listeners.mtls.certificate is None


def test_listeners_do_not_share_a_port() -> None:
    assert list(faults({"listeners.health": {"port": 8444}})) == ["listeners.health.port"]
    assert settings({"listeners.health": {"port": 0}, "listeners.mtls.port": 0}).listeners.health


def test_a_proxys_user_needs_a_proxy_and_its_password_a_user() -> None:
    assert list(faults({"outbound.proxy_username": "u"})) == ["outbound.proxy"]
    changes = {"directory[0].outbound": {"proxy": "http://proxy.example:3128", "proxy_password": "env:P"}}
    assert list(faults(changes)) == ["directory[0].outbound.proxy_username"]


def test_a_directory_may_go_another_way_out() -> None:
    found = settings({"outbound.proxy": "http://a.example:1", "directory[0].outbound": {"proxy": "http://b.example:2"}})
    assert found.outbound_of(found.directories[0]).proxy == "http://b.example:2"
    found = settings({"outbound.proxy": "http://a.example:1", "directory[0].outbound": {}})
    assert found.outbound_of(found.directories[0]).proxy is None
    found = settings({"outbound.proxy": "http://a.example:1"})
    assert found.outbound_of(found.directories[0]).proxy == "http://a.example:1"


def test_scripts_serve_markets_that_exist() -> None:
    assert list(faults({"script": [{**SCRIPT, "markets": ["uk", "fr"]}]})) == ["script[0].markets[1]"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("listeners.mtls.key_password", CANARY),
        ("registry.sealing_keys", [CANARY]),
        ("directory[0].transport_keystore_password", CANARY),
        ("directory[0].trust_keystore_password", CANARY),
        ("market[0].trust_password", CANARY),
        ("outbound", {"proxy": "http://p.example:1", "proxy_username": "u", "proxy_password": CANARY}),
        ("script", [{**SCRIPT, "properties": {"keyStorePassword": CANARY}}]),
        ("script", [{**SCRIPT, "properties": {"client_secret": CANARY}}]),
    ],
)
def test_a_secret_in_the_file_is_refused_in_production_and_warned_of_in_a_sandbox(key: str, value: Any) -> None:
    refused = faults({key: value})
    assert refused
    found = settings({key: value, **SANDBOX})
    assert {warning.key for warning in found.warnings} == set(refused)
    assert CANARY not in f"{found!r} {found} {found.warnings} {found.model_dump()} {found.model_dump_json()}"


def test_a_plain_property_of_a_script_is_no_secret() -> None:
    assert settings({"script": [{**SCRIPT, "properties": {"scopes": "accounts"}}]}).warnings == ()


def test_a_directory_that_nobody_uses_is_warned_of() -> None:
    found = settings({"directory": [DIRECTORY, {**DIRECTORY, "name": "spare"}]})
    assert [warning.key for warning in found.warnings] == ["directory[1].name"]


_ASKING: dict[str, Any] = {
    "market[0].authorization_server": {"grant_types": ["client_credentials", "authorization_code", "refresh_token"]},
    "registry.sealing_keys": ["env:SEALING"],
    "listeners.public": {"port": 8443, "certificate": "server.pem", "key": "server.key"},
    "consent.customers": "customers.toml",
}


def test_a_market_that_asks_people_needs_a_public_listener_and_a_key_to_sign_with() -> None:
    assert settings(_ASKING).markets[0].authorization_server.pushed_requests == "optional"
    without = {name: value for name, value in _ASKING.items() if name != "listeners.public"}
    assert list(faults(without)) == ["listeners.public"]
    assert list(faults({**_ASKING, "registry.sealing_keys": []})) == ["registry.sealing_keys"]
    assert settings({**_ASKING, "registry.sealing_keys": [], "signing.key": "ours.key"})


@pytest.mark.parametrize(
    ("server", "key"),
    [
        ({"grant_types": ["refresh_token"]}, "grant_types"),
        ({"pushed_requests": "required"}, "pushed_requests"),
        ({"grant_types": []}, "grant_types"),
        ({"grant_types": ["password"]}, "grant_types[0]"),
        ({"pushed_lifetime_s": 601}, "pushed_lifetime_s"),
        ({"code_lifetime_s": 0}, "code_lifetime_s"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_an_authorization_server_offers_what_hangs_together(server: dict[str, Any], key: str) -> None:
    assert list(faults({"market[0].authorization_server": server})) == [f"market[0].authorization_server.{key}"]


def test_jwt_access_tokens_need_a_key_to_sign_with() -> None:
    changes = {"market[0].authorization_server": {"jwt_audience": "https://api.example"}}
    assert list(faults(changes)) == ["registry.sealing_keys"]


SELF_SIGNED = {
    "market[0].profile": "rfc7591",
    "market[0].client_auth_methods": ["self_signed_tls_client_auth"],
    "market[0].self_signed_url": "https://self-signed.bank.example",
    "market[0].self_signed_certificates": ["tpp.pem"],
    "listeners.self_signed": {"port": 8447, "certificate": "a.pem", "key": "a.key"},
    "registry.sealing_keys": ["env:SEALING_KEY"],
}


def test_self_signed_certificates_have_their_own_listener_and_url() -> None:
    assert settings(SELF_SIGNED).listeners.self_signed is not None
    for key in ("listeners.self_signed", "market[0].self_signed_url", "market[0].self_signed_certificates"):
        assert list(faults({name: value for name, value in SELF_SIGNED.items() if name != key})) == [key]
    same_place = {**SELF_SIGNED, "market[0].self_signed_url": settings(SELF_SIGNED).markets[0].base_url}
    assert list(faults(same_place)) == ["market[0].self_signed_url"]


def test_what_is_for_self_signed_certificates_alone_is_not_there_without_them() -> None:
    without = {**SELF_SIGNED, "market[0].client_auth_methods": ["private_key_jwt"]}
    assert set(faults(without)) == {
        "listeners.self_signed",
        "market[0].self_signed_url",
        "market[0].self_signed_certificates",
    }


def test_a_profile_without_the_method_does_not_offer_it() -> None:
    assert "market[0].client_auth_methods[0]" in faults({**SELF_SIGNED, "market[0].profile": "obuk-3.2"})


def test_a_gate_on_recorded_decisions_needs_a_record(tmp_path: Path) -> None:
    assert list(faults({"reload": {"gate": {"recorded": 5}}})) == ["reload.gate.recorded"]
    assert settings({"reload": {"gate": {"bundles": [str(tmp_path)]}}}).reload.gate.is_on
    assert not settings({}).reload.gate.is_on
