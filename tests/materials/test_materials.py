"""Everything that the settings name is opened: one generation, or every fault at once."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from bank_configuration import ABSENT, CANARY, DIRECTORY, MARKET, SCRIPT, settings
from bank_files import ROOT, SERVER, TRANSPORT, bank_folder, put, transport_store, trust_store
from cryptography.hazmat.primitives.serialization import Encoding

from dcrgw.config.faults import ConfigFault, ConfigurationRefused
from dcrgw.core.authorization.server import ResourceServer
from dcrgw.core.checks import CATALOGUE, Gate
from dcrgw.core.jose import base64url
from dcrgw.errors import ErrorCode
from dcrgw.materials import Materials, open_materials
from dcrgw.testkit.certificates import CertificateAuthority

SANDBOX = {"environment": "sandbox"}
DAY = 86_400.0
#: What a market of registration access tokens needs beside them.
SEALED = {"registry.sealing_keys": ["env:SEALING_KEY"]}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRANSPORT_PASSWORD", CANARY)
    monkeypatch.setenv("TRUST_PASSWORD", CANARY)
    monkeypatch.setenv("SEALING_KEY", secrets.token_hex(32))
    return bank_folder(tmp_path)


def opened(folder: Path, changes: Mapping[str, Any] | None = None, at: float | None = None) -> Materials:
    found = open_materials(settings(changes, folder / "dcrgw.toml"), time.time() if at is None else at)
    assert CANARY not in repr(found)
    return found


def faults(folder: Path, changes: Mapping[str, Any] | None = None, at: float | None = None) -> dict[str, ConfigFault]:
    with pytest.raises(ConfigurationRefused) as caught:
        opened(folder, changes, at)
    assert CANARY not in str(caught.value)
    return {fault.key: fault for fault in caught.value.faults}


def test_a_sound_bank_opens(folder: Path) -> None:
    found = opened(folder)
    directory, market = found.directories["primary"], found.markets["uk"]
    assert found.mtls.certificate == SERVER.certificate
    assert found.public is None
    assert directory.client_id == "BANKSW"
    assert directory.transport is not None
    assert directory.transport.certificate == TRANSPORT.certificate
    assert directory.trust is None
    assert market.anchors.roots == (ROOT.certificate,)
    assert market.profile.name == "obuk-3.2"
    assert market.refuse_loopback_redirects
    assert market.request_audiences == {"https://bank.example"}
    assert market.directories["primary"].software_jwks_hosts == {"keystore.directory.example:443"}
    assert found.warnings == ()


def test_policy_reaches_the_markets_profile(folder: Path) -> None:
    changes = {"market[0].dn_match": "subset", "market[0].policy": {"duplicates_allowed": False}}
    profile = opened(folder, changes).markets["uk"].profile
    assert profile.metadata.dn_match == "subset"
    assert not profile.duplicates_allowed


def test_trust_stores_open_with_their_password(folder: Path) -> None:
    put(folder / "roots.p12", trust_store())
    changes = {
        "directory[0].trust_keystore": "roots.p12",
        "directory[0].trust_keystore_password": "env:TRUST_PASSWORD",
        "market[0].trust": ["roots.p12", "roots.pem"],
        "market[0].trust_password": "env:TRUST_PASSWORD",
    }
    found = opened(folder, changes)
    assert found.directories["primary"].trust == found.directories["primary"].software_trust == (ROOT.certificate,)
    assert found.markets["uk"].anchors.roots == (ROOT.certificate,)
    system = opened(folder, {**changes, "directory[0].software_jwks_trust": "system"})
    assert system.directories["primary"].software_trust is None


def test_sealing_keys_open_in_their_order(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [secrets.token_bytes(32), secrets.token_bytes(32)]
    monkeypatch.setenv("NEW", keys[0].hex())
    monkeypatch.setenv("OLD", keys[1].hex())
    assert opened(folder, {"registry.sealing_keys": ["env:NEW", "env:OLD"]}).sealing_keys == tuple(keys)
    monkeypatch.setenv("OLD", CANARY)
    assert list(faults(folder, {"registry.sealing_keys": ["env:NEW", "env:OLD"]})) == ["registry.sealing_keys[1]"]


def test_a_proxys_password_is_put_into_its_url(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROXY_PASSWORD", f"{CANARY}@/")
    changes = {
        "outbound": {"proxy": "http://proxy.example:1", "proxy_username": "u", "proxy_password": "env:PROXY_PASSWORD"}
    }
    proxy = opened(folder, changes).directories["primary"].proxy
    assert proxy is not None
    assert proxy.get_secret_value() == f"http://u:{CANARY}%40%2F@proxy.example:1"


def test_a_scripts_properties_are_resolved(folder: Path) -> None:
    script = {**SCRIPT, "properties": {"scopes": "accounts", "password": "env:TRUST_PASSWORD"}}
    found = opened(folder, {"script": [script]}).script_properties["onboarding"]
    assert {name: value.get_secret_value() for name, value in found.items()} == {
        "scopes": "accounts",
        "password": CANARY,
    }
    assert list(faults(folder, {"script": [{**SCRIPT, "file": "none.py"}]})) == ["script[0].file"]
    assert opened(folder, {"script": [{**SCRIPT, "file": "none.py", "enabled": False}]}).script_properties == {}


def test_every_fault_comes_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRANSPORT_PASSWORD")
    (folder / "server.key").unlink()
    (folder / "signing.key").write_bytes(b"no key")
    (folder / "roots.pem").write_bytes(b"\xfe\xed\xfe\xed\0\0\0\2")
    found = faults(folder, {"registry.path": "nowhere/registry.sqlite", "script": [{**SCRIPT, "file": "none.py"}]})
    assert set(found) == {
        "listeners.mtls.key",
        "directory[0].transport_keystore_password",
        "directory[0].signing_key",
        "market[0].trust[0]",
        "registry.path",
        "script[0].file",
    }
    assert all(fault.fix for fault in found.values())


def test_a_wrong_password_is_the_keystores_fault(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSPORT_PASSWORD", "wrong")
    assert list(faults(folder)) == ["directory[0].transport_keystore"]


def test_a_password_of_several_files_is_told_once(folder: Path) -> None:
    put(folder / "roots.p12", trust_store())
    changes = {
        "market[0].trust": ["roots.p12", "roots.p12"],
        "market[0].intermediates": ["roots.p12"],
        "market[0].trust_password": "env:DCRGW_UNSET",
    }
    with pytest.raises(ConfigurationRefused) as caught:
        opened(folder, changes)
    assert [fault.key for fault in caught.value.faults] == ["market[0].trust_password"]


def test_an_expired_or_early_certificate_is_refused(folder: Path) -> None:
    for at in (time.time() + 365 * DAY, time.time() - 365 * DAY):
        assert {"listeners.mtls.key", "directory[0].transport_keystore"} <= set(faults(folder, at=at))


def test_a_mismatched_pair_is_refused(folder: Path) -> None:
    put(folder / "server.key", TRANSPORT.key_pem)
    assert list(faults(folder)) == ["listeners.mtls.key"]


def test_a_signing_certificate_must_belong_to_its_key(folder: Path) -> None:
    assert opened(folder, {"directory[0].signing_cert": "signing.pem"})
    assert list(faults(folder, {"directory[0].signing_cert": "server.pem"})) == ["directory[0].signing_key"]


def test_a_signing_key_must_fit_its_algorithm(folder: Path) -> None:
    put(folder / "signing.key", SERVER.key_pem)
    assert list(faults(folder)) == ["directory[0].signing_key"]


def test_a_client_id_comes_from_one_common_name_only(folder: Path) -> None:
    two = ROOT.issue(subject="CN=one,CN=two", key=TRANSPORT.key)
    put(folder / "transport.p12", transport_store(two))
    assert list(faults(folder)) == ["directory[0].client_id"]
    assert opened(folder, {"directory[0].client_id": "BANK"}).directories["primary"].client_id == "BANK"


@pytest.mark.parametrize(
    ("names", "url", "fits"),
    [
        (("bank.example",), "https://bank.example:8444/uk", True),
        (("*.example",), "https://bank.example", True),
        (("*.bank.example",), "https://bank.example", False),
        (("*.example",), "https://a.bank.example", False),
        (("other.example",), "https://bank.example", False),
        (("127.0.0.1",), "https://127.0.0.1", True),
        (("127.0.0.1",), "https://127.0.0.2", False),
    ],
)
def test_the_listeners_certificate_names_the_markets_host(
    folder: Path, names: tuple[str, ...], url: str, fits: bool
) -> None:
    issued = ROOT.issue_server(*names)
    put(folder / "server.pem", issued.certificate_pem)
    put(folder / "server.key", issued.key_pem)
    changes = {"market[0].base_url": url, **SANDBOX}
    if fits:
        assert opened(folder, changes)
    else:
        assert list(faults(folder, changes)) == ["market[0].base_url"]


def test_a_certificate_without_names_names_no_host(folder: Path) -> None:
    issued = ROOT.issue(subject="CN=bank.example", key=TRANSPORT.key)
    put(folder / "server.pem", issued.certificate_pem)
    put(folder / "server.key", issued.key_pem)
    assert list(faults(folder)) == ["market[0].base_url"]


@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("server.key", "listeners.mtls.key"),
        ("signing.key", "directory[0].signing_key"),
        ("transport.p12", "directory[0].transport_keystore"),
    ],
)
def test_a_key_that_others_may_read_is_refused_in_production_and_warned_of_in_a_sandbox(
    folder: Path, file: str, key: str
) -> None:
    (folder / file).chmod(0o644)
    assert list(faults(folder)) == [key]
    assert [warning.key for warning in opened(folder, SANDBOX).warnings] == [key]


def test_a_secret_file_that_others_may_read_is_refused_too(folder: Path) -> None:
    put(folder / "password", CANARY.encode(), 0o644)
    changes = {"directory[0].transport_keystore_password": "file:password"}
    assert list(faults(folder, changes)) == ["directory[0].transport_keystore_password"]
    (folder / "password").chmod(0o600)
    assert opened(folder, changes)


def test_a_script_that_everybody_may_write_is_refused(folder: Path) -> None:
    (folder / "onboarding.py").chmod(0o666)
    assert list(faults(folder, {"script": [SCRIPT]})) == ["script[0].file"]


def test_an_expired_root_is_warned_of(folder: Path) -> None:
    old = CertificateAuthority.create("Old root", at=0)
    put(folder / "roots.pem", ROOT.certificate_pem + old.certificate_pem)
    found = opened(folder)
    assert [warning.key for warning in found.warnings] == ["market[0].trust[0]"]


def test_error_codes_name_checks_that_exist(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = Gate("test.known", "none", ErrorCode.INVALID_CLIENT, "A check that stands in the catalogue.")
    monkeypatch.setitem(CATALOGUE, known.id, known)
    market = opened(folder, {"market[0].error_codes": {"test.known": "invalid_request"}}).markets["uk"]
    assert market.error_codes == {"test.known": "invalid_request"}
    assert list(faults(folder, {"market[0].error_codes": {"statment.exp": "invalid_request"}})) == [
        "market[0].error_codes.statment.exp"
    ]


def test_a_listener_may_use_a_keystore(folder: Path) -> None:
    put(folder / "server.p12", SERVER.pkcs12(CANARY.encode()))
    store = {"keystore": "server.p12", "keystore_password": "env:TRUST_PASSWORD"}
    found = opened(folder, {"listeners.mtls": {"port": 1, **store}, "listeners.public": {"port": 2, **store}})
    assert found.public is not None
    assert found.public.certificate == found.mtls.certificate == SERVER.certificate


def test_markets_share_directories(folder: Path) -> None:
    second = {**MARKET, "name": "plain", "base_url": "https://matls.bank.example", "profile": "rfc7591"}
    found = opened(folder, {**SEALED, "market": [MARKET, second], "directory": [DIRECTORY]})
    assert set(found.markets) == {"uk", "plain"}
    assert found.markets["plain"].directories.keys() == {"primary"}


def test_a_directory_that_is_never_asked_needs_no_keys(folder: Path) -> None:
    plain = {"name": "primary", "issuers": ["x"], "jwks_endpoint": "https://k.example/jwks"}
    found = opened(folder, {**SEALED, "market[0].profile": "rfc7591", "directory": [plain]}).directories["primary"]
    assert (found.client_id, found.transport, found.signing_key) == (None, None, None)


def test_a_pem_transport_pair_opens(folder: Path) -> None:
    changes = {
        "directory[0].transport_keystore": ABSENT,
        "directory[0].transport_keystore_password": ABSENT,
        "directory[0].transport_cert": "signing.pem",
        "directory[0].transport_key": "signing.key",
    }
    assert opened(folder, changes).directories["primary"].client_id == "BANKSW"


def test_a_production_market_takes_production_statements_unless_the_bank_says_otherwise(folder: Path) -> None:
    def environments(changes: Mapping[str, Any]) -> frozenset[str]:
        return opened(folder, changes).markets["uk"].profile.statement.environments

    assert environments({}) == {"production"}
    assert environments(SANDBOX) == frozenset()
    assert environments({"market[0].policy": {"statement_environments": []}}) == frozenset()
    assert environments({"market[0].policy": {"statement_environments": ["sandbox"]}}) == {"sandbox"}


def test_a_market_whose_statements_name_no_environment_asks_for_none(folder: Path) -> None:
    assert not opened(folder, {**SEALED, "market[0].profile": "rfc7591"}).markets["uk"].profile.statement.environments


def test_trust_service_providers_stand_apart_from_directories(folder: Path) -> None:
    provider = CertificateAuthority.create("Provider Root", at=time.time())
    put(folder / "provider.pem", provider.certificate_pem)
    anchors = opened(folder, {"market[0].qualified_trust": ["provider.pem"]}).markets["uk"].anchors
    assert (anchors.roots, anchors.qualified_roots) == ((ROOT.certificate,), (provider.certificate,))
    assert set(anchors.certificates) == {ROOT.certificate, provider.certificate}


def test_a_registry_that_others_may_read_is_refused(folder: Path) -> None:
    registry = settings({}, folder / "dcrgw.toml").registry.path
    put(registry, b"", 0o640)
    assert list(faults(folder)) == ["registry.path"]
    registry.chmod(0o600)
    assert opened(folder)


TWO = b"".join(each.certificate.public_bytes(Encoding.PEM) for each in (SERVER, TRANSPORT))


def test_a_resource_server_is_known_by_its_certificate(folder: Path) -> None:
    put(folder / "api.pem", TRANSPORT.certificate.public_bytes(Encoding.PEM))
    asked = {"resource_servers": [{"name": "api", "certificate": "api.pem"}]}
    (found,) = opened(folder, {"market[0].authorization_server": asked}).markets["uk"].server.resource_servers
    assert found == ResourceServer("api", base64url.encode(hashlib.sha256(TRANSPORT.der).digest()))


@pytest.mark.parametrize("content", [None, b"no certificate", TWO])
def test_a_resource_server_has_one_certificate(folder: Path, content: bytes | None) -> None:
    if content is not None:
        put(folder / "api.pem", content)
    asked = {"resource_servers": [{"name": "api", "certificate": "api.pem"}]}
    found = faults(folder, {"market[0].authorization_server": asked})
    assert list(found) == ["market[0].authorization_server.resource_servers[0].certificate"]


DETAIL_TYPE = {"type": "https://bank.example/payment", "schema": "payment.json", "texts": {"en": "Pay {/amount}"}}


def test_a_detail_type_is_opened_with_its_schema(folder: Path) -> None:
    put(folder / "payment.json", b'{"required": ["amount"]}')
    (found,) = opened(folder, {"detail_type": [{**DETAIL_TYPE, "narrows": {"/amount": "at_most"}}]}).detail_types
    assert (found.type, dict(found.texts), list(found.narrows)) == (
        "https://bank.example/payment",
        {"en": "Pay {/amount}"},
        ["/amount"],
    )
    assert found.schema is not None


@pytest.mark.parametrize(
    "content", [None, b"", b"\xff", b'{"type": "strin"}', b'{"$ref": "https://elsewhere.example/"}']
)
def test_a_detail_type_s_schema_is_vetted(folder: Path, content: bytes | None) -> None:
    if content is not None:
        put(folder / "payment.json", content)
    assert list(faults(folder, {"detail_type": [DETAIL_TYPE]})) == ["detail_type[0].schema"]
