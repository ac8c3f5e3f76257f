"""What another server's answer says of a token: read strictly, held against the client."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.core.checks import Findings
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.core.upstream import release
from dcrgw.core.upstream.answers import AnswerRefused, jwt_claims
from dcrgw.core.upstream.release import Word
from dcrgw.core.upstream.server import Gap, TokenSource, UpstreamServer

SERVER = UpstreamServer(
    kind="keycloak",
    auth_methods=frozenset({"client_secret_basic"}),
    gap=Gap.REFUSE,
    takes_client_id=True,
    finds_clients=True,
    url="https://as.bank.example",
    pages=(),
    token_source=TokenSource.INTROSPECTION,
    added_scopes=frozenset({"profile"}),
)
CLIENT = RegisteredClient(
    "client-1",
    0,
    "uk",
    ClientMetadata({"scope": "openid accounts"}),
    None,
    None,
    None,
    None,
    {},
    None,
    "",
    "",
    "",
)
DETAIL = {"type": "payment", "amount": 1}


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def jwt(claims: Any, **header: Any) -> str:
    return f"{part({'alg': 'ES256', **header})}.{part(claims)}.c2ln"


def failed(*words: Word, x5t_s256: str | None = "thumb") -> list[str]:
    findings = Findings()
    release.judge(words, CLIENT.metadata.scopes, x5t_s256, SERVER, findings)
    return [each.check.id for each in findings.failures]


def test_the_answer_and_a_readable_token_each_have_a_word() -> None:
    claims = {"scope": ["openid", "accounts"], "authorization_details": [DETAIL], "cnf": {"x5t#S256": "x"}}
    said = release.words({"access_token": jwt(claims), "scope": "openid", "authorization_details": [DETAIL, DETAIL]})
    assert [(each.place, each.scope, len(each.details), each.x5t_s256) for each in said] == [
        ("answer", ("openid",), 2, None),
        ("token", ("openid", "accounts"), 1, "x"),
    ]


@pytest.mark.parametrize(
    "token",
    [
        "opaque",
        "a.b.c",
        "a.b.c.d.e",
        "..",
        f"{part([1])}.{part(1)}.x",
        f"{part({'kid': '1'})}.{part({})}.x",
        "eyJhbGciOiJSU0EtT0FFUCJ9.a.b.c.d",
    ],
)
def test_a_token_that_is_no_readable_jwt_has_none(token: str) -> None:
    assert [each.place for each in release.words({"access_token": token})] == ["answer"]


@pytest.mark.parametrize(
    "payload",
    [
        b"[]",
        b"1",
        b"not json",
        b'{"authorization_details":[],"authorization_details":[{"type":"payment"}]}',
        b'{"scope":"a","scope":"b"}',
        b'{"a":NaN}',
        b"\xff",
        b"[" * 500,
    ],
)
def test_claims_that_others_could_read_in_another_way_are_no_answer(payload: bytes) -> None:
    token = f"{part({'alg': 'none'})}.{base64.urlsafe_b64encode(payload).rstrip(b'=').decode()}.x"
    with pytest.raises(AnswerRefused):
        release.words({"access_token": token})


@pytest.mark.parametrize("payload", ["e30=", "e3 0", "!!", "e31"])
def test_a_payload_in_another_spelling_is_no_answer(payload: str) -> None:
    with pytest.raises(AnswerRefused):
        jwt_claims(f"{part({'alg': 'ES256'})}.{payload}.x")


def test_a_header_in_another_spelling_is_a_header_all_the_same() -> None:
    padded = base64.urlsafe_b64encode(b'{"alg":"ES256" }').decode()
    with pytest.raises(AnswerRefused):
        jwt_claims(f"{padded}.!.x")


@pytest.mark.parametrize(
    "members",
    [
        {"scope": " "},
        {"scope": "a\nb"},
        {"scope": ["a", 1]},
        {"scope": {}},
        {"authorization_details": "[]"},
        {"authorization_details": [DETAIL] * 51},
        {"authorization_details": [{"type": ""}]},
        {"authorization_details": [{"type": "a", "actions": "read"}]},
        {"cnf": "x"},
        {"cnf": {"x5t#S256": None, "jkt": 1}, "scope": 0},
    ],
)
def test_a_member_of_another_type_is_no_answer(members: dict) -> None:
    with pytest.raises(AnswerRefused):
        release.word("answer", members)


@pytest.mark.parametrize("value", [None, []])
def test_no_details_are_none(value: Any) -> None:
    assert release.word("answer", {"authorization_details": value}).details == ()


def test_scopes_are_the_clients_or_such_as_the_server_adds() -> None:
    assert failed(Word("answer", ("openid", "profile")), Word("token", None)) == []
    assert failed(Word("answer"), Word("token", ("openid", "admin"))) == ["release.scope"]
    assert failed(Word("answer", ("Openid",))) == ["release.scope"]


def test_a_certificate_is_the_one_that_was_shown() -> None:
    assert failed(Word("answer", x5t_s256="thumb")) == []
    assert failed(Word("answer"), Word("token", x5t_s256="other")) == ["release.token.certificate"]
    assert failed(Word("answer", x5t_s256="other"), x5t_s256=None) == []


@pytest.mark.parametrize("value", [0, -1, True, "300", 1.5, 31_536_001, [], {}])
def test_a_life_is_a_number_of_seconds(value: Any) -> None:
    with pytest.raises(AnswerRefused):
        release.lifetime_s({"expires_in": value})


def test_every_excess_is_told_with_its_place() -> None:
    findings = Findings()
    release.note_excess({"answer": (0, 2), "token": ()}, findings)
    assert [each.check.id for each in findings.failures] == ["release.details"] * 2
    assert [each.description.split(":")[0] for each in findings.failures] == [
        "authorization_details /0",
        "authorization_details /2",
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
MEMBERS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("scope", "authorization_details", "cnf", "expires_in", "refresh_token", "access_token"), JSON
    ),
)


@settings(max_examples=200)
@given(MEMBERS)
def test_whatever_is_answered_is_read_or_refused(members: dict) -> None:
    for read in (release.words, release.lifetime_s, release.refresh_token):
        try:
            read(members)  # type: ignore[operator]
        except AnswerRefused:
            continue


@settings(max_examples=200)
@given(st.text(alphabet=st.characters(codec="ascii"), max_size=60))
def test_whatever_a_token_is_it_is_read_or_refused(token: str) -> None:
    try:
        jwt_claims(token)
    except AnswerRefused:
        return
