"""The settings of the administration."""

from __future__ import annotations

from typing import Any

import pytest
from bank_configuration import faults, settings

TLS: dict[str, Any] = {
    "port": 9443,
    "certificate": "admin.pem",
    "key": "admin.key",
    "client_ca": ["operators.pem"],
    "writers": ["alice"],
    "hosts": ["admin.bank.example"],
}


def test_no_administration_is_the_default() -> None:
    assert settings().admin is None


def test_a_sound_administration_is_taken() -> None:
    admin = settings(
        {"admin": {"socket": "admin.sock", "group": "ops", "readers": ["bob", "%audit", "1000"], "tls": TLS}}
    ).admin
    assert admin is not None
    assert admin.tls is not None
    assert (admin.tls.host, admin.tls.minimum_tls, admin.tls.readers) == ("127.0.0.1", "1.3", ())


@pytest.mark.parametrize(
    ("admin", "key"),
    [
        ({}, "admin"),
        ({"readers": ["bob"], "tls": TLS}, "admin.readers"),
        ({"writers": ["bob"], "tls": TLS}, "admin.writers"),
        ({"group": "ops", "tls": TLS}, "admin.group"),
        ({"socket": "a.sock", "readers": ["bob,alice"]}, "admin.readers[0]"),
        ({"socket": "a.sock", "writers": ["%"]}, "admin.writers[0]"),
        ({"socket": "a.sock", "writers": ["-x"]}, "admin.writers[0]"),
        ({"socket": "a.sock", "group": "%ops"}, "admin.group"),
        ({"socket": "a.sock", "user": "bob"}, "admin.user"),
        ({"tls": {**TLS, "writers": []}}, "admin.tls.writers"),
        ({"tls": {**TLS, "hosts": []}}, "admin.tls.hosts"),
        ({"tls": {**TLS, "client_ca": []}}, "admin.tls.client_ca"),
        ({"tls": {name: TLS[name] for name in TLS.keys() - {"client_ca"}}}, "admin.tls.client_ca"),
        ({"tls": {name: TLS[name] for name in TLS.keys() - {"certificate"}}}, "admin.tls.certificate"),
        ({"tls": {**TLS, "port": 8444}}, "admin.tls.port"),
    ],
)
def test_an_administration_that_cannot_be_meant_is_refused(admin: dict[str, Any], key: str) -> None:
    assert list(faults({"admin": admin})) == [key]
