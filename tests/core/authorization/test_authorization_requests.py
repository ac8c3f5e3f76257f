"""Whatever a stranger asks is judged and never raises; and what is judged good is good."""

from __future__ import annotations

from typing import Any

import pytest
from as_stories import CLIENT_ID, KEY, NOW, client, market
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.core.authorization import form as forms
from dcrgw.core.authorization import parameters, request_object, requests, response_types, responses
from dcrgw.core.authorization.interaction import Return
from dcrgw.core.authorization.requests import Brought
from dcrgw.core.authorization.server import AuthorizationServer
from dcrgw.core.evidence import Arrival
from dcrgw.core.jose.keys import key_set
from dcrgw.core.strict_json import JsonValue
from dcrgw.errors import ErrorCode
from dcrgw.testkit.keys import jwks

ASKING = market(server=AuthorizationServer(grant_types=("authorization_code",)))
CLIENT = client(
    "tls_client_auth",
    members={
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "redirect_uris": ["https://tpp.example/cb"],
        "authorization_details_types": ["payment"],
    },
)
RIGHT = {
    "client_id": CLIENT_ID,
    "redirect_uri": "https://tpp.example/cb",
    "response_type": "code",
    "scope": "openid accounts",
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "code_challenge_method": "S256",
}
TO = Return(RIGHT["redirect_uri"])
NAMES = sorted({*RIGHT, "state", "nonce", "prompt", "max_age", "ui_locales", "response_mode", "authorization_details"})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=60),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def test_right_request_is_taken() -> None:
    judged = parameters.judge(Brought(RIGHT), TO, CLIENT, ASKING, ("payment",))
    assert judged.failures == ()
    assert judged.value is not None
    assert (judged.value.scope, judged.value.details, judged.value.state) == (("openid", "accounts"), (), None)


# The first text of a process makes a table of all characters, which takes seconds on a busy machine.
@settings(max_examples=80)
@given(st.dictionaries(st.sampled_from(NAMES), JSON))
def test_whatever_is_asked_is_judged(changes: dict[str, Any]) -> None:
    brought = Brought({**RIGHT, **changes})
    to = requests.addressed(brought, CLIENT).value
    judged = parameters.judge(brought, TO, CLIENT, ASKING, ("payment",))
    if judged.value is not None:
        assert set(judged.value.scope) <= set(CLIENT.metadata.scopes)
        assert {each.type for each in judged.value.details} <= {"payment"}
        assert judged.value.redirect_uri == RIGHT["redirect_uri"]
        assert to in (None, judged.value.to)
    assert to is None or to.state is None or to.state.isprintable()


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from([*NAMES, "iss", "aud", "exp", "nbf", "iat", "jti", "sub", "request"]), JSON))
def test_whatever_is_signed_is_judged(changes: dict[str, Any]) -> None:
    claims = {**RIGHT, "iss": CLIENT_ID, "aud": ASKING.issuer, "nbf": NOW, "exp": NOW + 60, **changes}
    token = request_object.unverified(KEY.sign(claims)).value
    assert token is not None
    judged = request_object.prove(token, key_set(jwks(KEY)), CLIENT, ASKING, NOW)
    if judged.value is not None:
        assert judged.value.parameters.get("client_id") == CLIENT_ID
        parameters.judge(Brought(judged.value.parameters), TO, CLIENT, ASKING, ())


@settings(max_examples=60)
@given(st.text())
def test_whatever_stands_in_a_query_is_read_or_refused(query: str) -> None:
    judged = forms.asked(Arrival("uk", (), None, b"", query=query, method="GET"))
    assert (judged.value is None) == bool(judged.failures)


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        ("https://t.example/cb", "https://t.example/cb?code=c&state=a+%26b&iss=https%3A%2F%2Fbank.example"),
        ("https://t.example/cb?x=1", "https://t.example/cb?x=1&code=c&state=a+%26b&iss=https%3A%2F%2Fbank.example"),
        ("com.example.app:/cb", "com.example.app:/cb?code=c&state=a+%26b&iss=https%3A%2F%2Fbank.example"),
    ],
)
def test_answer_stands_in_the_query_escaped(uri: str, url: str) -> None:
    assert responses.with_code(Return(uri, "a &b"), "c", None, ASKING) == url


def test_answer_with_an_id_token_stands_in_the_fragment_escaped() -> None:
    to = Return("https://t.example/cb?x=1", "a#b", in_fragment=True)
    url = responses.with_code(to, "c", "e30.e30.x", ASKING)
    assert url == "https://t.example/cb?x=1#code=c&id_token=e30.e30.x&state=a%23b&iss=https%3A%2F%2Fbank.example"


def test_error_says_nothing_that_a_header_could_not_hold() -> None:
    said = 'a "b"\r\nSet-Cookie: x'
    url = responses.with_error(Return("https://t.example/cb"), ErrorCode.INVALID_SCOPE, said, ASKING)
    assert "%0D" not in url
    assert "%22" not in url
    assert "state=" not in url


@pytest.mark.parametrize(
    ("response_type", "response_mode", "expected"),
    [
        ("code", None, False),
        ("code", "query", False),
        ("code id_token", None, True),
        ("id_token code", None, True),
        # What may hold tokens never stands in a query, also where it is refused.
        ("code id_token", "query", True),
        ("token", None, True),
        ("code", "fragment", True),
        (None, None, False),
        (["code id_token"], 5, False),
    ],
)
def test_client_hears_where_it_listens(response_type: JsonValue, response_mode: JsonValue, expected: bool) -> None:
    assert response_types.in_fragment(response_type, response_mode) is expected
