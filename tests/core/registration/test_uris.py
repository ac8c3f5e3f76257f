"""URIs are taken apart, never normalised."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.core.registration.uris import https_fault, is_loopback, parse


def test_parts_are_as_written() -> None:
    uri = parse("https://u:p@Host.Example:8443/a/b;c?x=1&y=%20#f")
    assert uri is not None
    assert (uri.scheme, uri.userinfo, uri.host, uri.port) == ("https", "u:p", "Host.Example", 8443)
    assert (uri.path, uri.query, uri.fragment) == ("/a/b;c", "x=1&y=%20", "f")
    assert uri.host_and_port == "host.example:8443"


@pytest.mark.parametrize("text", ["https://a.example", "https://a.example/", "https://A.example:443/x"])
def test_port_of_https_is_443_where_none_is_written(text: str) -> None:
    uri = parse(text)
    assert uri is not None
    assert uri.host_and_port == "a.example:443"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "/a",
        "https://a b/",
        "https://a/%zz",
        "https://a/é",
        "https://[::1",
        "https://a]/",
        "1a:b",
        "https://a:b:1/",
    ],
)
def test_text_that_is_no_absolute_uri_is_refused(text: str) -> None:
    assert parse(text) is None


@given(text=st.text(max_size=60) | st.from_regex(r"[a-z]{1,5}:(//)?[a-z0-9@:.\[\]%?#/-]{0,40}", fullmatch=True))
@settings(max_examples=300)
def test_any_text_is_parsed_or_refused(text: str) -> None:
    uri = parse(text)
    if uri is None:
        return
    assert text.isascii()
    authority = ""
    if uri.host is not None:
        user = "" if uri.userinfo is None else f"{uri.userinfo}@"
        authority = f"//{user}{uri.host}" + ("" if uri.port is None else f":{uri.port}")
    query = "" if uri.query is None else f"?{uri.query}"
    fragment = "" if uri.fragment is None else f"#{uri.fragment}"
    assert text.lower().endswith(f"{authority}{uri.path}{query}{fragment}".lower())
    assert https_fault(text) is None or isinstance(https_fault(text), str)
    assert isinstance(is_loopback(uri.host or ""), bool)
