"""Where what an authorization server names is reached: at the server, whatever it says."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dcrgw.core.upstream.places import PlaceRefused, place

ISSUER, URL = "https://bank.example/as", "https://kc.internal:8443/realms/bank"


@pytest.mark.parametrize(
    ("named", "reached"),
    [
        (f"{ISSUER}/token", f"{URL}/token"),
        (ISSUER, URL),
        (f"{ISSUER}/reg?client_id=a%20b", f"{URL}/reg?client_id=a%20b"),
        (f"{URL}/protocol/openid-connect/token", f"{URL}/protocol/openid-connect/token"),
        ("https://kc.internal:8443/other/token", "https://kc.internal:8443/other/token"),
    ],
)
def test_places_of_the_server_are_reached_there(named: str, reached: str) -> None:
    assert place(named, ISSUER, URL) == reached


def test_the_issuers_origin_stands_for_the_servers_where_their_paths_are_the_same() -> None:
    assert place("https://bank.example/x", "https://bank.example/as", "https://in:1/as") == "https://in:1/x"
    with pytest.raises(PlaceRefused):
        place("https://bank.example/x", ISSUER, URL)


@pytest.mark.parametrize(
    "named",
    [
        "",
        "token",
        "/token",
        "http://bank.example/as/token",
        "https://bank.example/asevil",
        "https://bank.example.evil/as/token",
        "https://bank.example:444/as/token",
        "https://BANK.example/as/token",
        "https://u@bank.example/as/token",
        "https://bank.example@evil.example/as",
        f"{ISSUER}/../token",
        f"{ISSUER}/./token",
        f"{ISSUER}//token",
        f"{ISSUER}/%2e%2e/token",
        f"{ISSUER}/a\\b",
        f"{ISSUER}/token#",
        f"{ISSUER}/t\noken",
        f"{ISSUER}/tökèn",
        "https://[::1/as",
    ],
)
def test_what_leads_elsewhere_is_refused(named: str) -> None:
    with pytest.raises(PlaceRefused):
        place(named, ISSUER, URL)


@settings(max_examples=200)
@given(st.text(max_size=40))
@example("/..")
@example("@evil.example/")
def test_no_text_leads_anywhere_but_to_the_server(text: str) -> None:
    for named in (text, ISSUER + text, URL + text, f"https://{text}"):
        try:
            found = place(named, ISSUER, URL)
        except PlaceRefused:
            continue
        assert urlsplit(found).netloc == "kc.internal:8443"
        assert ".." not in urlsplit(found).path.split("/")
