"""Which header fields pass: none that could be taken for a certificate, a proof, or a proxy's word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcrgw.core.upstream import cookies, headers
from dcrgw.core.upstream.headers import ONCE, UPGRADE
from dcrgw.core.upstream.locations import Locations

LIES = (
    "Client-Cert",
    "Client_Cert",
    "CLIENT-CERT-CHAIN",
    "X-SSL-Client-Cert",
    "X_SSL_CLIENT_CERT",
    "ssl-client-cert",
    "X-Forwarded-Client-Cert",
    "X-Client-Cert",
    "x-dcrgw-client-id",
    "X-Gateway-Proof",
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Prefix",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-HTTP-Method-Override",
    "X-Real-IP",
    "True-Client-IP",
    "Via",
    "Host",
    "Authorization",
    "Proxy-Authorization",
    "Connection",
    "Keep-Alive",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Content-Length",
    "Expect",
    "DPoP",
)


@pytest.mark.parametrize("name", LIES)
def test_nothing_that_says_who_asks_goes_on(name: str) -> None:
    for spelled in (name, name.lower(), name.upper(), name.replace("-", "_")):
        sent = [(spelled, "x"), ("User-Agent", "tpp/1")]
        assert headers.of_program(sent) == (("user-agent", "tpp/1"),)
        assert headers.of_browser(sent).value == (("user-agent", "tpp/1"),)


@given(st.lists(st.tuples(st.from_regex(r"[A-Za-z_-]{1,24}", fullmatch=True), st.text(max_size=8)), max_size=8))
def test_whatever_is_sent_only_known_names_with_plain_values_go_on(sent: list[tuple[str, str]]) -> None:
    judged = headers.of_browser(sent).value
    for name, value in (*headers.of_program(sent), *(judged or ())):
        assert name == name.lower()
        assert "_" not in name
        assert value.isascii()
        assert not any(ord(each) < 32 and each != "\t" for each in value)
    for name, _ in headers.of_answer(sent):
        assert name.lower() not in {each.lower() for each in LIES}


def test_value_that_comes_twice_is_refused_and_a_list_is_not() -> None:
    twice = [("Content-Type", "text/plain"), ("content-type", "application/json")]
    assert [each.check for each in headers.of_browser(twice).failures] == [ONCE]
    lists = [("Accept", "text/html"), ("accept", "text/plain"), ("Cookie", "a=1"), ("cookie", "b=2")]
    assert len(headers.of_browser(lists).value or ()) == 4


def test_another_protocol_is_refused() -> None:
    sent = [("Connection", "Upgrade"), ("Upgrade", "websocket")]
    assert [each.check for each in headers.of_browser(sent).failures] == [UPGRADE]


@pytest.mark.parametrize(
    "name", ["Server", "X-Powered-By", "Alt-Svc", "Refresh", "X-Accel-Redirect", "Link", "Location", "Set-Cookie",
             "Transfer-Encoding", "Content-Length", "Connection", "Content_Type", "Service-Worker-Allowed"]
)  # fmt: skip
def test_answers_bring_nothing_that_leads_past_the_gateway(name: str) -> None:
    assert headers.of_answer([(name, "x"), ("Content-Type", "text/html")]) == (("Content-Type", "text/html"),)


MOVED = Locations("https://bank.example/uk", "https://bank.example/uk", "https://as.internal:8443")


@pytest.mark.parametrize(
    ("said", "given_"),
    [
        ("_session=abc; Path=/; HttpOnly; SameSite=Lax", "_session=abc; HttpOnly; SameSite=Lax; Path=/uk; Secure"),
        ("_i=1; path=/interaction/7; secure", "_i=1; secure; Path=/uk/interaction/7"),
        ("a=b; Domain=as.internal; DOMAIN=.internal", "a=b; Secure"),
        ("__Host-s=1; Path=/; Secure; Domain=x", "__Host-s=1; Secure; Path=/"),
        ("a=; Max-Age=0; Path=elsewhere", "a=; Max-Age=0; Path=/; Secure"),
        ("a=b; Path=//evil.example", "a=b; Path=/; Secure"),
    ],
)
def test_cookies_are_the_public_host_s(said: str, given_: str) -> None:
    assert cookies.coming_back([said], MOVED) == (given_,)


@pytest.mark.parametrize(
    "said",
    [
        "__Host-dcrgw-abc=stolen; Path=/",
        "dcrgw=1",
        "__secure-DCRGW.carried=x",
        "no pair",
        "a=b\r\nLocation: /evil",
        "a=" + "x" * 9000,
        "=b",
    ],
)
def test_no_cookie_of_ours_is_set_by_the_server_nor_what_is_none(said: str) -> None:
    assert cookies.coming_back([said], MOVED) == ()


def test_our_cookies_stay_here() -> None:
    assert cookies.going_on("a=1; __Host-dcrgw-xyz=key;b=2; __Host-dcrgw.carried=c") == "a=1; b=2"
    assert cookies.going_on("__Host-dcrgw-xyz=key") is None


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60))
def test_whatever_cookie_is_said_it_names_no_host_and_is_never_ours(said: str) -> None:
    for made in cookies.coming_back([said], MOVED):
        names = [each.partition("=")[0].strip().lower() for each in made.split(";")]
        assert "domain" not in names[1:]
        assert "secure" in names[1:]
        assert not names[0].startswith(("dcrgw", "__host-dcrgw"))
