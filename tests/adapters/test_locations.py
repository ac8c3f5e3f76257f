import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from dcrgw.adapters.locations import Location, LocationRefused, locate


@pytest.mark.parametrize(
    "url",
    [
        "http://keys.example/a.jwks",
        "HTTPS://keys.example/",
        "//keys.example/",
        "https:/keys.example/",
        "https:keys.example",
        "https://",
        "https:///a",
        "https://user@keys.example/",
        "https://keys.example@evil.example/",
        "https://keys.example:443@evil.example/",
        "https://keys.example#",
        "https://keys.example/a#b",
        "https://keys.example\\@evil.example/",
        "https://keys.example\\.evil.example/",
        "https://keys.example/a b",
        "https://keys.example/\t",
        "https://keys.example/\r\nHost: x",
        "https://keys.example/\x00",
        "https://keys.example/%zz",
        "https://keys.example/é",
        "https://kéys.example/",
        "https://keys%2eexample/",
        "https://localhost./",
        "https://keys..example/",
        "https://.example/",
        "https://-keys.example/",
        "https://keys.example:/",
        "https://keys.example:0/",
        "https://keys.example:65536/",
        "https://keys.example:+443/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://127.1/",
        "https://0177.0.0.1/",
        "https://127.0.0.01/",
        "https://256.0.0.1/",
        "https://keys.example.1/",
        "https://[::1/",
        "https://[::1%25eth0]/",
        "https://[::g]/",
        "https://[:::::]/",
        "https://" + "a" * 64 + ".example/",
        "https://keys.example/" + "a" * 2048,
        " https://keys.example/",
        "https://keys.example/\n",
        "file:///etc/passwd",
        "",
    ],
)
def test_url_that_is_not_plain_https_is_refused(url: str) -> None:
    with pytest.raises(LocationRefused):
        locate(url)


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("https://keys.example", Location("keys.example", 443, False)),
        ("https://Keys.Example:8443/a/b.jwks?x=1&y=%20", Location("keys.example", 8443, False)),
        ("https://keys.example?filter=a", Location("keys.example", 443, False)),
        ("https://127.0.0.1:9443/", Location("127.0.0.1", 9443, True)),
        ("https://[0:0::1]:9443/", Location("::1", 9443, True)),
        ("https://xn--kys-cma.example/", Location("xn--kys-cma.example", 443, False)),
    ],
)
def test_plain_https_url_is_located(url: str, location: Location) -> None:
    assert locate(url) == location


def test_allow_list_entry_without_a_port_means_443() -> None:
    hosts = frozenset({"keys.example", "other.example:8443", "[::1]:9443"})
    assert locate("https://keys.example/").is_among(hosts)
    assert locate("https://keys.example:443/").is_among(hosts)
    assert not locate("https://keys.example:22/").is_among(hosts)
    assert locate("https://other.example:8443/").is_among(hosts)
    assert not locate("https://other.example/").is_among(hosts)
    assert locate("https://[::1]:9443/").is_among(hosts)
    assert not locate("https://a.keys.example/").is_among(hosts)


@given(
    st.text(alphabet="https:/@.[]%\\#?keysABC019-_ \t", max_size=40)
    | st.from_regex(r"https://[a-z0-9.@:\[\]%]{1,20}(/[!-~]{0,10})?", fullmatch=True)
)
@settings(max_examples=300)
def test_what_is_located_is_what_the_client_library_connects_to(url: str) -> None:
    try:
        location = locate(url)
    except LocationRefused:
        return
    built = URL(url, encoded=True)
    assert (built.raw_host, built.port, built.scheme, built.user) == (location.host, location.port, "https", None)
