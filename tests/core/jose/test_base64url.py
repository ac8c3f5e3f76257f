"""One spelling for each octet string."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.core.jose import base64url

REFUSED = {
    "padding": b"QQ==",
    "one padding": b"QUI=",
    "padding inside": b"QQ==QQ",
    "standard plus": b"+++v",
    "standard slash": b"///v",
    "space": b"QU I",
    "newline at the end": b"QUJD\n",
    "tab": b"\tQUJ",
    "NUL": b"QUJ\x00",
    "8-bit": b"QUJ\xe9",
    "a dot": b"QUJ.",
    "one character": b"Q",
    "five characters": b"QUJDR",
    "unused bits of two": b"QR",
    "unused bits of three": b"QUJ",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_another_spelling_is_refused(text):
    with pytest.raises(base64url.NotCanonical):
        base64url.decode(text)


@settings(max_examples=200)
@given(st.binary(max_size=80))
def test_octets_come_back_and_agree_with_the_standard_library(octets):
    text = base64url.encode(octets)
    assert text.encode() == base64.urlsafe_b64encode(octets).rstrip(b"=")
    assert base64url.decode(text.encode()) == octets


@settings(max_examples=300)
@given(st.binary(max_size=12) | st.text(alphabet="AQgw-_+/= \n", max_size=12).map(str.encode))
def test_what_decodes_encodes_to_itself(text):
    try:
        octets = base64url.decode(text)
    except base64url.NotCanonical:
        return
    assert base64url.encode(octets).encode() == text
