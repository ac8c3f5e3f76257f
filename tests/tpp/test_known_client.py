"""What a TPP keeps of its client, and reads again."""

import json
import stat
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcrgw.tpp import known_client
from dcrgw.tpp.client import Answer
from dcrgw.tpp.known_client import ClientUnusable, KnownClient
from dcrgw.tpp.setup import Incomplete

MEMBERS = st.dictionaries(
    st.sampled_from(["client_id", "client_secret", "registration_client_uri", "scope", "jwks", "software_statement"]),
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8")) | st.just([{}]),
)


def answered(**members) -> Answer:
    return Answer(200, {}, json.dumps(members).encode(), 1, 2)


@given(members=MEMBERS)
def test_what_is_saved_is_read_again(tmp_path_factory, members):
    file = tmp_path_factory.getbasetemp() / "saved.json"
    known_client.save(file, KnownClient("https://bank.example/register", members))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert known_client.load(file) == KnownClient("https://bank.example/register", members)


@given(content=st.binary() | MEMBERS.map(lambda members: json.dumps({"version": 1, **members}).encode()))
def test_any_other_file_is_told_to_be_none(tmp_path_factory, content):
    file = tmp_path_factory.getbasetemp() / "any.json"
    file.write_bytes(content)
    with pytest.raises(ClientUnusable, match=r"any\.json"):
        known_client.load(file)


@given(members=MEMBERS)
def test_a_member_of_another_type_is_as_good_as_none(members):
    known = KnownClient(None, members)
    assert known.secret is None or isinstance(known.secret, str)
    with suppress(Incomplete):
        assert known.management_url.startswith("https://")


def test_a_client_lives_where_the_bank_says_else_below_the_endpoint():
    known = KnownClient("https://bank.example/register", {"client_id": "a/b?c"})
    assert known.management_url == "https://bank.example/register/a%2Fb%3Fc"
    told = known.learnt(answered(client_id="a/b?c", registration_client_uri="https://bank.example/r?x=1"))
    assert told.management_url == "https://bank.example/r?x=1"


def test_secrets_last_until_the_bank_changes_them():
    known = KnownClient(None, {"client_id": "c", "client_secret": "s", "registration_access_token": "t", "scope": "a"})
    same = known.learnt(answered(client_id="c"))
    assert (same.secret, same.registration_access_token, same.information.get("scope")) == ("s", "t", None)
    assert known.learnt(answered(client_id="c", client_secret="s2")).secret == "s2"


def test_nothing_secret_is_shown():
    assert "s3cr3t" not in repr(KnownClient(None, {"client_secret": "s3cr3t"}))


def test_only_metadata_is_said_again():
    information = {"client_id": "c", "client_secret": "s", "scope": "a", "client_name#de": "b", "org_name": "o"}
    assert KnownClient(None, information).metadata == {"scope": "a", "client_name#de": "b"}
