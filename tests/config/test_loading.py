"""One file in; settings out, or every fault at once."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from bank_configuration import ABSENT, CANARY, DIRECTORY, MARKET, SCRIPT, bank, change, faults, settings
from hypothesis import given
from hypothesis import settings as few
from hypothesis import strategies as st

from dcrgw.config.faults import ConfigFault, ConfigurationRefused
from dcrgw.config.loading import MAX_BYTES, from_document, load
from dcrgw.errors import Misconfigured


def test_a_sound_bank_loads_with_defaults() -> None:
    found = settings()
    market = found.markets[0]
    assert found.environment == "production"
    assert found.limits.body_bytes == 131072
    assert found.listeners.mtls.minimum_tls == "1.3"
    assert market.issuer == "https://bank.example"
    assert market.request_audiences == ("https://bank.example",)
    assert found.directories[0].audience == "https://sso.directory.example/token"
    assert found.directories[0].client_scopes == ("ASPSPReadAccess", "TPPReadAccess")
    assert found.directories[0].software_jwks_hosts == ("keystore.directory.example:443",)
    assert found.warnings == ()


def test_relative_paths_start_at_the_file() -> None:
    found = settings(source=Path("/etc/dcrgw/dcrgw.toml"))
    assert found.listeners.mtls.key == Path("/etc/dcrgw/server.key")
    assert found.markets[0].trust == (Path("/etc/dcrgw/roots.pem"),)


def test_derived_values_yield_to_written_ones() -> None:
    changes = {
        "directory[0].audience": "aud",
        "directory[0].trust_keystore": "roots.p12",
        "directory[0].software_jwks_trust": "system",
        "market[0].request_audiences": ["bank"],
    }
    found = settings(changes)
    assert found.directories[0].audience == "aud"
    assert found.directories[0].trust_keystore == Path("/etc/dcrgw/roots.p12")
    assert found.directories[0].software_jwks_trust is None
    assert found.markets[0].request_audiences == ("bank",)


def test_software_hosts_are_trusted_like_the_directory_unless_said_otherwise() -> None:
    found = settings({"directory[0].trust_keystore": "roots.p12", "directory[0].trust_keystore_password": "env:P"})
    assert found.directories[0].software_jwks_trust == Path("/etc/dcrgw/roots.p12")
    assert str(found.directories[0].software_jwks_trust_password) == "env:P"


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        settings().limits.body_s = 1


@pytest.mark.parametrize(
    ("key", "word", "fix"),
    [
        ("market[0].base_ulr", "https://x.example", "base_url"),
        ("limts", {}, "limits"),
        ("limits.body_byte", 1, "body_bytes"),
        ("directory[0].clientScopes", "a b", "client_scopes"),
        ("directory[0].transportKeyStorePassword", CANARY, "transport_keystore_password"),
        ("tppUrl", "https://x.example", "[[directory]]"),
        ("body_bytes", 1, "[limits]"),
        ("listeners.mtls.zzzz", 1, "certificate"),
    ],
)
def test_an_unknown_key_is_refused_with_the_one_that_was_meant(key: str, word: Any, fix: str) -> None:
    found = faults({key: word})
    assert list(found) == [key]
    assert fix in found[key].fix


@pytest.mark.parametrize(
    "key",
    [
        "listeners",
        "listeners.mtls",
        "listeners.mtls.port",
        "registry",
        "registry.path",
        "directory",
        "directory[0].name",
        "directory[0].issuers",
        "directory[0].jwks_endpoint",
        "market",
        "market[0].name",
        "market[0].base_url",
        "market[0].profile",
        "market[0].directories",
        "market[0].trust",
    ],
)
def test_a_missing_setting_is_the_one_fault(key: str) -> None:
    found = faults({key: ABSENT})
    assert list(found) == [key]
    assert found[key].fix.startswith("add it: ")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("environment", "test"),
        ("listeners.mtls.port", 65536),
        ("listeners.mtls.port", "8444"),
        ("listeners.mtls.port", True),
        ("listeners.mtls.minimum_tls", "1.1"),
        ("limits.body_s", 0),
        ("limits.body_s", float("nan")),
        ("limits.body_s", float("inf")),
        ("limits.body_bytes", 2.5),
        ("limits.connections_per_ip", 0),
        ("standing.lifetime_s", 301),
        ("logging.level", "loud"),
        ("logging.format", "xml"),
        ("registry.path", ""),
        ("registry.path", 5),
        ("registry.path", "a\0b"),
        ("directory[0].signing_alg", "none"),
        ("directory[0].check_own_standing", "no"),
        ("directory[0].issuers", []),
        ("directory[0].jwks_endpoint", "http://keystore.example/jwks"),
        ("directory[0].jwks_endpoint", "https://user:pw@keystore.example/jwks"),
        ("directory[0].jwks_endpoint", "https://keystore.example/jwks#x"),
        ("directory[0].jwks_endpoint", "https://keystore.example:99999/"),
        ("directory[0].jwks_endpoint", "https://keystore.example:/"),
        ("directory[0].jwks_endpoint", "https:///jwks"),
        ("directory[0].jwks_endpoint", "https://key store.example"),
        ("directory[0].jwks_endpoint", "https://[::1"),
        ("directory[0].jwks_endpoint", 7),
        ("directory[0].software_jwks_hosts[0]", "https://keystore.example"),
        ("directory[0].software_jwks_hosts[0]", "keystore.example/jwks"),
        ("directory[0].software_jwks_hosts[0]", "keystore.example:0"),
        ("directory[0].software_jwks_hosts[0]", "*.example"),
        ("market[0].name", "a name"),
        ("market[0].name", "a" * 65),
        ("market[0].base_url", "https://bank.example/"),
        ("market[0].base_url", "https://Bank.example"),
        ("market[0].base_url", "https://bank.example:443"),
        ("market[0].base_url", "https://bank.example?x"),
        ("market[0].base_url", "https://bank.example/a/../b"),
        ("market[0].base_url", "https://bank.example/a//b"),
        ("market[0].base_url", "https://bank.example/%61"),
        ("market[0].issuer", "https://bank.example?x=1"),
        ("market[0].directories", []),
        ("market[0].trust", []),
        ("market[0].client_auth_methods", []),
        ("market[0].client_auth_methods[0]", "none"),
        ("market[0].request_audiences", []),
        ("market[0].dn_match", "loose"),
        ("market[0].leeway_s", 61),
        ("market[0].explain_errors", 1),
        ("outbound.proxy", "https://proxy.example:3128"),
        ("outbound.proxy", f"http://user:{CANARY}@proxy.example:3128"),
        ("outbound.proxy", "proxy.example:3128"),
        ("directory[0].signing_key_password", ""),
        ("directory[0].signing_key_password", 5),
        ("directory[0].signing_key_password", "env:"),
        ("directory[0].signing_key_password", "env:A-B"),
        ("directory[0].signing_key_password", "credential:a/b"),
        ("directory[0].signing_key_password", "credential:.."),
    ],
)
def test_a_wrong_value_is_the_one_fault(key: str, value: Any) -> None:
    changes = {key: value}
    if "[0].client_auth_methods[0]" in key:
        changes = {"market[0].client_auth_methods": [value]}
    found = faults(changes)
    assert list(found) == [key]
    assert found[key].fix


@pytest.mark.parametrize("section", ["directory", "market", "script"])
def test_single_brackets_are_told_apart_from_double_ones(section: str) -> None:
    table = {"directory": DIRECTORY, "market": MARKET, "script": SCRIPT}[section]
    found = faults({section: table})
    assert list(found) == [section]
    assert f"[[{section}]]" in found[section].fix


@pytest.mark.parametrize("value", [5, "x", ["x"], True])
@pytest.mark.parametrize("key", ["listeners", "limits", "directory", "market", "script", "market[0]", "directory[0]"])
def test_a_section_of_another_shape_is_refused(key: str, value: Any) -> None:
    assert all(name.startswith(key) for name in faults({key: value}))


def test_every_fault_comes_at_once() -> None:
    changes = {
        "limits.body_s": -1,  # the model's word
        "colour": "blue",
        "market[0].base_url": "http://bank.example",
        "market[0].profile": "obuk-3.22",  # the rules' word, although the model refuses other settings
        "market[0].directories": ["primray"],
        "directory[0].token_url": ABSENT,
        "directory[0].transport_keystore_password": CANARY,
        "listeners.mtls.key": ABSENT,
        "script": [{**SCRIPT, "markets": ["uk", "fr"]}],
    }
    found = faults(changes)
    assert set(found) == {
        "limits.body_s",
        "colour",
        "market[0].base_url",
        "market[0].profile",
        "market[0].directories[0]",
        "directory[0].token_url",
        "directory[0].transport_keystore_password",
        "listeners.mtls.key",
        "script[0].markets[1]",
    }


def test_a_refused_value_causes_no_second_fault() -> None:
    # Without its token_url the directory could not be asked: but that is told already.
    assert list(faults({"directory[0].token_url": "http://plain.example"})) == ["directory[0].token_url"]


def test_the_refusal_is_the_banks_fault_and_lists_all() -> None:
    with pytest.raises(Misconfigured) as caught:
        settings({"colour": 1, "shape": 2})
    assert "colour" in str(caught.value)
    assert "shape" in str(caught.value)


def test_a_refusal_needs_a_fault() -> None:
    with pytest.raises(ValueError, match="at least one"):
        ConfigurationRefused("x", [])


def test_a_key_set_lifetime_is_brought_within_bounds_and_warned_of() -> None:
    for written, taken in ((1, 60), (7200, 3600)):
        found = settings({"keysets.lifetime_s": written})
        assert found.keysets.lifetime_s == taken
        assert [warning.key for warning in found.warnings] == ["keysets.lifetime_s"]
    assert settings({"keysets.lifetime_s": 120}).warnings == ()


def test_check_ids_may_be_written_with_or_without_quotes() -> None:
    quoted = settings({"market[0].error_codes": {"statement.exp.past": "invalid_request"}})
    nested = settings({"market[0].error_codes": {"statement": {"exp": {"past": "invalid_request"}}}})
    assert quoted.markets[0].error_codes == nested.markets[0].error_codes == {"statement.exp.past": "invalid_request"}


def test_a_wire_code_that_never_leaves_is_refused() -> None:
    assert "market[0].error_codes.a.b" in faults({"market[0].error_codes": {"a.b": "server_error"}})


def test_a_scripts_properties_are_text() -> None:
    script = {**SCRIPT, "properties": {"on": True, "level": 5, "name": "x", "empty": "", "apiPassword": "env:P"}}
    found = settings({"script": [script]}).scripts[0].properties
    assert {name: each.place for name, each in found.items()} == {
        "on": "true",
        "level": "5",
        "name": "x",
        "empty": "",
        "apiPassword": "P",
    }
    assert [name for name, each in found.items() if not each.is_literal] == ["apiPassword"]


def refused_file(path: Path) -> ConfigFault:
    with pytest.raises(ConfigurationRefused) as caught:
        load(path)
    (fault,) = caught.value.faults
    return fault


def test_a_syntax_error_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "dcrgw.toml"
    path.write_text(f'environment = "sandbox"\npassword = "{CANARY}\n')
    fault = refused_file(path)
    assert "line 2" in fault.reason
    assert CANARY not in str(fault)


def test_a_repeated_key_is_a_syntax_error(tmp_path: Path) -> None:
    path = tmp_path / "dcrgw.toml"
    path.write_text("[limits]\nbody_s = 1\nbody_s = 2\n")
    assert "line 3" in refused_file(path).reason


def test_bytes_that_are_not_utf_8_name_their_line(tmp_path: Path) -> None:
    path = tmp_path / "dcrgw.toml"
    path.write_bytes(b'a = "b"\nc = "\xff"\n')
    assert "line 2" in refused_file(path).reason


def test_a_file_that_is_missing_overlong_or_a_folder_is_refused(tmp_path: Path) -> None:
    huge = tmp_path / "huge.toml"
    huge.write_bytes(b"#" * (MAX_BYTES + 1))
    for path in (tmp_path / "none.toml", tmp_path, huge):
        assert refused_file(path).fix


def test_a_deeply_nested_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "dcrgw.toml"
    path.write_text("a = " + "[" * 5000 + "]" * 5000)
    refused_file(path)


def test_an_empty_file_names_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "dcrgw.toml"
    path.write_text("")
    with pytest.raises(ConfigurationRefused) as caught:
        load(path)
    assert {fault.key for fault in caught.value.faults} == {"listeners", "registry", "directory", "market"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = [
    "environment",
    "listeners",
    "listeners.mtls",
    "limits.body_s",
    "registry.sealing_keys",
    "fetch.allowed_networks",
    "outbound",
    "keysets.lifetime_s",
    "directory",
    "directory[0].issuers",
    "directory[0].jwks_endpoint",
    "directory[0].client_scopes",
    "directory[0].trust_keystore",
    "directory[0].outbound",
    "directory[0].software_jwks_hosts",
    "market",
    "market[0].base_url",
    "market[0].trust",
    "market[0].policy",
    "market[0].error_codes",
    "market[0].directories",
    "script",
]


@few(max_examples=150)
@given(key=st.sampled_from(KEYS), other=st.sampled_from(KEYS), value=JSON, second=JSON)
def test_any_value_anywhere_is_taken_or_refused(key: str, other: str, value: Any, second: Any) -> None:
    document = bank()
    for place, content in ((key, value), (other, second)):
        try:
            change(document, place, content)
        except (KeyError, IndexError, TypeError, AttributeError):
            return
    with suppress(ConfigurationRefused):  # which itself insists on a fault
        from_document(document, Path("/etc/dcrgw.toml"))


@few(max_examples=100)
@given(text=st.text(max_size=200))
def test_any_text_is_toml_of_ours_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(text.encode())
    with pytest.raises(ConfigurationRefused):
        load(path)
