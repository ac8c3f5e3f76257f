"""Which published keys are believed."""

import json
from base64 import b64encode
from datetime import datetime, timedelta
from math import gcd, prod

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.core.jose import base64url
from dcrgw.core.jose.keys import MAX_DOCUMENT_BYTES, KeySetUnusable, key_set
from dcrgw.testkit.keys import SigningKey, jwks

SMALL_PRIMES = [n for n in range(2, 2_000) if all(n % d for d in range(2, n))]
SMALL_PRIMORIAL = prod(SMALL_PRIMES)


def certificate_of(key: SigningKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "any")])
    now = datetime(2026, 11, 1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.private_key.public_key())
        .serial_number(7)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key.private_key, hashes.SHA256())
    )
    return b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()


def integer(number: int) -> str:
    return base64url.encode(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def is_refused(jwk, other: SigningKey) -> None:
    """The key is refused, and only that key."""
    taken = key_set(jwks(jwk, other))
    assert list(taken.keys) == [other.kid]
    assert len(taken.refused) == 1
    assert taken.refused[0].reason


def next_prime(number: int) -> int:
    """The next (Fermat probable) prime from here; multiples of small primes are not even tried."""
    number |= 1
    while gcd(number, SMALL_PRIMORIAL) != 1 or pow(2, number - 1, number) != 1:
        number += 2
    return number


def roca_prime(seed: int) -> int:
    """As the faulty generator made the 1024-bit ones: k * M + (65537^a mod M), M the product of 126 primes."""
    primorial = prod(SMALL_PRIMES[:126])
    power = pow(65_537, seed, primorial)
    k = (1 << 1023) // primorial + (1 << 1022) // primorial + seed
    while pow(2, k * primorial + power - 1, k * primorial + power) != 1:
        k += 1
    return k * primorial + power


def test_keys_of_every_kind_are_taken(ps256, es256):
    p384 = SigningKey.generate("ec-3", "ES384")
    taken = key_set(jwks(ps256, es256, p384), source="https://directory.example/keys")
    assert taken.refused == ()
    assert taken.source == "https://directory.example/keys"
    assert {kid: key.algorithms for kid, key in taken.keys.items()} == {
        "rsa-1": {"PS256"},
        "ec-1": {"ES256"},
        "ec-3": {"ES384"},
    }
    assert taken.keys["rsa-1"].key.public_numbers() == ps256.private_key.public_key().public_numbers()


def test_a_key_without_alg_is_one_for_what_its_type_allows(ps256, es256):
    taken = key_set(jwks(ps256.public_jwk(alg=None), es256.public_jwk(alg=None)))
    assert taken.keys["rsa-1"].algorithms == {"PS256", "PS384", "PS512", "RS256", "RS384", "RS512"}
    assert taken.keys["ec-1"].algorithms == {"ES256"}


def test_thumbprints_are_those_of_rfc_7638(ps256):
    example = {
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCi"
        "FV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0"
        "zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csF"
        "Cur-kEgU8awapJzKnqDKgw",
        "e": "AQAB",
        "alg": "RS256",
        "kid": "2011-04-29",
    }
    assert key_set(jwks(example)).keys["2011-04-29"].thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.parametrize(
    "changes",
    [
        {"kid": None},
        {"kid": ""},
        {"kid": 1},
        {"kid": "k" * 257},
        {"kty": None},
        {"kty": "oct", "k": "AAAA"},
        {"kty": "OKP"},
        {"kty": "EC"},
        {"kty": ["RSA"]},
        {"use": "enc"},
        {"use": "tls"},
        {"use": ["sig"]},
        {"key_ops": []},
        {"key_ops": ["encrypt"]},
        {"key_ops": "verify"},
        {"alg": "ES256"},
        {"alg": "RSA-OAEP"},
        {"alg": "HS256"},
        {"alg": "none"},
        {"alg": 256},
        {"n": None},
        {"n": ""},
        {"n": "AA"},
        {"n": "not base64!"},
        {"n": 12345},
        {"e": "AQ"},
        {"e": "Aw"},
        {"e": "AQAA"},
        {"e": ""},
        {"e": integer((1 << 64) + 1)},
        {"d": "AQAB"},
        {"p": "AQAB"},
        {"oth": []},
        {"k": "AQAB"},
        {"x5c": []},
        {"x5c": "MIIB"},
        {"x5c": ["MIIB"]},
        {"x5c": [1]},
    ],
    ids=lambda changes: ",".join(f"{name}={str(value)[:12]}" for name, value in changes.items()),
)
def test_an_unfit_rsa_key_costs_only_itself(changes, ps256, other_ps256):
    is_refused(
        {**ps256.public_jwk(), **changes} if None not in changes.values() else ps256.public_jwk(**changes), other_ps256
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"crv": "P-384"},
        {"crv": "secp256k1", "alg": None},
        {"crv": "BP-256", "alg": None},
        {"crv": None},
        {"crv": ["P-256"]},
        {"crv": {}},
        {"alg": "ES384"},
        {"alg": "ES521"},
        {"alg": "ES224"},
        {"alg": "PS256"},
        {"x": "AAAA"},
        {"x": None},
        {"y": base64url.encode(bytes(32))},
        {"d": "AAAA"},
        {"use": "enc"},
        {"kty": "RSA"},
    ],
    ids=str,
)
def test_an_unfit_ec_key_costs_only_itself(changes, es256, other_ps256):
    is_refused(es256.public_jwk(**changes), other_ps256)


@pytest.mark.parametrize("jwk", [None, [], "key", 1, {}])
def test_what_is_no_key_costs_only_itself(jwk, ps256):
    taken = key_set(json.dumps({"keys": [jwk, ps256.public_jwk()]}).encode())
    assert list(taken.keys) == ["rsa-1"]
    assert len(taken.refused) == 1


def test_a_short_modulus_is_refused(other_ps256):
    is_refused(SigningKey("weak", "PS256", rsa.generate_private_key(65_537, 1024)).public_jwk(), other_ps256)


def test_an_even_modulus_and_one_with_a_small_factor_are_refused(ps256, other_ps256):
    modulus = ps256.private_key.public_key().public_numbers().n
    is_refused(ps256.public_jwk(n=integer(modulus - 1)), other_ps256)
    is_refused(ps256.public_jwk(n=integer(modulus // 641 * 641)), other_ps256)


def test_an_overlong_modulus_is_refused(ps256, other_ps256):
    is_refused(ps256.public_jwk(n=integer((1 << 8200) + 1)), other_ps256)


def test_a_modulus_of_close_primes_is_refused(ps256, other_ps256):
    p = ps256.private_key.private_numbers().p
    q = next_prime(p + 2)
    is_refused(ps256.public_jwk(n=integer(p * q)), other_ps256)


def test_a_modulus_of_the_faulty_roca_generator_is_refused(ps256, other_ps256):
    is_refused(ps256.public_jwk(n=integer(roca_prime(3) * roca_prime(11))), other_ps256)


def test_the_first_certificate_of_a_key_must_be_its_own(ps256, other_ps256, es256):
    assert key_set(jwks(ps256.public_jwk(x5c=[certificate_of(ps256)]))).refused == ()
    assert key_set(jwks(es256.public_jwk(x5c=[certificate_of(es256), "ignored"]))).refused == ()
    is_refused(ps256.public_jwk(x5c=[certificate_of(other_ps256)]), other_ps256)
    is_refused(ps256.public_jwk(x5c=[certificate_of(es256)]), other_ps256)


def test_a_kid_that_two_usable_keys_share_is_unusable(ps256, other_ps256, es256):
    taken = key_set(jwks(ps256.public_jwk(kid="twin"), other_ps256.public_jwk(kid="twin"), es256))
    assert list(taken.keys) == ["ec-1"]
    assert [entry.kid for entry in taken.refused] == ["twin"]


def test_a_kid_is_unusable_too_when_the_same_key_stands_twice(ps256):
    assert not key_set(jwks(ps256, ps256)).keys


def test_two_keys_without_alg_that_share_a_kid_are_both_unusable(ps256, other_ps256):
    assert not key_set(jwks(ps256.public_jwk(kid="twin", alg=None), other_ps256.public_jwk(kid="twin"))).keys


def test_use_and_key_type_tell_keys_of_one_kid_apart(ps256, other_ps256, es256):
    taken = key_set(
        jwks(
            other_ps256.public_jwk(kid="shared", use="enc"),
            ps256.public_jwk(kid="shared"),
            es256.public_jwk(kid="shared"),
        )
    )
    shared = taken.keys["shared"]
    assert shared.serving("PS256").key == ps256.private_key.public_key()
    assert shared.serving("ES256").key == es256.private_key.public_key()
    assert shared.serving("RS256") is None


def test_an_empty_set_is_a_value():
    assert not key_set(b'{"keys":[]}').keys


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"keys":null}',
        b'{"keys":{}}',
        b'{"keys":"a"}',
        b'{"keys":[],"keys":[]}',
        b"<html>",
        b"\xff\xfe",
        b'{"keys":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"keys":[' + b",".join([b"{}"] * 101) + b"]}",
        b'{"keys":[]}' + b" " * MAX_DOCUMENT_BYTES,
    ],
    ids=range(13),
)
def test_what_is_no_key_set_is_refused_as_a_whole(document):
    with pytest.raises(KeySetUnusable):
        key_set(document)


def test_a_hundred_keys_are_taken():
    key = SigningKey("k", "ES256", ec.generate_private_key(ec.SECP256R1()))
    assert len(key_set(jwks(*(key.public_jwk(kid=f"k{i}") for i in range(100)))).keys) == 100


def test_the_keys_of_a_set_cannot_be_changed(ps256):
    with pytest.raises(TypeError):
        key_set(jwks(ps256)).keys["new"] = None


MEMBERS = st.sampled_from(["kid", "kty", "use", "alg", "n", "e", "crv", "x", "y", "d", "x5c", "key_ops"])
VALUES = (
    st.none()
    | st.integers()
    | st.text(max_size=6)
    | st.sampled_from(["RSA", "EC", "oct", "AQAB", "P-256", "sig", "verify"])
    | st.lists(st.text(max_size=4), max_size=2)
)


@settings(max_examples=200)
@given(st.lists(st.dictionaries(MEMBERS, VALUES, max_size=8) | VALUES, max_size=4))
def test_any_json_keys_end_in_a_set_or_in_key_set_unusable(entries):
    try:
        taken = key_set(json.dumps({"keys": entries}).encode("utf-8", "surrogatepass"))
    except KeySetUnusable:
        return
    assert len(taken.keys) + len(taken.refused) == len(entries)


@settings(max_examples=100)
@given(st.binary(max_size=80))
def test_any_bytes_end_in_a_set_or_in_key_set_unusable(document):
    with pytest.raises(KeySetUnusable):
        key_set(document)
