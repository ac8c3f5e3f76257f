"""The keys that sign right and wrong."""

import json

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from dcrgw.core.jose.keys import key_set
from dcrgw.core.jose.reader import JosePolicy, read
from dcrgw.core.jose.reasons import JoseReason, JoseRefused
from dcrgw.core.jose.verification import verify
from dcrgw.testkit.keys import SigningKey, jwks


def test_a_key_signs_any_header_and_payload_as_given():
    key = SigningKey.generate("k", "ES256")
    policy = JosePolicy(frozenset({"ES256"}))
    token = read(key.sign_raw(b'{ "alg":"ES256", "kid":"k" }', b"\xff\x00"), policy)
    assert token.payload == b"\xff\x00"
    assert verify(token, key_set(jwks(key)), policy).kid == "k"
    with pytest.raises(JoseRefused) as caught:
        read(key.sign_raw({"alg": "none"}, b"{}"), policy)
    assert caught.value.reason is JoseReason.ALGORITHM


def test_members_can_be_changed_and_left_out():
    key = SigningKey.generate("k", "ES256")
    assert "alg" not in key.public_jwk(alg=None)
    assert key.public_jwk(use="enc")["use"] == "enc"
    assert json.loads(jwks(key, {"kty": "oct"}))["keys"][1] == {"kty": "oct"}
    with pytest.raises(JoseRefused):
        read(key.sign({}, header={"kid": None}), JosePolicy(frozenset({"ES256"})))


def test_the_pem_is_the_private_key():
    key = SigningKey.generate("k", "ES256")
    assert load_pem_private_key(key.pem, None).private_numbers() == key.private_key.private_numbers()


def test_no_private_key_shows_in_a_repr():
    assert "private" not in repr(SigningKey.generate("k", "ES256"))
