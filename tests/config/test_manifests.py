"""Manifests: more scripts than the configuration's own, with paths from where the manifest lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcrgw.config.faults import ConfigurationRefused
from dcrgw.config.loading import load

BANK = """
[listeners.mtls]
port = 8444
certificate = "server.pem"
key = "server.key"

[registry]
path = "registry.sqlite"

[scripting]
manifests = ["more/manifest.toml"]

[[directory]]
name = "primary"
issuers = ["OpenBanking Ltd"]
jwks_endpoint = "https://keystore.directory.example/jwks"
software_jwks_hosts = ["keystore.directory.example"]
token_url = "https://sso.directory.example/token"
tpp_url = "https://api.directory.example/scim/"
client_scopes = "TPPReadAccess"
key_id = "kid-1"
signing_key = "signing.key"
transport_keystore = "transport.p12"
transport_keystore_password = "env:TRANSPORT_PASSWORD"

[[market]]
name = "uk"
base_url = "https://bank.example"
profile = "obuk-3.2"
directories = ["primary"]
trust = ["roots.pem"]

[[script]]
type = "client_registration"
name = "own"
file = "own.py"
"""
MORE = """
[[script]]
type = "id_generator"
name = "more"
file = "more.py"
inum = "DAA9-B788"
properties = { theSecret = "file:secrets/x", elsewhere = "env:NAME", number = 5 }
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "more").mkdir()
    (tmp_path / "more/manifest.toml").write_text(MORE)
    path = tmp_path / "dcrgw.toml"
    path.write_text(BANK)
    return path


def test_scripts_of_a_manifest_follow_the_configurations_own(config: Path) -> None:
    own, more = load(config).scripts
    assert (own.name, own.file) == ("own", config.parent / "own.py")
    assert (more.name, more.inum, more.file) == ("more", "DAA9-B788", config.parent / "more/more.py")
    assert more.properties["theSecret"].file == config.parent / "more/secrets/x"
    assert str(more.properties["elsewhere"]) == "env:NAME"


@pytest.mark.parametrize("content", ["script = 5", "[[market]]\nname = 'x'", "[[script", "\xff"])
def test_manifest_that_is_none_is_refused(config: Path, content: str) -> None:
    (config.parent / "more/manifest.toml").write_text(content)
    with pytest.raises(ConfigurationRefused):
        load(config)


def test_manifest_that_is_not_there_is_refused(config: Path) -> None:
    (config.parent / "more/manifest.toml").unlink()
    with pytest.raises(ConfigurationRefused) as refused:
        load(config)
    assert refused.value.faults[0].key == "manifest.toml"


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('name = "more"', 'name = "a b"', "script[1].name"),
        ('"DAA9-B788"', '"?"', "script[1].inum"),
        ('"id_generator"', '"no_such"', "script[1].type"),
        ('name = "more"', 'name = "own"', "script[1].name"),
    ],
)
def test_fault_of_a_manifests_script_is_told_by_its_place(config: Path, old: str, new: str, key: str) -> None:
    (config.parent / "more/manifest.toml").write_text(MORE.replace(old, new))
    with pytest.raises(ConfigurationRefused) as refused:
        load(config)
    assert [fault.key for fault in refused.value.faults] == [key]


def test_inum_is_one_scripts(config: Path) -> None:
    config.write_text(BANK + 'inum = "DAA9-B788"\n')
    with pytest.raises(ConfigurationRefused) as refused:
        load(config)
    assert [fault.key for fault in refused.value.faults] == ["script[1].inum"]
