"""Revocation needs a source, and a listener behind a proxy needs to know its proxies."""

from __future__ import annotations

from typing import Any

import pytest
from bank_configuration import ABSENT, faults, settings

PROXIED: dict[str, Any] = {"port": 8445, "form": "nginx", "proxy_networks": ["10.0.0.0/8"]}


def proxied(**changes: Any) -> dict[str, Any]:
    return {"listeners.proxied": {**PROXIED, **changes}}


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"proxy_networks": []}, "proxy_ca"),
        ({"proxy_names": ["edge-1"]}, "proxy_names"),
        ({"proxy_ca": ["ca.pem"]}, "certificate"),
        ({"host": "10.0.0.5"}, "host"),
        ({"host": "localhost.example"}, "host"),
        ({"certificate": "a.pem"}, "key"),
        ({"form": "squid"}, "form"),
        ({"header": "a b"}, "header"),
        ({"hops": 0}, "hops"),
        ({"proxy_networks": ["10.0.0.1/8"]}, "proxy_networks[0]"),
        ({"port": 8444}, "port"),
    ],
)
def test_listener_behind_a_proxy_that_could_believe_anybody_is_refused(changes: dict[str, Any], key: str) -> None:
    host = {"host": "0.0.0.0", "certificate": "a.pem", "key": "a.key"} if key == "port" else {}
    assert f"listeners.proxied.{key}" in faults(proxied(**changes, **host))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"host": "::1"},
        {"host": "10.0.0.5", "certificate": "a.pem", "key": "a.key"},
        {"certificate": "a.pem", "key": "a.key", "proxy_ca": ["ca.pem"], "proxy_names": ["x"], "proxy_networks": []},
    ],
)
def test_listener_that_knows_its_proxies_is_taken(changes: dict[str, Any]) -> None:
    assert settings(proxied(**changes)).listeners.proxied is not None


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"mode": "hard"}, "methods"),
        ({"mode": "soft", "crl_files": ["a.crl"]}, "methods"),
        ({"mode": "hard", "hosts": ["10.0.0.1:80"]}, "hosts[0]"),
        ({"mode": "hard", "methods": ["crl"], "crl_urls": ["http://127.0.0.1/a.crl"]}, "crl_urls[0]"),
        ({"mode": "hard", "methods": ["crl"], "crl_urls": ["ldap://ca.example/a"]}, "crl_urls[0]"),
        ({"mode": "hard", "methods": ["ocsp"], "ocsp_url": "http://localhost/"}, "ocsp_url"),
        ({"mode": "strict"}, "mode"),
        ({"mode": "hard", "methods": []}, "methods"),
    ],
)
def test_revocation_that_could_ask_nobody_is_refused(changes: dict[str, Any], key: str) -> None:
    found = faults({"market[0].revocation": changes})
    assert any(each.startswith(f"market[0].revocation.{key}") for each in found), found


@pytest.mark.parametrize(
    "changes",
    [
        {"mode": "off"},
        {"mode": "hard", "hosts": ["ca.example:80"]},
        {"mode": "soft", "methods": ["crl"], "crl_files": ["a.crl"]},
        {"mode": "hard", "methods": ["ocsp"], "ocsp_url": "http://ocsp.example/"},
    ],
)
def test_revocation_with_a_source_is_taken(changes: dict[str, Any]) -> None:
    assert settings({"market[0].revocation": changes}).warnings == ()


def test_production_market_that_says_nothing_of_revocation_is_warned_of() -> None:
    assert [each.key for each in settings({"market[0].revocation": ABSENT}).warnings] == ["market[0].revocation"]
