"""Keys in an HSM, as the settings name them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from bank_configuration import ABSENT, CANARY, faults, settings
from bank_files import bank_folder, put
from hypothesis import given
from hypothesis import strategies as st
from softhsm import KEYS, MODULE, PIN, certificate_of, needs_softhsm, token

from dcrgw.config.faults import ConfigurationRefused
from dcrgw.materials import Materials, open_materials

OWN = "pkcs11:token=bank;object=ec?module-path=/usr/lib/hsm.so"
PIN_REFERENCE = "file:hsm.pin"


def uri(label: str) -> str:
    return f"pkcs11:token={token()};object={label}?module-path={MODULE}"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRANSPORT_PASSWORD", CANARY)
    put(tmp_path / "hsm.pin", PIN.encode())
    return bank_folder(tmp_path)


def opened(folder: Path, changes: Mapping[str, Any]) -> Materials:
    return open_materials(settings(changes, folder / "dcrgw.toml"), time.time())


def refused(folder: Path, changes: Mapping[str, Any]) -> set[str]:
    with pytest.raises(ConfigurationRefused) as caught:
        opened(folder, changes)
    assert PIN not in str(caught.value)
    return {fault.key for fault in caught.value.faults}


@needs_softhsm
def test_both_signing_keys_may_stay_in_an_hsm(folder: Path) -> None:
    put(folder / "seal.pem", certificate_of("rsa").certificate_pem)
    found = opened(
        folder,
        {
            "signing": {"alg": "ES256", "hsm_key": uri("ec"), "hsm_pin": PIN_REFERENCE},
            "directory[0].signing_key": ABSENT,
            "directory[0].signing_hsm_key": uri("rsa"),
            "directory[0].signing_hsm_pin": PIN_REFERENCE,
            "directory[0].signing_cert": "seal.pem",
        },
    )
    assert found.signing_key.public_key() == KEYS["ec"][1].public_key()
    directory = found.directories["primary"]
    assert directory.signing_key.public_key() == KEYS["rsa"][1].public_key()
    assert directory.signing_certificate == certificate_of("rsa").certificate


@needs_softhsm
def test_what_does_not_fit_is_refused_under_its_setting(folder: Path) -> None:
    put(folder / "seal.pem", certificate_of("certified").certificate_pem)
    directory = {"directory[0].signing_key": ABSENT, "directory[0].signing_hsm_pin": PIN_REFERENCE}
    assert refused(folder, {**directory, "directory[0].signing_hsm_key": uri("ec")}) == {"directory[0].signing_hsm_key"}
    other = {"directory[0].signing_hsm_key": uri("rsa"), "directory[0].signing_cert": "seal.pem"}
    assert refused(folder, {**directory, **other}) == {"directory[0].signing_hsm_key"}
    own = {"signing.hsm_key": uri("ec"), "signing.hsm_pin": PIN_REFERENCE}
    assert refused(folder, {**own, "signing.alg": "PS256"}) == {"signing.alg"}
    assert refused(folder, {**own, "signing.hsm_pin": "env:NO_SUCH_PIN"}) == {"signing.hsm_pin"}


@pytest.mark.parametrize(
    "text",
    [
        "pkcs11:",
        "hsm:token=bank;object=a?module-path=/m.so",
        "pkcs11:object=a?module-path=/m.so",
        "pkcs11:token=bank;object=a",
        "pkcs11:token=bank?module-path=/m.so",
        "pkcs11:token=bank;object=a;slot-id=1?module-path=/m.so",
        "pkcs11:token=bank;object=a;object=b?module-path=/m.so",
        "pkcs11:token=bank;object=?module-path=/m.so",
        "pkcs11:token=%ff;object=a?module-path=/m.so",
        "pkcs11:token=bank;object=a;type=public?module-path=/m.so",
        f"pkcs11:token=bank;object=a?module-path=/m.so&pin-value={CANARY}",
        "pkcs11:token=bank;object=a?module-path=/m.so&pin-source=file:/pin",
    ],
)
def test_what_is_no_uri_of_a_key_is_refused(text: str) -> None:
    assert "signing.hsm_key" in faults({"signing.hsm_key": text, "signing.hsm_pin": "env:PIN"})


def test_a_uri_is_read_whole() -> None:
    found = settings(
        {
            "signing.hsm_key": "pkcs11:token=my%20bank;id=%01%ff;type=private?module-path=lib/m.so",
            "signing.hsm_pin": "env:PIN",
        }
    ).signing.hsm_key
    assert (found.token, found.object, found.id) == ("my bank", None, b"\x01\xff")
    assert found.module == Path("/etc/dcrgw/lib/m.so")


def test_one_key_and_its_pin() -> None:
    assert "signing.hsm_key" in faults({"signing.hsm_key": OWN, "signing.hsm_pin": "env:PIN", "signing.key": "own.key"})
    assert "signing.hsm_pin" in faults({"signing.hsm_key": OWN})
    assert "signing.hsm_pin" in faults({"signing.hsm_pin": "env:PIN"})
    both = {"directory[0].signing_hsm_key": OWN, "directory[0].signing_hsm_pin": "env:PIN"}
    assert "directory[0].signing_hsm_key" in faults(both)


@given(st.text("pkcs1:;?&=%0atoken-object-id/.x", max_size=60))
def test_any_text_is_a_key_or_refused(text: str) -> None:
    try:
        found = settings({"signing.hsm_key": f"pkcs11:{text}", "signing.hsm_pin": "env:PIN"}).signing.hsm_key
    except ConfigurationRefused:
        return
    assert found.token
    assert found.object or found.id
