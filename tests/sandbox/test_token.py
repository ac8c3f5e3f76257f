"""The token URL believes nobody: certificate, assertion and each of its claims are judged."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from sandbox_words import BANK, NOW, assertion, token_form

from dcrgw.sandbox.token import Caller, TokenRefused, TokenService
from dcrgw.testkit.certificates import Issued
from dcrgw.testkit.keys import SigningKey


@pytest.fixture
def caller(bank_certificate: Issued) -> Caller:
    return Caller(bank_certificate.der)


def test_right_assertion_gets_a_token(tokens: TokenService, caller: Caller, signing_keys: SimpleNamespace) -> None:
    answer = tokens.grant(token_form(assertion(signing_keys.bank)), caller, NOW)
    assert answer["token_type"] == "Bearer"
    assert tokens.is_valid(answer["access_token"], caller, NOW + 299)
    assert not tokens.is_valid(answer["access_token"], caller, NOW + 300)


def test_rs256_is_taken_as_the_directory_does(
    tokens: TokenService, caller: Caller, signing_keys: SimpleNamespace
) -> None:
    rs256 = SigningKey(signing_keys.bank.kid, "RS256", signing_keys.bank.private_key)
    assert tokens.grant(token_form(assertion(rs256)), caller, NOW)["expires_in"] == 300


def test_token_is_bound_to_the_certificate(tokens: TokenService, caller: Caller, signing_keys: SimpleNamespace) -> None:
    token = tokens.grant(token_form(assertion(signing_keys.bank)), caller, NOW)["access_token"]
    assert not tokens.is_valid(token, Caller(b"another"), NOW)
    assert not tokens.is_valid(token, Caller(None), NOW)
    assert not tokens.is_valid("", caller, NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://elsewhere.example/token"},
        {"aud": None},
        {"sub": "another"},
        {"sub": None},
        {"iss": "another", "sub": "another"},
        {"iss": 7},
        {"exp": int(NOW) - 11},
        {"exp": int(NOW) + 3700},
        {"exp": None},
        {"exp": str(int(NOW) + 60)},
        {"exp": True},
        {"iat": int(NOW) + 60},
        {"jti": None},
        {"jti": ""},
        {"jti": ["a"]},
    ],
)
def test_wrong_claim_is_refused(
    changes: dict[str, Any], tokens: TokenService, caller: Caller, signing_keys: SimpleNamespace
) -> None:
    with pytest.raises(TokenRefused) as refused:
        tokens.grant(token_form(assertion(signing_keys.bank, **changes)), caller, NOW)
    assert (refused.value.status, refused.value.body["error"]) == (401, "invalid_client")


def test_jti_serves_once(tokens: TokenService, caller: Caller, signing_keys: SimpleNamespace) -> None:
    form = token_form(assertion(signing_keys.bank))
    tokens.grant(form, caller, NOW)
    with pytest.raises(TokenRefused):
        tokens.grant(form, caller, NOW)


def test_unknown_kid_is_refused(tokens: TokenService, caller: Caller, signing_keys: SimpleNamespace) -> None:
    with pytest.raises(TokenRefused):
        tokens.grant(token_form(assertion(signing_keys.bank, header={"kid": "bank-9"})), caller, NOW)


def test_foreign_key_of_the_same_kid_is_refused(
    tokens: TokenService, caller: Caller, signing_keys: SimpleNamespace
) -> None:
    stranger = SigningKey(signing_keys.bank.kid, "ES256", signing_keys.foreign.private_key)
    with pytest.raises(TokenRefused):
        tokens.grant(token_form(assertion(stranger)), caller, NOW)


@pytest.mark.parametrize("certificate", [None, b"another certificate"])
def test_other_certificate_is_refused(
    certificate: bytes | None, tokens: TokenService, signing_keys: SimpleNamespace
) -> None:
    with pytest.raises(TokenRefused) as refused:
        tokens.grant(token_form(assertion(signing_keys.bank)), Caller(certificate), NOW)
    assert refused.value.status == 401


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"scope": ""}, "invalid_scope"),
        ({"scope": "TPPReadAccess root"}, "invalid_scope"),
        ({"client_assertion_type": "urn:other"}, "invalid_client"),
        ({"client_id": "another"}, "invalid_client"),
        ({"client_assertion": ""}, "invalid_client"),
        ({"client_assertion": "a.b.c"}, "invalid_client"),
    ],
)
def test_wrong_parameter_is_refused(
    changes: dict[str, str], error: str, tokens: TokenService, caller: Caller, signing_keys: SimpleNamespace
) -> None:
    with pytest.raises(TokenRefused) as refused:
        tokens.grant({**token_form(assertion(signing_keys.bank)), **changes}, caller, NOW)
    assert refused.value.body["error"] == error


def test_client_id_may_be_left_out(tokens: TokenService, caller: Caller, signing_keys: SimpleNamespace) -> None:
    form = token_form(assertion(signing_keys.bank))
    del form["client_id"]
    assert tokens.grant(form, caller, NOW)["client_id"] == BANK
