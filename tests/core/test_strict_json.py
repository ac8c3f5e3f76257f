"""The JSON that is taken from strangers."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.core import strict_json
from dcrgw.core.strict_json import JsonRefused

REFUSED = {
    "empty": b"",
    "only white space": b"  \n",
    "two values": b"{} {}",
    "member twice": b'{"iss":1,"iss":2}',
    "member twice by escape": b'{"alg":"none","\\u0061lg":"PS256"}',
    "member twice deep inside": b'{"a":[{"b":{"c":1,"c":1}}]}',
    "NaN": b'{"exp":NaN}',
    "Infinity": b"[Infinity]",
    "-Infinity": b"[-Infinity]",
    "a float beyond range": b"[1e400]",
    "a negative float beyond range": b"[-1e400]",
    "minus zero": b"[-0]",
    "minus zero as a fraction": b"[-0.0]",
    "5 000 digits": b"[" + b"9" * 5_000 + b"]",
    "a fraction of 5 000 digits": b"[0." + b"9" * 5_000 + b"]",
    "leading zero": b"[01]",
    "leading plus": b"[+1]",
    "hexadecimal": b"[0x2]",
    "deep arrays": b"[" * 50_000 + b"]" * 50_000,
    "deep arrays without an end": b"[" * 50_000,
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "one level too many": b"[" * 17 + b"]" * 17,
    "byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "UTF-32": '{"a":1}'.encode("utf-32-le"),
    "Latin-1": '{"a":"é"}'.encode("latin-1"),
    "overlong slash": b'["\xc0\xaf"]',
    "encoded surrogate": b'["\xed\xa0\x80"]',
    "lone high surrogate": b'["\\ud800"]',
    "lone low surrogate": b'["\\uDFFF"]',
    "surrogates the wrong way round": b'["\\ude00\\ud83d"]',
    "lone surrogate in a name": b'{"\\ud800":1}',
    "control character in a string": b'["a\nb"]',
    "NUL in a string": b'["a\x00"]',
    "NUL after the value": b"{}\x00",
    "single quotes": b"{'a':1}",
    "trailing comma": b"[1,]",
    "comment": b"{}//",
    "unknown escape": b'["\\x41"]',
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_strict_json_is_refused(text):
    with pytest.raises(JsonRefused):
        strict_json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1.5,"b":[true,false,null],"c":"\\u00e9\xc3\xa9"}',
        b'["\\ud83d\\ude00"]',
        b'["\\\\ud800"]',
        b" [ 0 , -1 , 1e3 , 0.0 ] ",
        b"[" * 16 + b"]" * 16,
        b"[" + b",".join([b"[]"] * 1_000) + b"]",
        b'["' + b"[{" * 50 + b'\\"[[[[[[[[[[[[[[[[[[[[\\\\",[]]',
        b"1",
    ],
)
def test_strict_json_is_taken_as_json_reads_it(text):
    assert strict_json.loads(text) == json.loads(text)


@pytest.mark.parametrize("text", [b"[]", b"1", b'"a"', b"null", b"true"])
def test_only_an_object_is_an_object(text):
    with pytest.raises(JsonRefused):
        strict_json.loads_object(text)


def test_a_long_string_without_an_end_is_refused_in_linear_time():
    # Quadratic behaviour would run into the suite's time limit.
    with pytest.raises(JsonRefused):
        strict_json.loads(b"[" * 17 + b'"\\' * 2_000_000)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=25,
)


@settings(max_examples=150)
@given(VALUES, st.booleans())
def test_whatever_is_taken_json_reads_alike(value, ascii_only):
    text = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    try:
        taken = strict_json.loads(text)
    except JsonRefused:
        return
    assert taken == json.loads(text)


@settings(max_examples=150)
@given(st.recursive(st.integers(0, 9) | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3), max_leaves=12))
def test_small_sane_values_are_always_taken(value):
    text = json.dumps(value)
    if not any("\ud800" <= c <= "\udfff" for c in json.dumps(value, ensure_ascii=False)):
        assert strict_json.loads(text.encode(), max_depth=64) == value


@settings(max_examples=300)
@given(st.binary(max_size=60) | st.text(alphabet='[]{}",:\\u0dD8e-1.NaI \n', max_size=60).map(str.encode))
def test_any_bytes_end_in_a_value_or_a_refusal(text):
    try:
        taken = strict_json.loads(text)
    except JsonRefused:
        return
    assert taken == json.loads(text)
