"""Parameters that go on, pages that are reached, and where they may lead."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcrgw.core.authorization import form as forms
from dcrgw.core.registration.client import ClientStatus, RegisteredClient
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.core.upstream import leading, parameters, paths
from dcrgw.core.upstream.locations import Locations
from dcrgw.core.upstream.parameters import NAMES


def client(**members: object) -> RegisteredClient:
    """A client of these members."""
    return RegisteredClient(
        client_id="client-1",
        client_id_issued_at=1,
        market="uk",
        metadata=ClientMetadata(members),
        software_id="software",
        org_id="org",
        directory="primary",
        software_statement=None,
        statement_claims={},
        ssa_jti=None,
        x5t_s256="A" * 43,
        subject_key="key",
        request_digest="digest",
    )


NAME = st.from_regex(r"[a-z0-9_-]{1,12}", fullmatch=True)
VALUE = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=20)


@given(st.dictionaries(NAME, VALUE, max_size=8))
def test_what_was_judged_is_read_again_as_the_same(judged: dict[str, str]) -> None:
    body = parameters.encoded(judged).encode()
    assert forms.read(body, forms.MEDIA_TYPE, "").value == judged
    assert dict(parse_qsl(body.decode(), strict_parsing=bool(judged), keep_blank_values=True)) == judged


@pytest.mark.parametrize(
    "name", ["Scope", "SCOPE", "scope[]", "scope.x", "scope x", "client.id", "authorization_details[0]", "é", "a" * 65]
)
def test_name_that_another_server_may_take_for_another_is_refused(name: str) -> None:
    assert [each.check for each in parameters.plain({"scope": "accounts", name: "x"}).failures] == [NAMES]


def test_of_a_signed_request_only_the_object_goes_on_and_what_it_says() -> None:
    sent = {
        "client_id": "c",
        "client_secret": "s",
        "request": "a.b.c",
        "scope": "payments",
        "redirect_uri": "x",
        "z": "1",
    }
    said = {"scope": "accounts", "response_type": "code", "max_age": "5", "authorization_details": []}
    assert parameters.of_request(sent, said) == {
        "client_id": "c",
        "client_secret": "s",
        "request": "a.b.c",
        "scope": "accounts",
        "response_type": "code",
    }
    assert parameters.of_request({"client_id": "c", "scope": "a"}, {"scope": "a"}) == {"client_id": "c", "scope": "a"}


PAGES = ("interaction", "interaction/*", "auth/*", "oauth2/*", "reg/*", "login")


@pytest.mark.parametrize(
    "path", ["interaction", "interaction/abc", "interaction/abc/login", "auth/9_-~.x", "login", "auth/a..b"]
)
def test_page_that_the_bank_named_is_one(path: str) -> None:
    assert paths.is_page(path, PAGES)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "auth",
        "auth/",
        "/auth/x",
        "auth//x",
        "auth/../token",
        "auth/./x",
        "auth/...",
        "auth/%2e%2e/token",
        "auth/x;y",
        "auth/x y",
        "auth/x\\y",
        "Login",
        "login/x",
        "token",
        "interactions",
        "auth/é",
        "auth/" + "a" * 1100,
    ],
)
def test_other_path_is_no_page(path: str) -> None:
    assert not paths.is_page(path, PAGES)


@given(st.text(max_size=30))
def test_no_path_is_a_page_that_two_servers_could_read_in_two_ways(path: str) -> None:
    if paths.is_page(path, PAGES):
        assert "//" not in f"/{path}/".removesuffix("/")
        assert not {".", ".."} & set(path.split("/"))
        assert not set("%;\\ ?#") & set(path)


def test_judged_endpoint_is_no_page_in_any_spelling() -> None:
    at = Locations("https://bank.example/uk", "https://bank.example/uk", "https://as.internal:8443")
    document = {
        "token_endpoint": "https://bank.example/uk/oauth2/token",
        "authorization_endpoint": "https://as.internal:8443/auth",
        "registration_endpoint": "https://bank.example/uk/reg",
        "end_session_endpoint": "https://bank.example/uk/session/end",
        "issuer": "https://bank.example/uk",
        "mtls_endpoint_aliases": {"token_endpoint": "https://as.internal:8443/mtls/token"},
    }
    for path in ("mtls/token", "oauth2/token", "OAuth2/Token", "auth", "AUTH", "reg", "reg/client-1", "REG/client-1"):
        assert paths.is_judged(path, document, at)
    for path in ("oauth2/fallbacks/consent", "auth/abc", "session/end", "registered"):
        assert not paths.is_judged(path, document, at)


def test_browser_is_led_back_to_a_client_byte_by_byte() -> None:
    own = client(redirect_uris=["https://tpp.example/cb", "https://tpp.example/q?a=1"])
    good = (
        "https://tpp.example/cb",
        "https://tpp.example/cb?code=1",
        "https://tpp.example/cb#code=1",
        "https://tpp.example/q?a=1&code=2",
    )
    for url in good:
        assert leading.leads_back(url, own)
        assert not leading.leads_back(url, replace(own, status=ClientStatus.SUSPENDED))
    for url in ("https://tpp.example/cb/x", "https://tpp.example/cb.evil", "https://tpp.example/cb&x=1", "https://TPP.example/cb",
                "https://tpp.example/q?a=1?b", "https://tpp.example", "https://tpp.example/cb%2f"):  # fmt: skip
        assert not leading.leads_back(url, own)


def test_browser_says_which_clients_it_carries_and_is_believed_nothing() -> None:
    cookie = ""
    for number in range(12):
        cookie = leading.carrying(f"client-{number}", cookie)
    assert leading.carried(cookie) == tuple(f"client-{number}" for number in range(11, 3, -1))
    assert leading.carrying("client-11", cookie) == cookie
    assert leading.carried("~~../x~a b~é~ok") == ("ok",)


def test_origin_is_named_whole() -> None:
    named = ("https://login.bank.example/",)
    assert leading.is_named("https://LOGIN.bank.example/x", named)
    for url in ("https://login.bank.example.evil/", "https://login.bank.example:8443/", "http://login.bank.example/"):
        assert not leading.is_named(url, named)
