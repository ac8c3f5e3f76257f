"""A market's own authorization server is configured whole, and nobody else can speak for it or for TPPs."""

from __future__ import annotations

from typing import Any

import pytest
from bank_configuration import ABSENT, faults, settings

SERVER: dict[str, Any] = {
    "kind": "oidc-provider",
    "url": "https://as.internal:8443",
    "transport_cert": "gateway.pem",
    "transport_key": "gateway.key",
}
KEYCLOAK = {
    **SERVER,
    "kind": "keycloak",
    "url": "https://as.internal:8443/realms/bank",
    "admin_client_id": "dcrgw",
    "admin_client_secret": "env:SECRET",
}
HYDRA = {"kind": "hydra", "url": "https://as.internal:4444", "admin_url": "https://as.internal:4445"}


def upstream(base: dict[str, Any], **changes: Any) -> dict[str, Any]:
    document = {name: value for name, value in {**base, **changes}.items() if value is not ABSENT}
    return {"market[0].upstream": document, "registry.sealing_keys": ["env:SEAL"]}


PROVED_BY_SECRET = {"transport_cert": ABSENT, "transport_key": ABSENT, "proof_header": "X-Proof", "proof": "env:PROOF"}


@pytest.mark.parametrize(
    "document",
    [
        SERVER,
        KEYCLOAK,
        HYDRA,
        {**SERVER, **PROVED_BY_SECRET},
        {**KEYCLOAK, "admin_client_secret": ABSENT},
        {**SERVER, "endpoints": {"token_endpoint": "/oauth2/token", "jwks_uri": "/.well-known/jwks.json"}},
    ],
)
def test_a_whole_server_is_taken(document: dict[str, Any]) -> None:
    assert settings(upstream(document)).markets[0].upstream is not None


@pytest.mark.parametrize(
    ("base", "changes", "key"),
    [
        (SERVER, {"transport_cert": ABSENT, "transport_key": ABSENT}, "certificate_form"),
        (SERVER, {"proof": "env:PROOF"}, "proof_header"),
        (SERVER, {"proof_header": "X-Proof"}, "proof"),
        (SERVER, {"introspection_client_secret": "env:SECRET"}, "introspection_client_id"),
        (SERVER, {"certificate_form": "none", "certificate_header": "X-Cert"}, "certificate_header"),
        (SERVER, {"certificate_form": "none", "auth_methods": ["tls_client_auth"]}, "auth_methods[0]"),
        (SERVER, {"gap": "bridge", "auth_methods": ["private_key_jwt"]}, "gap"),
        (SERVER, {"admin_url": "https://as.internal:4445"}, "admin_url"),
        (SERVER, {"admin_client_id": "dcrgw"}, "admin_client_id"),
        (SERVER, {"url": "https://bank.example"}, "url"),
        (SERVER, {"url": "https://as.internal/"}, "url"),
        (SERVER, {"url": "http://as.internal"}, "url"),
        (SERVER, {"endpoints": {"token_endpoint": "https://evil.example/token"}}, "endpoints.token_endpoint"),
        (SERVER, {"endpoints": {"token_endpoint": "/a/../b"}}, "endpoints.token_endpoint"),
        (KEYCLOAK, {"url": "https://as.internal:8443"}, "url"),
        (KEYCLOAK, {"url": "https://as.internal:8443/realms/bank/x"}, "url"),
        (KEYCLOAK, {"admin_client_id": ABSENT, "admin_client_secret": ABSENT}, "admin_client_id"),
        (KEYCLOAK, {"admin_client_secret": ABSENT, **PROVED_BY_SECRET}, "admin_client_secret"),
        (KEYCLOAK, {"registration_token": "env:TOKEN"}, "registration_token"),
        (HYDRA, {"admin_url": ABSENT}, "admin_url"),
        (HYDRA, {"client_id_header": "x-id"}, "client_id_header"),
        (HYDRA, {"auth_methods": ["tls_client_auth"]}, "auth_methods[0]"),
    ],
)
def test_what_is_missing_or_would_be_believed_of_anybody_is_refused(base, changes, key: str) -> None:
    assert f"market[0].upstream.{key}" in faults(upstream(base, **changes))


def test_people_are_not_asked_here_where_the_server_asks_them() -> None:
    server = {"market[0].authorization_server": {"grant_types": ["client_credentials", "authorization_code"]}}
    public = {"listeners.public": {"port": 8443, "certificate": "server.pem", "key": "server.key"}}
    assert "consent.customers" in faults({**server, **public})
    assert settings({**server, **public, **upstream(SERVER)}).consent.customers is None
