"""The operator's own signature key: opened, and fit for its algorithm."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from bank_configuration import CANARY, settings
from bank_files import bank_folder
from cryptography.hazmat.primitives.asymmetric import ec

from dcrgw.config.faults import ConfigurationRefused
from dcrgw.materials import Materials, open_materials, open_sealing_keys
from dcrgw.testkit.keys import SigningKey


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRANSPORT_PASSWORD", CANARY)
    key = tmp_path / "own.key"
    key.write_bytes(SigningKey.generate("own", "ES256").pem)
    key.chmod(0o600)
    return bank_folder(tmp_path)


def opened(folder: Path, changes: Mapping[str, Any]) -> Materials:
    return open_materials(settings(changes, folder / "dcrgw.toml"), time.time())


def faults(folder: Path, changes: Mapping[str, Any]) -> set[str]:
    with pytest.raises(ConfigurationRefused) as caught:
        opened(folder, changes)
    return {fault.key for fault in caught.value.faults}


def test_without_one_there_is_none(folder: Path) -> None:
    assert opened(folder, {}).signing_key is None


def test_a_pem_key_signs(folder: Path) -> None:
    found = opened(folder, {"signing.key": "own.key", "signing.alg": "ES256"}).signing_key
    assert isinstance(found, ec.EllipticCurvePrivateKey)


def test_a_keystore_signs(folder: Path) -> None:
    changes = {"signing.keystore": "transport.p12", "signing.keystore_password": "env:TRANSPORT_PASSWORD"}
    assert opened(folder, changes).signing_key is not None


def test_a_key_of_another_algorithm_is_refused(folder: Path) -> None:
    assert faults(folder, {"signing.key": "own.key"}) == {"signing.alg"}


def test_a_key_that_is_not_there_is_refused(folder: Path) -> None:
    assert faults(folder, {"signing.key": "none.key"}) == {"signing.key"}


def test_two_keys_are_one_too_many(folder: Path) -> None:
    assert faults(folder, {"signing.key": "own.key", "signing.keystore": "transport.p12"}) == {"signing.key"}


def test_sealing_keys_open_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALING", "00112233445566778899aabbccddeeff" * 2)
    changes = {"registry.sealing_keys": ["env:SEALING"], "listeners.mtls.key": "gone.key"}
    assert len(open_sealing_keys(settings(changes, folder / "dcrgw.toml"), time.time())) == 1
    monkeypatch.delenv("SEALING")
    with pytest.raises(ConfigurationRefused):
        open_sealing_keys(settings(changes, folder / "dcrgw.toml"), time.time())
