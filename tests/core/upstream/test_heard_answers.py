"""What a server behind the gateway may be heard with."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcrgw.core.jose import base64url
from dcrgw.core.upstream import answers
from dcrgw.core.upstream.answers import AnswerRefused, OAuthError, Said
from dcrgw.testkit import markets

MARKET = markets.market()
GOOD = {"access_token": "opaque-token", "token_type": "Bearer", "expires_in": 300}


def jwt(**claims: Any) -> str:
    parts = [{"alg": "PS256"}, claims]
    return ".".join(base64url.encode(json.dumps(part).encode()) for part in parts) + ".c2ln"


def said(**members: Any) -> Said:
    return Said(200, members)


def test_error_is_told_with_its_own_code_bounded() -> None:
    body = json.dumps(
        {"error": "authorization_pending", "error_description": 'wait "é"\r\n' + "x" * 900, "stack": "at /srv"}
    )
    heard = answers.heard(400, body.encode())
    assert isinstance(heard, OAuthError)
    assert (heard.status, heard.code) == (400, "authorization_pending")
    assert len(heard.description) == 500
    assert not set('"\r\n') & set(heard.description)
    assert answers.heard(415, b'{"error": "invalid_request"}') == OAuthError(400, "invalid_request")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>"),
        (200, b""),
        (200, b"[]"),
        (200, b'{"a": 1, "a": 2}'),
        (204, b""),
        (301, b'{"error": "x"}'),
        (400, b"Traceback (most recent call last)"),
        (400, b'{"error": ""}'),
        (400, b'{"error": "a\\r\\nb"}'),
        (400, b'{"error": 7}'),
        (401, b'{"message": "no"}'),
        (429, b'{"error": "slow_down"}'),
        (500, b'{"error": "server_error"}'),
        (503, b""),
        (100, b""),
    ],
)  # fmt: skip
def test_what_is_no_oauth_is_no_answer(status: int, body: bytes) -> None:
    with pytest.raises(AnswerRefused):
        answers.heard(status, body)


@given(st.integers(100, 599), st.binary(max_size=60))
def test_whatever_is_said_is_heard_or_refused(status: int, body: bytes) -> None:
    try:
        heard = answers.heard(status, body, may_be_empty=True)
    except AnswerRefused:
        return
    assert heard.status in (200, 201, 400, 401, 403)


def test_token_is_its_own_client_s() -> None:
    assert answers.token(said(**GOOD), "client-1", MARKET) == GOOD
    own = {**GOOD, "access_token": jwt(client_id="client-1"), "id_token": jwt(aud=["client-1"], iss=MARKET.issuer)}
    assert answers.token(said(**own), "client-1", MARKET) == own


@pytest.mark.parametrize(
    "changes",
    [
        {"access_token": None},
        {"access_token": "two words"},
        {"access_token": "a\r\nb"},
        {"token_type": None},
        {"token_type": "DPoP"},
        {"access_token": jwt(client_id="client-2")},
        {"access_token": jwt(iss="https://other.example")},
        {"id_token": jwt(aud="client-2")},
        {"id_token": jwt(aud="client-1", iss="https://other.example")},
        {"id_token": 7},
    ],
)  # fmt: skip
def test_token_that_is_another_s_goes_to_nobody(changes: dict[str, Any]) -> None:
    with pytest.raises(AnswerRefused):
        answers.token(said(**{**GOOD, **changes}), "client-1", MARKET)


def test_introspection_is_for_the_token_s_own_client() -> None:
    body = {"active": True, "client_id": "client-1", "scope": "accounts"}
    assert answers.introspected(said(**body), "client-1", MARKET) == body
    assert answers.introspected(said(**body), "client-2", MARKET) == {"active": False}
    assert answers.introspected(said(active=False, client_id="client-1", sub="mia"), "client-1", MARKET) == {
        "active": False
    }


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"active": "true"},
        {"active": 1},
        {"active": True},
        {"active": True, "client_id": 7},
        {"active": True, "client_id": "c", "iss": "https://other.example"},
    ],
)
def test_introspection_of_nobody_is_no_answer(body: dict[str, Any]) -> None:
    with pytest.raises(AnswerRefused):
        answers.introspected(said(**body), "client-1", MARKET)


@pytest.mark.parametrize(
    "body",
    [
        {"request_uri": "urn:x"},
        {"request_uri": "", "expires_in": 60},
        {"request_uri": "urn:a b", "expires_in": 60},
        {"request_uri": "urn:x", "expires_in": "60"},
        {"request_uri": "urn:x", "expires_in": True},
        {"request_uri": "urn:x", "expires_in": 0},
        {"request_uri": "urn:x", "expires_in": 10**9},
    ],
)
def test_pushed_request_needs_a_name_and_a_life(body: dict[str, Any]) -> None:
    with pytest.raises(AnswerRefused):
        answers.pushed(said(**body))


def test_no_private_key_is_published() -> None:
    public = {"kty": "EC", "crv": "P-256", "x": "x", "y": "y", "kid": "1"}
    assert answers.keys(200, json.dumps({"keys": [public], "more": 1}).encode()) == {"keys": [public]}
    for keys in ([{**public, "d": "secret"}], [{"kty": "oct", "k": "secret"}], "keys", [7]):
        with pytest.raises(AnswerRefused):
            answers.keys(200, json.dumps({"keys": keys}).encode())
    with pytest.raises(AnswerRefused):
        answers.keys(404, b'{"keys": []}')


def test_userinfo_is_claims_or_a_jwt() -> None:
    json_, jwt_ = [("Content-Type", "application/json; charset=utf-8")], [("content-type", "application/jwt")]
    assert answers.userinfo(200, json_, b'{"sub": "mia"}') == ("application/json", b'{"sub": "mia"}')
    signed = jwt(sub="mia").encode()
    assert answers.userinfo(200, jwt_, signed) == ("application/jwt", signed)
    for headers, body in (
        (json_, b"{}"),
        (json_, signed),
        (jwt_, b"<html>"),
        ([], b'{"sub": "mia"}'),
        ([("Content-Type", "text/html")], b"x"),
    ):
        with pytest.raises(AnswerRefused):
            answers.userinfo(200, headers, body)


def test_hint_of_a_session_names_its_one_client() -> None:
    assert answers.audience(jwt(aud="client-1")) == "client-1"
    assert answers.audience(jwt(aud=["client-1"])) == "client-1"
    assert answers.audience(jwt(aud=["a", "b"], azp="b")) == "b"
    for text in ("", "x", "a.b.c", jwt(aud=["a", "b"]), jwt(aud=7), jwt().replace(".", "!", 1)):
        assert answers.audience(text) is None
