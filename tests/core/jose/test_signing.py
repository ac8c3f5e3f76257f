"""What we sign ourselves."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.core.jose import signing
from dcrgw.core.jose.keys import key_set
from dcrgw.core.jose.reader import JosePolicy, claims, read
from dcrgw.core.jose.verification import verify
from dcrgw.testkit.keys import SigningKey, jwks


@pytest.mark.parametrize("alg", ["PS256", "RS256", "ES256", "ES384", "ES512"])
def test_our_own_signatures_pass_our_own_door(alg, ps256):
    key = SigningKey.generate("k", alg) if alg.startswith("ES") else SigningKey("k", alg, ps256.private_key)
    policy = JosePolicy(frozenset({alg}))
    token = read(signing.sign({"iss": "Banc é"}, key=key.private_key, alg=alg, kid="k"), policy)
    assert verify(token, key_set(jwks(key)), policy).kid == "k"
    assert claims(token.payload) == {"iss": "Banc é"}
    assert (token.header.alg, token.header.kid, token.header.typ) == (alg, "k", "JWT")


def test_the_type_can_be_another_or_none(ps256):
    policy = JosePolicy(frozenset({"PS256"}), types=frozenset({"at+jwt"}))
    for typ in ("at+jwt", None):
        token = signing.sign({}, key=ps256.private_key, alg="PS256", kid="k", typ=typ)
        assert read(token, policy).header.typ == typ


@pytest.mark.parametrize("alg", ["none", "HS256", "ES256", "", "ps256"])
def test_an_algorithm_that_is_not_the_keys_cannot_be_signed_with(alg, ps256):
    with pytest.raises(ValueError, match=r"alg must|key is not"):
        signing.sign({}, key=ps256.private_key, alg=alg, kid="k")


@settings(max_examples=50)
@given(ssa=st.dictionaries(st.text("abcde", max_size=4), st.integers(1, 9) | st.text("xyé😀", max_size=9), max_size=4))
def test_claims_come_back_as_they_were_signed(ssa, es256):
    policy = JosePolicy(frozenset({"ES256"}))
    token = signing.sign(ssa, key=es256.private_key, alg="ES256", kid="k")
    assert claims(read(token, policy).payload) == ssa
