"""Methods that another server lacks: refused, or bridged."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_release import SERVER

from dcrgw.core.upstream import gaps
from dcrgw.core.upstream.server import Gap

BRIDGES = replace(SERVER, gap=Gap.BRIDGE)
MEMBERS = {
    "token_endpoint_auth_method": "private_key_jwt",
    "token_endpoint_auth_signing_alg": "PS256",
    "tls_client_auth_subject_dn": "CN=a",
    "tls_client_certificate_bound_access_tokens": True,
    "jwks_uri": "https://keystore.example/a.jwks",
    "scope": "accounts",
}


@pytest.mark.parametrize(
    ("method", "server", "is_carried"),
    [
        ("client_secret_basic", SERVER, True),
        ("private_key_jwt", SERVER, False),
        ("private_key_jwt", BRIDGES, True),
        ("tls_client_auth", replace(BRIDGES, auth_methods=frozenset({"client_secret_post"})), True),
        ("tls_client_auth", replace(BRIDGES, auth_methods=frozenset({"private_key_jwt"})), False),
        ("private_key_jwt", replace(BRIDGES, auth_methods=frozenset({"private_key_jwt"})), True),
    ],
)
def test_a_method_is_carried_or_refused(method: str, server: object, is_carried: bool) -> None:
    assert (gaps.fault(method, server) is None) is is_carried  # type: ignore[arg-type]


def test_a_bridged_clients_own_method_is_not_told() -> None:
    assert gaps.at_server(MEMBERS, BRIDGES) == {
        "token_endpoint_auth_method": "client_secret_basic",
        "tls_client_certificate_bound_access_tokens": True,
        "jwks_uri": "https://keystore.example/a.jwks",
        "scope": "accounts",
    }


def test_a_method_that_the_server_has_is_told_as_it_is() -> None:
    told = gaps.at_server(MEMBERS, replace(BRIDGES, auth_methods=frozenset({"private_key_jwt"})))
    # But for the name of a certificate, which is another method's.
    assert told == {name: value for name, value in MEMBERS.items() if name != "tls_client_auth_subject_dn"}


def test_a_server_that_binds_no_tokens_is_not_asked_to() -> None:
    kept = gaps.at_server(MEMBERS, replace(SERVER, auth_methods=frozenset({"private_key_jwt"}), binds_tokens=False))
    assert "tls_client_certificate_bound_access_tokens" not in kept
