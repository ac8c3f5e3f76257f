"""The shape of a token: every line of the hostile list that needs no key."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.core.jose import base64url
from dcrgw.core.jose.reader import JosePolicy, claims, read, unverified_claims
from dcrgw.core.jose.reasons import REASONS, JoseReason, JoseRefused

POLICY = JosePolicy(frozenset({"PS256", "ES256"}))


def b64(octets: bytes | str) -> str:
    return base64url.encode(octets.encode() if isinstance(octets, str) else octets)


def token(header=None, payload: bytes | str = b"{}", signature: bytes = b"\1" * 256, **members) -> str:
    """A well-formed token but for what is given; nothing of it is signed."""
    if header is None:
        header = json.dumps({"alg": "PS256", "kid": "k", **members})
    return f"{b64(header)}.{b64(payload)}.{b64(signature)}"


def refusal(text, policy: JosePolicy = POLICY) -> JoseReason:
    with pytest.raises(JoseRefused) as caught:
        read(text, policy)
    return caught.value.reason


def test_a_proper_token_is_read_as_it_is():
    text = token(typ="JWT", payload=b'{"iss":"me"}')
    read_as_text, read_as_bytes = read(text, POLICY), read(text.encode(), POLICY)
    assert read_as_text == read_as_bytes
    assert read_as_text.text == text
    assert read_as_text.header.alg == "PS256"
    assert read_as_text.header.kid == "k"
    assert read_as_text.header.typ == "JWT"
    assert read_as_text.signing_input == text.rpartition(".")[0].encode()
    assert read_as_text.signature == b"\1" * 256
    assert unverified_claims(read_as_text) == {"iss": "me"}


@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "nOnE", "HS256", "RS256", "PS384", "ps256", "", "EdDSA", "dir"]
)
def test_an_algorithm_outside_the_policy_is_refused(alg):
    assert refusal(token(alg=alg)) is JoseReason.ALGORITHM


@pytest.mark.parametrize("alg", [None, 256, ["PS256"], {"PS256": 1}, True])
def test_an_algorithm_that_is_no_string_is_refused(alg):
    assert refusal(token(alg=alg)) is JoseReason.ALGORITHM


def test_an_absent_algorithm_is_refused():
    assert refusal(token(header='{"kid":"k"}')) is JoseReason.ALGORITHM


def test_alg_none_with_an_empty_signature_is_refused_for_its_algorithm():
    assert refusal(token(alg="none", signature=b"")) is JoseReason.ALGORITHM


@pytest.mark.parametrize(
    "member",
    [
        {"jwk": {"kty": "RSA"}},
        {"jku": "https://attacker.example/keys"},
        {"x5u": "https://attacker.example/chain"},
        {"x5c": ["MIIB"]},
        {"crit": ["exp"]},
        {"crit": []},
        {"crit": ["b64"], "b64": False},
        {"crit": "exp"},
        {"crit": None},
        {"b64": False},
        {"b64": True},
        {"zip": "DEF"},
        {"cty": "JWT"},
        {"cty": "jwt"},
        {"cty": "application/JWT"},
        {"cty": 1},
    ],
    ids=str,
)
def test_a_header_member_that_brings_keys_or_changes_meaning_is_refused(member):
    assert refusal(token(**member)) is JoseReason.HEADER_MEMBER


@pytest.mark.parametrize(
    "member", [{"x5t": "a"}, {"x5t#S256": "a"}, {"cty": "json"}, {"iat": 1}, {"Alg": "none"}], ids=str
)
def test_other_header_members_are_ignored(member):
    assert read(token(**member), POLICY).header.alg == "PS256"


@pytest.mark.parametrize("kid", ["", "k" * 257, "k" * 100_000, None, 7, {"a": 1}, ["k"]], ids=lambda kid: str(kid)[:12])
def test_a_kid_that_is_no_short_string_is_refused(kid):
    policy = JosePolicy(frozenset({"PS256"}), max_token_bytes=1_000_000, max_header_bytes=500_000)
    assert refusal(token(kid=kid), policy) is JoseReason.KID


def test_an_absent_kid_is_refused_unless_the_policy_lets_it_be():
    absent = token(header='{"alg":"PS256"}')
    assert refusal(absent) is JoseReason.KID
    assert read(absent, JosePolicy(frozenset({"PS256"}), kid_required=False)).header.kid == ""


def test_a_kid_is_opaque():
    for kid in ["../../dev/null", "' OR 1=1--", "%00", "|cmd", "\r\nX: y", "é" * 256]:
        assert read(token(kid=kid), POLICY).header.kid == kid


@pytest.mark.parametrize("typ", ["at+jwt", "dpop+jwt", "JWS", "", "jwt ", None, 1, ["JWT"]])
def test_a_type_outside_the_policy_is_refused(typ):
    assert refusal(token(typ=typ)) is JoseReason.TYPE


@pytest.mark.parametrize("typ", ["JWT", "jwt", "Jwt", "application/jwt", "application/JWT"])
def test_a_type_is_compared_as_a_media_type(typ):
    assert read(token(typ=typ), POLICY).header.typ == typ


@pytest.mark.parametrize(
    "header",
    [
        '{"alg":"none","alg":"PS256","kid":"k"}',
        '{"alg":"PS256","kid":"k","\\u0061lg":"none"}',
        '{"alg":"PS256","kid":"k","n":NaN}',
        '{"alg":"PS256","kid":"k","n":1e400}',
        '{"alg":"PS256","kid":"k","n":"\\ud800"}',
        '["PS256"]',
        '"PS256"',
        "",
        "{",
        b'\xef\xbb\xbf{"alg":"PS256","kid":"k"}',
        b'{"alg":"PS256","kid":"\xff"}',
        '{"alg":"PS256","kid":"k"}'.encode("utf-16"),
        '{"alg":"PS256","kid":"k","deep":' + "[" * 800 + "]" * 800 + "}",
    ],
    ids=range(13),
)
def test_a_header_that_is_not_a_strict_json_object_is_refused(header):
    assert refusal(token(header=header)) is JoseReason.HEADER_JSON


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a.b",
        "..." + "a",
        "a.b.c.d",
        "a.b.c.d.e",
        "a." * 10_000,
        '{"payload":"e30","signatures":[]}',
        '{"payload":"e30","protected":"e30","header":{"alg":"PS256"},"signature":"AA"}',
    ],
)
def test_anything_but_three_parts_is_refused(text):
    assert refusal(text) is JoseReason.PARTS
    assert refusal(text.encode()) is JoseReason.PARTS


def test_json_serialisation_with_two_dots_inside_is_refused():
    assert refusal('{"payload":"a.b.c"}') is JoseReason.BASE64URL


@pytest.mark.parametrize("part", [0, 1, 2])
@pytest.mark.parametrize("spoil", ["{}=", "{}==", " {}", "{}\n", "\t{}", "{}+", "{}/", "{}\x00", "{}é"])
def test_a_part_that_is_not_canonical_base64url_is_refused(part, spoil):
    parts = token().split(".")
    parts[part] = spoil.format(parts[part])
    assert refusal(".".join(parts)) is JoseReason.BASE64URL
    assert refusal(".".join(parts).encode()) is JoseReason.BASE64URL


@pytest.mark.parametrize("part", [0, 1, 2])
def test_unused_bits_are_refused_in_every_part(part):
    parts = token(header='{"alg":"PS256","kid":"kk"}', payload=b"{ }\n", signature=b"\1" * 256).split(".")
    assert all(len(p) % 4 for p in parts)
    parts[part] = parts[part][:-1] + chr(ord(parts[part][-1]) + 1)
    assert refusal(".".join(parts)) is JoseReason.BASE64URL


def test_the_limits_come_before_any_decoding():
    policy = JosePolicy(frozenset({"PS256"}), max_token_bytes=1_000, max_header_bytes=100)
    assert refusal("é" * 1_001, policy) is JoseReason.SIZE
    assert refusal(b"\xff" * 1_001, policy) is JoseReason.SIZE
    assert refusal("!" * 101 + ".e30.AA", policy) is JoseReason.SIZE
    assert refusal("!" * 100 + ".e30.AA", policy) is JoseReason.BASE64URL


@pytest.mark.parametrize(
    "payload",
    [
        b"[1,2]",
        b'"text"',
        b"1",
        b"null",
        b"",
        b'{"iss":"a","iss":"b"}',
        b'{"exp":1,"e\\u0078p":2}',
        b'{"exp":NaN}',
        b'{"exp":1e400}',
        b'{"exp":-0}',
        b'{"exp":' + b"9" * 5_000 + b"}",
        b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\xc0\xaf"}',
        b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"),
    ],
    ids=range(17),
)
def test_a_payload_that_is_not_a_strict_json_object_is_refused(payload):
    unproven = read(token(payload=payload), JosePolicy(frozenset({"PS256"}), max_token_bytes=1_000_000))
    with pytest.raises(JoseRefused) as caught:
        unverified_claims(unproven)
    assert caught.value.reason is JoseReason.PAYLOAD_JSON


def test_a_fractional_date_is_json():
    assert claims(b'{"exp":1795000000.5}') == {"exp": 1795000000.5}


@pytest.mark.parametrize("algorithms", [[], ["none"], ["HS256"], ["PS256", "HS256"], ["EdDSA"]])
def test_a_policy_without_asymmetric_algorithms_cannot_be_made(algorithms):
    with pytest.raises(ValueError, match="algorithms"):
        JosePolicy(frozenset(algorithms))


def test_every_reason_has_its_sentence_and_a_value_fit_for_a_check_id():
    assert list(REASONS) == list(JoseReason)
    for reason, sentence in REASONS.items():
        assert re.fullmatch("[a-z0-9_]+", reason.value)
        assert sentence.endswith(".")


def test_no_token_shows_in_a_repr():
    unproven = read(token(payload=b'{"secret":"s3cr3t"}'), POLICY)
    assert unproven.text not in repr(unproven)
    assert "s3cr3t" not in repr(unproven)


@settings(max_examples=300)
@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_bytes_and_any_text_are_refused_and_nothing_else_is_raised(text):
    # No random text holds a header with our algorithms.
    with pytest.raises(JoseRefused):
        read(text, POLICY)


@settings(max_examples=200)
@given(header=st.binary(max_size=40), payload=st.binary(max_size=40), signature=st.binary(max_size=40))
def test_any_three_octet_strings_are_read_or_refused(header, payload, signature):
    with pytest.raises(JoseRefused) as caught:
        read(f"{b64(header)}.{b64(payload)}.{b64(signature)}", POLICY)
    assert caught.value.reason in {JoseReason.HEADER_JSON, JoseReason.HEADER_MEMBER, JoseReason.ALGORITHM}


HEADER_VALUES = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.lists(st.text(max_size=3), max_size=2)
)


@settings(max_examples=300)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "alg": st.sampled_from(["PS256", "ES256", "none", "HS256"]) | HEADER_VALUES,
            "kid": HEADER_VALUES,
            "typ": st.sampled_from(["JWT", "at+jwt"]) | HEADER_VALUES,
            "cty": HEADER_VALUES,
            "crit": HEADER_VALUES,
            "jwk": HEADER_VALUES,
        },
    )
)
def test_any_header_is_read_only_when_it_keeps_every_rule(header):
    try:
        taken = read(token(header=json.dumps(header)), POLICY).header
    except JoseRefused:
        return
    assert taken.alg == header["alg"]
    assert taken.alg in {"PS256", "ES256"}
    assert isinstance(header["kid"], str)
    assert taken.typ == header.get("typ")
    assert header.keys().isdisjoint({"crit", "jwk"})
