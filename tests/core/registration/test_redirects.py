"""Redirect URIs, by the list of tricks that servers have fallen for."""

from __future__ import annotations

import pytest
from registration_cases import asking, plain
from registration_pipeline import Story, play

from dcrgw.core.checks import Verdict
from dcrgw.errors import ErrorCode

#: Signed by the directory all the same, so that only form and loopback can refuse them.
MALFORMED = [
    "http://tpp.example/cb",
    "https://tpp.example/cb#",
    "https://tpp.example/cb#part",
    "https://good@tpp.example/cb",
    "https://good:word@tpp.example/cb",
    "https://*.tpp.example/cb",
    "https://tpp.example/cb*",
    "https://tpp.example/%2a",
    "https://%2a.tpp.example/cb",
    "https://tpp.example/cb/../evil",
    "https://tpp.example/cb/..;/evil",
    "https://tpp.example/cb/%2e%2E/evil",
    "https://tpp.example/./cb",
    "https://tpp.example/cb%2fevil",
    "https://tpp.example\\@evil.example/cb",
    "https://tpp.example/\tcb",
    "https://tpp.example/cb\n",
    "https://tpp.example/\x00",
    "https://tpp.example:99999/cb",
    "https://tpp.example:/cb",
    "https://tpp.example:0/cb",
    "https://tpp.example:+443/cb",
    "https:///cb",
    "https:tpp.example/cb",
    "//tpp.example/cb",
    "javascript:alert(1)",
    "data:text/html,hello",
    "file:///etc/passwd",
    "com.example.app:/cb",
    "https://b\u00fccher.example/cb",
    "https://t\u0440p.example/cb",
    "https://tpp.example./cb",
    "https://-tpp.example/cb",
    "https://2130706433/cb",
    "https://0x7f.1/cb",
    "https://127.1/cb",
    "https://0177.0.0.1/cb",
    "https://[::1/cb",
    "https://[fe80::1%25eth0]/cb",
]

LOOPBACK = [
    "https://localhost/cb",
    "https://LOCALHOST:8443/cb",
    "https://app.localhost/cb",
    "https://127.0.0.1/cb",
    "https://127.9.9.9/cb",
    "https://0.0.0.0/cb",
    "https://[::1]/cb",
    "https://[::]/cb",
    "https://[::ffff:127.0.0.1]/cb",
]

#: Not in a statement that signs https://tpp.example/cb?x=1, however near.
NEAR = [
    "https://tpp.example/CB?x=1",
    "https://TPP.example/cb?x=1",
    "https://tpp.example:443/cb?x=1",
    "https://tpp.example/cb?X=1",
    "https://tpp.example/cb/?x=1",
    "https://tpp.example//cb?x=1",
    "https://tpp.example/cb",
    "https://tpp.example/%63b?x=1",
]


def signed_and_asked(uri: str) -> Story:
    return Story(statement={"software_redirect_uris": [uri]}, request={"redirect_uris": [uri]})


@pytest.mark.parametrize("uri", MALFORMED)
def test_malformed_redirect_uri_is_refused_even_when_the_directory_signed_it(uri: str) -> None:
    finding = play(signed_and_asked(uri)).failed["rules.redirect_uris.form"]
    assert finding.fault.code is ErrorCode.INVALID_REDIRECT_URI


@pytest.mark.parametrize("uri", LOOPBACK)
def test_loopback_redirect_uri_is_refused(uri: str) -> None:
    assert "rules.redirect_uris.loopback" in play(signed_and_asked(uri)).failed


@pytest.mark.parametrize("uri", LOOPBACK)
def test_loopback_redirect_uri_is_taken_where_the_market_says_so(uri: str) -> None:
    story = Story(
        market={"refuse_loopback_redirects": False},
        statement={"software_redirect_uris": [uri]},
        request={"redirect_uris": [uri]},
    )
    assert play(story).failed == {}


@pytest.mark.parametrize("uri", NEAR)
def test_redirect_uri_that_only_resembles_a_signed_one_is_refused(uri: str) -> None:
    story = Story(
        statement={"software_redirect_uris": ["https://tpp.example/cb?x=1"]}, request={"redirect_uris": [uri]}
    )
    assert set(play(story).failed) == {"rules.redirect_uris.subset"}


@pytest.mark.parametrize("uri", ["https://1.2.3.4/cb", "https://xn--bcher-kva.example/cb", "https://tpp.example"])
def test_plain_redirect_uri_is_taken(uri: str) -> None:
    assert play(signed_and_asked(uri)).failed == {}


def test_every_redirect_uri_is_looked_at_and_not_only_the_first() -> None:
    story = asking(redirect_uris=["https://tpp.example/cb", "https://tpp.example/cb2", "https://evil.example/cb"])
    assert "redirect_uris[2]" in play(story).failed["rules.redirect_uris.subset"].description


def test_refusal_does_not_echo_the_redirect_uri() -> None:
    finding = play(asking(redirect_uris=["https://evil.example/cb"])).failed["rules.redirect_uris.subset"]
    assert "evil" not in finding.description


def test_too_many_redirect_uris_are_refused_as_redirect_uris() -> None:
    story = asking(redirect_uris=["https://tpp.example/cb"] * 101)
    assert play(story).failed["rules.redirect_uris.sizes"].fault.code is ErrorCode.INVALID_REDIRECT_URI


def test_omitted_redirect_uris_are_all_of_the_statements() -> None:
    metadata = play(asking(redirect_uris=None)).metadata
    assert metadata is not None
    assert metadata.redirect_uris == ("https://tpp.example/cb", "https://tpp.example/cb2")


def test_client_of_no_redirect_grant_needs_no_redirect_uri() -> None:
    ending = play(
        Story(
            policy={"redirect_uris_default_to_statement": False},
            request={"redirect_uris": None, "grant_types": ["client_credentials"], "response_types": None},
        )
    )
    assert ending.failed == {}
    assert ending.verdicts["rules.redirect_uris.present"] is Verdict.SKIPPED


@pytest.mark.parametrize("uri", ["com.example.app:/cb", "https://client.example/cb"])
def test_native_application_may_use_a_private_scheme(uri: str) -> None:
    assert play(plain(application_type="native", redirect_uris=[uri])).failed == {}


@pytest.mark.parametrize(
    "uri", ["javascript:alert(1)", "app:/cb", "http://client.example/cb", "com.example.app://h/cb"]
)
def test_native_application_may_not_use_any_scheme_it_likes(uri: str) -> None:
    assert "rules.redirect_uris.form" in play(plain(application_type="native", redirect_uris=[uri])).failed


def test_web_client_may_not_use_a_private_scheme() -> None:
    assert "rules.redirect_uris.form" in play(plain(redirect_uris=["com.example.app:/cb"])).failed
