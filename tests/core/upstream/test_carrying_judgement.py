"""What is asked of an authorization server, what its answer is worth, and when it is asked again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.core.registration.client import ClientStatus, RegisteredClient
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.core.upstream import judging, wanting
from dcrgw.core.upstream.client import UPSTREAM_TOKEN, UpstreamClient, UpstreamRef, WantedClient
from dcrgw.core.upstream.difference import Kind, compare, waiting
from dcrgw.core.upstream.errand import LONGEST_PAUSE_S, Act, Errand, deletion, errand_key, pause_s
from dcrgw.core.upstream.server import Gap, TokenSource, UpstreamServer

SERVER = UpstreamServer(
    kind="rfc7592",
    auth_methods=frozenset({"private_key_jwt", "tls_client_auth", "client_secret_basic"}),
    gap=Gap.BRIDGE,
    takes_client_id=True,
    finds_clients=True,
    url="https://as.example",
    pages=(),
    token_source=TokenSource.INTROSPECTION,
)
MEMBERS = {
    "redirect_uris": ["https://tpp.example/a", "https://tpp.example/b"],
    "token_endpoint_auth_method": "private_key_jwt",
    "jwks": {"keys": [{"kty": "EC", "crv": "P-256", "x": "eA", "y": "eQ", "kid": "1"}]},
    "tls_client_certificate_bound_access_tokens": True,
    "scope": "openid accounts",
    "client_name": "Example",
}


def client(**changes: Any) -> RegisteredClient:
    plain = RegisteredClient(
        client_id="client-1",
        client_id_issued_at=1,
        market="uk",
        metadata=ClientMetadata(MEMBERS),
        software_id=None,
        org_id=None,
        directory=None,
        software_statement=None,
        statement_claims={},
        ssa_jti=None,
        x5t_s256="thumb",
        subject_key="subject",
        request_digest="digest",
        upstream=UpstreamRef("client-1", "https://as.example/reg/client-1"),
    )
    return replace(plain, **changes)


def told(**members: Any) -> UpstreamClient:
    """What the server says: all as asked, but for these; None is left out."""
    kept = {name: value for name, value in {**MEMBERS, **members}.items() if value is not None}
    return UpstreamClient(UpstreamRef("client-1"), kept)


WANTED = WantedClient("key", "client-1", MEMBERS)


def failed(answer: UpstreamClient, server: UpstreamServer = SERVER) -> list[str]:
    return [finding.check.id for finding in judging.judge(WANTED, answer, server).failures]


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"redirect_uris": MEMBERS["redirect_uris"][::-1]},
        {"scope": "accounts openid"},
        {"jwks": {"keys": [{"kty": "EC", "crv": "P-256", "x": "eA", "y": "eQ", "use": "sig"}]}},
        {"client_name": "Another"},
        {"client_name": None},
        {"scope": None},
        {"id_token_signed_response_alg": "RS256"},
        {"jwks_uri": ""},
        {"post_logout_redirect_uris": []},
    ],
)
def test_answer_that_security_may_rest_on_is_taken(members: dict[str, Any]) -> None:
    assert failed(told(**members)) == []


@pytest.mark.parametrize(
    "members",
    [
        {"redirect_uris": [*MEMBERS["redirect_uris"], "https://evil.example/"]},
        {"redirect_uris": MEMBERS["redirect_uris"][:1]},
        {"redirect_uris": "https://tpp.example/a"},
        {"token_endpoint_auth_method": "none"},
        {"token_endpoint_auth_method": None},
        {"tls_client_certificate_bound_access_tokens": False},
        {"tls_client_certificate_bound_access_tokens": None},
        {"tls_client_certificate_bound_access_tokens": 1},
        {"jwks": {"keys": []}},
        {"jwks": {"keys": [{"kty": "EC", "crv": "P-256", "x": "other", "y": "eQ"}]}},
        {"jwks": "none"},
        {"jwks_uri": "https://evil.example/jwks"},
        {"tls_client_auth_subject_dn": "CN=evil"},
        {"post_logout_redirect_uris": ["https://evil.example/"]},
    ],
)
def test_answer_that_makes_another_client_of_it_is_refused(members: dict[str, Any]) -> None:
    assert failed(told(**members)) == ["upstream.members.kept"]


def test_member_may_be_dropped_where_the_bank_says_so_but_never_changed() -> None:
    lenient = replace(SERVER, may_drop=frozenset({"tls_client_certificate_bound_access_tokens"}))
    assert failed(told(tls_client_certificate_bound_access_tokens=None), lenient) == []
    assert failed(told(tls_client_certificate_bound_access_tokens=False), lenient) == ["upstream.members.kept"]


@pytest.mark.parametrize("given", ["client-2", "", "CLIENT-1"])
def test_id_that_was_ours_to_give_is_the_one_given(given: str) -> None:
    answer = replace(told(), ref=UpstreamRef(given))
    assert failed(answer) == ["upstream.client_id.given"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(sorted(MEMBERS)) | st.text(max_size=6), JSON, max_size=5))
def test_any_answer_is_judged_and_only_the_same_redirects_pass(members: dict[str, Any]) -> None:
    answer = UpstreamClient(UpstreamRef("client-1"), {**MEMBERS, **members})
    verdict = judging.judge(WANTED, answer, SERVER)
    if verdict.value is not None:
        assert sorted(answer.metadata["redirect_uris"]) == sorted(MEMBERS["redirect_uris"])


def test_what_only_servers_say_is_never_asked_for() -> None:
    said = {"client_id": "x", "client_secret": "y", "registration_access_token": "z"}
    made = client(metadata=ClientMetadata({**MEMBERS, **said}), secrets={UPSTREAM_TOKEN: "token-of-the-server"})
    wanted = wanting.want(made, SERVER, "key").value
    assert wanted == WantedClient("key", "client-1", MEMBERS)
    assert made.upstream_ref().token == "token-of-the-server"
    assert "token-of-the-server" not in repr(made.upstream_ref())


@settings(max_examples=60)
@given(st.text(max_size=10), st.integers(min_value=0, max_value=10**9), st.floats(min_value=0.01, max_value=3600))
def test_pauses_grow_and_stay_within_bounds(key: str, attempts: int, first_s: float) -> None:
    pause = pause_s(key, attempts, first_s)
    assert 0 < pause <= LONGEST_PAUSE_S
    assert pause >= min(first_s, LONGEST_PAUSE_S) * 0.75
    assert pause == pause_s(key, attempts, first_s)


def test_pauses_double_and_errands_that_failed_together_come_apart() -> None:
    assert pause_s("k", 5, 2) > 2 * pause_s("k", 3, 2)
    assert len({pause_s(f"key-{number}", 4, 2) for number in range(50)}) > 25


def test_keys_tell_requests_apart() -> None:
    assert errand_key(Act.CREATE, "uk", "d", "s") == errand_key(Act.CREATE, "uk", "d", "s")
    assert errand_key(Act.CREATE, "uk", "d", "s") != errand_key(Act.UPDATE, "uk", "d", "s")
    assert errand_key(Act.CREATE, "uk", "d", "s") != errand_key(Act.CREATE, "uk", "d\ns")[:-1]


def test_client_that_no_server_knows_of_ends_without_an_errand() -> None:
    assert deletion(client(upstream=None), None, "report", "label", 1.0) is None
    ended = deletion(client(), None, "report", "label", 1.0)
    assert (ended.act, ended.ref.client_id, ended.due_at) == (Act.DELETE, "client-1", 1.0)


def test_deletion_takes_over_what_is_known_of_an_open_errand() -> None:
    open_now = Errand("k", Act.CREATE, "uk", "client-1", "r", "i", 0.0, 0.0, wanted=WANTED, attempts=3)
    ended = deletion(client(upstream=None, status=ClientStatus.PENDING), open_now, "report", "label", 1.0)
    assert (ended.key, ended.wanted, ended.ref) == ("k", WANTED, None)


@pytest.mark.parametrize(
    ("here", "there", "kind", "mendable"),
    [
        ({}, told(), None, None),
        ({"status": ClientStatus.SUSPENDED}, told(), None, None),
        ({}, None, Kind.MISSING, True),
        ({"upstream": None}, None, Kind.UNTOLD, True),
        ({}, told(scope="everything"), Kind.DIFFERS, True),
        ({"status": ClientStatus.DELETED}, told(), Kind.ALIVE, True),
        ({"status": ClientStatus.DELETED}, None, None, None),
    ],
)
def test_what_differs_is_named(
    here: dict[str, Any], there: UpstreamClient | None, kind: Kind | None, mendable: bool | None
) -> None:
    found = compare(client(**here), there, SERVER)
    assert (found.kind if found else None, found.is_mendable if found else None) == (kind, mendable)


def test_what_waits_is_overdue_after_a_while() -> None:
    errand = Errand("k", Act.DELETE, "uk", "client-1", "r", "i", 100.0, 100.0)
    assert waiting(errand, SERVER, 100.0).kind is Kind.WAITING
    assert waiting(errand, SERVER, 100.0 + SERVER.alarm_s).kind is Kind.OVERDUE
