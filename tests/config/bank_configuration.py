"""A bank's configuration to start from: a test changes only what it is about."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dcrgw.config.faults import ConfigFault, ConfigurationRefused
from dcrgw.config.loading import from_document
from dcrgw.config.model import Settings

CANARY = "canary-7f3a91"

DIRECTORY: dict[str, Any] = {
    "name": "primary",
    "issuers": ["OpenBanking Ltd"],
    "jwks_endpoint": "https://keystore.directory.example/jwks",
    "software_jwks_hosts": ["keystore.directory.example"],
    "token_url": "https://sso.directory.example/token",
    "tpp_url": "https://api.directory.example/scim/",
    "client_scopes": "ASPSPReadAccess TPPReadAccess",
    "key_id": "kid-1",
    "signing_key": "signing.key",
    "transport_keystore": "transport.p12",
    "transport_keystore_password": "env:TRANSPORT_PASSWORD",
}
MARKET: dict[str, Any] = {
    "name": "uk",
    "base_url": "https://bank.example",
    "profile": "obuk-3.2",
    "directories": ["primary"],
    "trust": ["roots.pem"],
    "revocation": {"mode": "off"},
}
SCRIPT: dict[str, Any] = {"type": "client_registration", "name": "onboarding", "file": "onboarding.py"}
BANK: dict[str, Any] = {
    "listeners": {"mtls": {"port": 8444, "certificate": "server.pem", "key": "server.key"}},
    "registry": {"path": "registry.sqlite"},
    "directory": [DIRECTORY],
    "market": [MARKET],
}

#: As a value of `bank`: the key is left out.
ABSENT = object()


def bank(changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The document with changes by key: `{"market[0].base_url": "https://other.example", "limits.body_s": 5}`."""
    document = copy.deepcopy(BANK)
    for key, value in (changes or {}).items():
        change(document, key, value)
    return document


def change(document: dict[str, Any], key: str, value: Any) -> None:
    """Put a value where a key points; sections on the way are made."""
    place: Any = document
    *path, last = [int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", key)]
    for part in path:
        place = place.setdefault(part, {}) if isinstance(place, dict) else place[part]
    if value is ABSENT:
        del place[last]
    else:
        place[last] = value


def settings(changes: Mapping[str, Any] | None = None, source: Path = Path("/etc/dcrgw/dcrgw.toml")) -> Settings:
    """The settings of the bank with changes."""
    return from_document(bank(changes), source)


def faults(changes: Mapping[str, Any] | None = None) -> dict[str, ConfigFault]:
    """The faults of the bank with changes, by key. No text of theirs may show the canary."""
    with pytest.raises(ConfigurationRefused) as caught:
        settings(changes)
    refused = caught.value
    assert CANARY not in str(refused) + repr(refused) + repr(refused.faults)
    assert refused.__context__ is None
    assert all(fault.reason for fault in refused.faults)
    return {fault.key: fault for fault in refused.faults}
