"""URLs of a server behind the gateway, as browsers get them."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcrgw.core.upstream.locations import Locations, ReferenceRefused

ALIKE = Locations("https://bank.example/uk", "https://mtls.bank.example/uk", "https://as.internal:8443/uk")
ROOT = Locations("https://bank.example/uk", "https://mtls.bank.example/uk", "https://as.internal:8443")
DEEPER = Locations("https://bank.example", "https://mtls.bank.example", "https://as.internal:8443/realms/uk")


@pytest.mark.parametrize(
    ("at", "said", "public"),
    [
        (ALIKE, "/uk/interaction/1", "/uk/interaction/1"),
        (ALIKE, "https://as.internal:8443/uk/interaction/1?a=b#c", "https://bank.example/uk/interaction/1?a=b#c"),
        (ALIKE, "HTTPS://AS.internal:8443/uk/x", "https://bank.example/uk/x"),
        (ALIKE, "https://bank.example/uk/x", "https://bank.example/uk/x"),
        (ALIKE, "https://mtls.bank.example/uk/x", "https://mtls.bank.example/uk/x"),
        (ALIKE, "https://tpp.example/cb?code=1", "https://tpp.example/cb?code=1"),
        (ALIKE, "https://as.internal/uk", "https://as.internal/uk"),
        (ALIKE, "next", "/uk/auth/next"),
        (ALIKE, "../interaction/1", "/uk/interaction/1"),
        (ALIKE, "?again=1", "/uk/auth/abc?again=1"),
        (ROOT, "/interaction/1", "/uk/interaction/1"),
        (ROOT, "/uk/interaction/1", "/uk/interaction/1"),
        (ROOT, "https://as.internal:8443?x", "https://bank.example/uk/?x"),
        (DEEPER, "/realms/uk/login", "/login"),
        (DEEPER, "https://as.internal:8443/realms/uk/login", "https://bank.example/login"),
        (DEEPER, "/resources/x.css", "/resources/x.css"),
        (ALIKE, "bank.app:/back?code=1", "bank.app:/back?code=1"),
    ],
)
def test_server_s_own_places_become_the_issuer_s(at: Locations, said: str, public: str) -> None:
    assert at.public(said, "/uk/auth/abc" if at is ALIKE else "/auth/abc") == public


@pytest.mark.parametrize(
    "said",
    [
        "//evil.example/x",
        "/\\evil.example",
        "https:/evil.example",
        "https:///evil.example",
        "https://user@evil.example",
        "https://bank.example:99999/",
        "/a\r\nSet-Cookie: x=1",
        "/a b",
        "https://évil.example/",
        "/" + "a" * 20_000,
    ],
)
def test_what_browsers_would_mend_is_refused(said: str) -> None:
    with pytest.raises(ReferenceRefused):
        ALIKE.public(said, "/uk/auth/abc")


def test_no_move_makes_a_path_that_names_a_host() -> None:
    for said in ("/realms/uk//evil.example", "../../..//evil.example", "../..//evil.example/"):
        with pytest.raises(ReferenceRefused):
            DEEPER.public(said, "/realms/uk/x")


@given(st.sampled_from([ALIKE, ROOT, DEEPER]), st.text(st.characters(max_codepoint=0x100), max_size=60))
def test_whatever_is_said_no_browser_is_led_to_the_inside(at: Locations, said: str) -> None:
    try:
        public = at.public(said, "/uk/auth/abc")
    except ReferenceRefused:
        return
    assert not public.startswith("//")
    assert re.fullmatch(r"[\x21-\x7e]*", public)
    assert urlsplit(public).hostname != "as.internal"


@given(st.sampled_from([ALIKE, ROOT, DEEPER]), st.from_regex(r"(/[a-z.]{0,6}){0,5}", fullmatch=True))
def test_whatever_path_of_its_own_it_names_the_host_is_the_issuer_s(at: Locations, path: str) -> None:
    public = at.public(f"https://as.internal:8443{path}", "/uk/auth/abc")
    assert public.startswith("https://bank.example/")
    assert at.is_own(public)


def test_endpoints_are_found_below_the_issuer_by_either_name() -> None:
    assert DEEPER.below_issuer("https://as.internal:8443/realms/uk/token") == "token"
    assert DEEPER.below_issuer("https://bank.example/token") == "token"
    assert DEEPER.below_issuer("https://as.internal:8443/token") is None
    assert DEEPER.below_issuer("https://other.example/realms/uk/token") is None
