"""Reading metadata, and completing it into what is registered."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from registration_cases import asking, plain, with_ciba
from registration_pipeline import Story, play

from dcrgw.core.checks import Judgement
from dcrgw.core.registration import metadata
from dcrgw.core.registration.members import CIBA_MEMBERS, MEMBERS, Kind
from dcrgw.errors import ErrorCode
from dcrgw.testkit import markets
from dcrgw.testkit.statements import NULL

PROFILES = ("obuk-3.2", "obuk-3.3", "obuk-3.4", "rfc7591")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
CLAIMS = st.dictionaries(st.sampled_from(sorted(MEMBERS)) | st.text(max_size=20), JSON, max_size=12)


@given(claims=CLAIMS, name=st.sampled_from(PROFILES))
@settings(max_examples=150)
def test_any_json_is_judged_and_never_raises(claims: dict[str, Any], name: str) -> None:
    profile = markets.profile(name)
    judgement = metadata.read(claims, profile)
    assert isinstance(judgement, Judgement)
    if judgement.value is not None:
        registered = metadata.effective(judgement.value, None, profile)
        assert set(registered.members) <= set(profile.metadata.members) | set(claims)


@pytest.mark.parametrize("name", sorted(markets.profile("rfc7591").metadata.members - {"redirect_uris"}))
def test_member_of_another_json_type_is_refused_by_name(name: str) -> None:
    profile = markets.profile("rfc7591")
    wrong: dict[Kind, list[Any]] = {
        Kind.TEXT: [1, True, None, ["a"], {}],
        Kind.TEXTS: ["a", 1, None, [1], ["a", None], {}],
        Kind.FLAG: ["true", 1, 0, None, []],
        Kind.NUMBER: ["1", True, -1, 1.5, None],
        Kind.OBJECT: ["{}", [], None, 1],
    }
    for value in wrong[MEMBERS[name].kind]:
        (failure,) = metadata.read({name: value}, profile).failures
        assert failure.check.id == "rules.metadata.types"
        assert name in failure.description


@pytest.mark.parametrize("value", ["https://a.example", 1, None, [1], {}])
def test_redirect_uris_of_another_type_are_an_invalid_redirect_uri(value: Any) -> None:
    (failure,) = metadata.read({"redirect_uris": value}, markets.profile()).failures
    assert failure.fault.code is ErrorCode.INVALID_REDIRECT_URI


def test_all_wrong_members_are_named_together() -> None:
    (failure,) = metadata.read({"scope": ["a"], "grant_types": "code"}, markets.profile()).failures
    assert "scope" in failure.description
    assert "grant_types" in failure.description


PRIVATE = (
    "client_id",
    "client_secret",
    "registration_access_token",
    "ssf.stream",
    "__proto__",
    "__class__",
    "dn",
    "inum",
)


def test_what_a_client_may_not_set_is_dropped_and_not_echoed() -> None:
    noise = {f"x{n}": n for n in range(500)}
    metadata_ = play(asking(**noise, **dict.fromkeys(PRIVATE, "mine"))).metadata
    assert metadata_ is not None
    assert not set(metadata_.members) & {*noise, *PRIVATE}


def test_member_that_the_profile_does_not_offer_is_dropped() -> None:
    registered = play(asking(backchannel_token_delivery_mode="poll", default_max_age="x", trusted=True)).metadata
    assert registered is not None
    assert not {"backchannel_token_delivery_mode", "default_max_age", "trusted"} & set(registered.members)


@pytest.mark.parametrize("name", ["client_name#ja", "client_name#ja-Jpan-JP", "policy_uri#fr"])
def test_language_tagged_member_survives(name: str) -> None:
    registered = play(plain(**{name: "https://client.example/fr"})).metadata
    assert registered is not None
    assert registered.text(name) == "https://client.example/fr"


@pytest.mark.parametrize(
    "name", ["client_name#", "client_name#ja#x", "client_name#a b", "scope#fr", "unknown#fr", "#fr"]
)
def test_tag_that_is_none_is_dropped(name: str) -> None:
    registered = play(plain(**{name: "x"})).metadata
    assert registered is not None
    assert name not in registered.members


def test_language_tagged_members_are_bounded() -> None:
    tagged = {f"client_name#en-x{n}": "x" for n in range(100)}
    value = metadata.read(tagged, markets.profile("rfc7591")).value
    assert value is not None
    assert len(value.members) == metadata.MAX_TAGGED_MEMBERS


def test_language_tagged_member_is_judged_like_its_plain_one() -> None:
    assert "rules.metadata.urls" in play(plain(**{"policy_uri#fr": "javascript:alert(1)"})).failed


@pytest.mark.parametrize("character", ["\x00", "\n", "\x7f", "\x85", "\u202e", "\u2066", "\u200f", "\u2028", "\ufeff"])
def test_control_and_bidirectional_characters_are_refused(character: str) -> None:
    assert "rules.metadata.characters" in play(plain(client_name=f"a{character}b")).failed


@pytest.mark.parametrize("name", ["Ünïcode & <b>Söhne</b>", "日本語", "a'b\"c"])
def test_printable_prose_is_kept_as_it_is(name: str) -> None:
    registered = play(plain(client_name=name)).metadata
    assert registered is not None
    assert registered.text("client_name") == name


@pytest.mark.parametrize(
    "member", ["client_uri", "logo_uri", "tos_uri", "policy_uri", "jwks_uri", "initiate_login_uri"]
)
@pytest.mark.parametrize(
    "uri", ["javascript:alert(1)", "data:text/html,x", "http://a.example", "//a.example", "https://u@a.example", "x"]
)
def test_url_member_must_be_https(member: str, uri: str) -> None:
    assert "rules.metadata.urls" in play(plain(**{member: uri})).failed


def test_defaults_are_registered_and_so_answered() -> None:
    members = {"redirect_uris": ["https://client.example/cb"]}
    value = metadata.read(members, markets.profile("rfc7591")).value
    assert value is not None
    registered = metadata.effective(value, None, markets.profile("rfc7591"))
    assert registered.text("token_endpoint_auth_method") == "client_secret_basic"
    assert registered.texts("grant_types") == ("authorization_code",)
    assert registered.texts("response_types") == ("code",)


def test_missing_auth_method_is_refused_where_no_default_is_safe() -> None:
    assert "rules.metadata.required" in play(asking(token_endpoint_auth_method=None)).failed


@pytest.mark.parametrize("name", PROFILES)
def test_a_profiles_defaults_are_metadata_that_it_would_take(name: str) -> None:
    profile = markets.profile(name)
    assert metadata.read(dict(profile.metadata.defaults), profile).failures == ()  # type: ignore[arg-type]
    assert profile.metadata.members <= MEMBERS.keys()
    assert profile.metadata.from_statement.keys() <= MEMBERS.keys()
    assert set(profile.metadata.required) <= profile.metadata.members


@pytest.mark.parametrize(
    ("asked", "profile", "registered"),
    [
        ("native", "obuk-3.2", "mobile"),
        ("mobile", "obuk-3.2", "mobile"),
        ("mobile", "obuk-3.4", "native"),
        ("native", "obuk-3.4", "native"),
        ("web", "obuk-3.4", "web"),
    ],
)
def test_both_spellings_of_a_mobile_application_become_the_profiles(asked: str, profile: str, registered: str) -> None:
    result = play(Story(profile=profile, request={"application_type": asked})).metadata
    assert result is not None
    assert result.text("application_type") == registered


@pytest.mark.parametrize("asked", ["HS256", "PS256", "ES256"])
def test_whatever_algorithm_a_secret_is_named_for_it_signs_hs256(asked: str) -> None:
    story = asking(token_endpoint_auth_method="client_secret_jwt", token_endpoint_auth_signing_alg=asked)
    result = play(story).metadata
    assert result is not None
    assert result.text("token_endpoint_auth_signing_alg") == "HS256"


def test_response_type_is_registered_in_the_profiles_spelling() -> None:
    result = play(asking(response_types=["id_token code"])).metadata
    assert result is not None
    assert result.texts("response_types") == ("code id_token",)


def test_statement_wins_over_the_request() -> None:
    result = play(asking(client_name="Somebody Else Bank")).metadata
    assert result is not None
    assert result.text("client_name") == "Example Accounts"


def test_improper_value_of_a_statement_is_nobodys() -> None:
    story = Story(statement={"software_policy_uri": "javascript:alert(1)"}, request={"policy_uri": "https://a.example"})
    result = play(story).metadata
    assert result is not None
    assert "policy_uri" not in result.members


def test_null_claim_of_a_statement_wins_over_nothing() -> None:
    result = play(Story(statement={"software_client_name": NULL}, request={"client_name": "Mine"})).metadata
    assert result is not None
    assert result.text("client_name") == "Mine"


def test_subject_dn_beside_another_method_is_neither_refused_nor_registered() -> None:
    result = play(
        asking(
            token_endpoint_auth_method="private_key_jwt",
            token_endpoint_auth_signing_alg="PS256",
            tls_client_auth_subject_dn="CN=somebody else",
        )
    ).metadata
    assert result is not None
    assert "tls_client_auth_subject_dn" not in result.members


def test_ciba_members_are_registered_with_the_grant_only() -> None:
    kept = play(with_ciba()).metadata
    dropped = play(with_ciba(grant_types=["authorization_code"])).metadata
    assert kept is not None
    assert dropped is not None
    assert set(CIBA_MEMBERS) & set(kept.members)
    assert not set(CIBA_MEMBERS) & set(dropped.members)


def test_client_without_an_authorization_endpoint_gets_no_response_types() -> None:
    result = play(asking(grant_types=["client_credentials"], response_types=None)).metadata
    assert result is not None
    assert result.texts("response_types") == ()
