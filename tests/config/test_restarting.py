"""What only a restart changes, and what a running gateway takes."""

from __future__ import annotations

from typing import Any

import pytest
from bank_configuration import MARKET, settings

from dcrgw.config.restarting import restart_faults

HEALTH = {"port": 8081}


@pytest.mark.parametrize(
    ("change", "keys"),
    [
        ({"listeners.mtls.port": 9443}, ["listeners.mtls.port"]),
        ({"listeners.health": HEALTH}, ["listeners.health.host", "listeners.health.port"]),
        ({"registry.path": "other.sqlite"}, ["registry.path"]),
        ({"environment": "sandbox"}, ["environment"]),
        ({"admin.socket": "admin.sock"}, ["admin.socket"]),
        ({"logging.level": "debug", "limits.body_s": 9}, ["logging.level"]),
    ],
)
def test_each_setting_that_needs_a_restart_is_named(change: dict[str, Any], keys: list[str]) -> None:
    assert [fault.key for fault in restart_faults(settings(), settings(change))] == keys
    # And back again: what disappears is as much of a change.
    assert [fault.key for fault in restart_faults(settings(change), settings())] == keys


@pytest.mark.parametrize(
    "change",
    [
        {"limits.body_s": 9},
        {"listeners.mtls.certificate": "other.pem"},
        {"market": [MARKET, {**MARKET, "name": "second", "base_url": "https://second.example"}]},
        {"directory[0].token_url": "https://other.example/token"},
        {"reload.interval_s": 1},
    ],
)
def test_everything_else_needs_none(change: dict[str, Any]) -> None:
    assert restart_faults(settings(), settings(change)) == []
