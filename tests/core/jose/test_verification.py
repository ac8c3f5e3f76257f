"""Which signatures are believed."""

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hmac import HMAC
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dcrgw.core.jose import base64url
from dcrgw.core.jose.keys import KeySet, key_set
from dcrgw.core.jose.reader import JosePolicy, claims, read
from dcrgw.core.jose.reasons import JoseReason, JoseRefused
from dcrgw.core.jose.verification import verify
from dcrgw.testkit.keys import SigningKey, jwks

FAPI = JosePolicy(frozenset({"PS256", "ES256"}))
LEGACY = JosePolicy(frozenset({"PS256", "ES256", "RS256"}))
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def refusal(token: str, keys: KeySet, policy: JosePolicy = FAPI) -> JoseReason:
    with pytest.raises(JoseRefused) as caught:
        verify(read(token, policy), keys, policy)
    return caught.value.reason


def with_signature(token: str, signature: bytes) -> str:
    return f"{token.rpartition('.')[0]}.{base64url.encode(signature)}"


def signature_of(token: str) -> bytes:
    return base64url.decode(token.rpartition(".")[2].encode())


@pytest.mark.parametrize("alg", ["PS256", "PS384", "PS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512"])
def test_a_proper_token_of_every_algorithm_is_proven(alg, ps256):
    rsa_key = SigningKey("k", alg, ps256.private_key)
    key = SigningKey.generate("k", alg) if alg.startswith("ES") else rsa_key
    policy = JosePolicy(frozenset({alg}))
    unproven = read(key.sign({"iss": "me"}), policy)
    proof = verify(unproven, key_set(jwks(key)), policy)
    assert proof.kid == "k"
    assert claims(unproven.payload) == {"iss": "me"}


def test_the_key_that_signed_is_given_back(ps256, other_ps256, es256):
    keys = key_set(jwks(ps256, other_ps256, es256))
    for key in (ps256, other_ps256, es256):
        assert verify(read(key.sign({}), FAPI), keys, FAPI) is keys.keys[key.kid]


def test_another_keys_signature_is_refused(ps256, other_ps256):
    forged = other_ps256.sign({}, header={"kid": ps256.kid})
    assert refusal(forged, key_set(jwks(ps256, other_ps256))) is JoseReason.SIGNATURE


def test_an_unknown_kid_is_refused(ps256, other_ps256):
    assert refusal(ps256.sign({}), key_set(jwks(other_ps256))) is JoseReason.KEY_UNKNOWN
    assert refusal(ps256.sign({}), key_set(b'{"keys":[]}')) is JoseReason.KEY_UNKNOWN


@pytest.mark.parametrize("kid", ["../../dev/null", "' OR 1=1--", "%00", "|cmd", "rsa-1\x00", "RSA-1", "\ufeffrsa-1"])
def test_a_hostile_kid_is_only_unknown(kid, ps256):
    assert refusal(ps256.sign({}, header={"kid": kid}), key_set(jwks(ps256))) is JoseReason.KEY_UNKNOWN


@pytest.mark.parametrize("changes", [{"use": "enc"}, {"use": "tls"}, {"key_ops": ["encrypt"]}, {"d": "AQAB"}], ids=str)
def test_a_published_but_unfit_key_is_unusable(changes, ps256):
    assert refusal(ps256.sign({}), key_set(jwks(ps256.public_jwk(**changes)))) is JoseReason.KEY_UNUSABLE


def test_a_kid_of_two_usable_keys_is_unusable(ps256, other_ps256):
    keys = key_set(jwks(ps256.public_jwk(kid="twin"), other_ps256.public_jwk(kid="twin")))
    assert refusal(ps256.sign({}, header={"kid": "twin"}), keys) is JoseReason.KEY_UNUSABLE


def test_a_kid_shared_by_keys_of_two_types_is_told_apart_by_the_algorithm(ps256, es256):
    keys = key_set(jwks(ps256.public_jwk(kid="shared"), es256.public_jwk(kid="shared")))
    for key in (ps256, es256):
        proof = verify(read(key.sign({}, header={"kid": "shared"}), FAPI), keys, FAPI)
        assert proof.key == key.private_key.public_key()


def test_the_keys_own_algorithm_binds_even_where_the_policy_takes_both(ps256):
    legacy = SigningKey(ps256.kid, "RS256", ps256.private_key)
    assert refusal(legacy.sign({}), key_set(jwks(ps256)), LEGACY) is JoseReason.KEY_ALGORITHM
    assert verify(read(legacy.sign({}), LEGACY), key_set(jwks(ps256.public_jwk(alg=None))), LEGACY)


def test_an_algorithm_of_another_key_type_is_refused(ps256, es256):
    keys = key_set(jwks(ps256.public_jwk(alg=None), es256.public_jwk(alg=None)))
    assert refusal(ps256.sign({}, header={"alg": "ES256"}), keys) is JoseReason.KEY_ALGORITHM
    assert refusal(es256.sign({}, header={"alg": "PS256"}), keys) is JoseReason.KEY_ALGORITHM


def test_es256_with_a_p_384_key_is_refused():
    p384 = SigningKey.generate("k", "ES384")
    keys = key_set(jwks(p384.public_jwk(alg=None)))
    assert refusal(p384.sign({}, header={"alg": "ES256"}), keys) is JoseReason.KEY_ALGORITHM


def test_a_stricter_policy_at_verification_wins(ps256):
    unproven = read(ps256.sign({}), FAPI)
    with pytest.raises(JoseRefused) as caught:
        verify(unproven, key_set(jwks(ps256)), JosePolicy(frozenset({"ES256"})))
    assert caught.value.reason is JoseReason.ALGORITHM


def test_an_hmac_keyed_with_the_public_key_is_refused_as_an_algorithm(ps256):
    public = ps256.private_key.public_key()
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    jwk = ps256.public_jwk()
    secrets = [
        public.public_bytes(serialization.Encoding.PEM, spki),
        public.public_bytes(serialization.Encoding.DER, spki),
        jwks(jwk),
        jwk["n"].encode(),
        base64url.decode(jwk["n"].encode()),
    ]
    for secret in secrets:
        token = ps256.sign({}, header={"alg": "HS256"})
        mac = HMAC(secret, hashes.SHA256())
        mac.update(token.rpartition(".")[0].encode())
        with pytest.raises(JoseRefused) as caught:
            read(with_signature(token, mac.finalize()), FAPI)
        assert caught.value.reason is JoseReason.ALGORITHM


@pytest.mark.parametrize(
    "spoil",
    [
        lambda s: b"",
        lambda s: b"\0",
        lambda s: s[:-1],
        lambda s: s[1:],
        lambda s: s + b"\0",
        lambda s: b"\0" + s,
        lambda s: s * 2,
    ],
    ids=["empty", "AA", "cut at the end", "cut at the start", "longer", "leading zero", "twice"],
)
def test_a_signature_of_another_length_is_refused(spoil, ps256, es256):
    keys = key_set(jwks(ps256, es256))
    for key in (ps256, es256):
        token = key.sign({})
        assert refusal(with_signature(token, spoil(signature_of(token))), keys) is JoseReason.SIGNATURE_FORM


def test_an_ecdsa_signature_with_leading_zeros_is_refused(es256):
    token = es256.sign({})
    signature = signature_of(token)
    longer = b"\0" + signature[:32] + b"\0" + signature[32:]
    assert refusal(with_signature(token, longer), key_set(jwks(es256))) is JoseReason.SIGNATURE_FORM


def test_a_der_encoded_ecdsa_signature_is_refused(es256):
    token = es256.sign({})
    der = es256.private_key.sign(token.rpartition(".")[0].encode(), ec.ECDSA(hashes.SHA256()))
    assert refusal(with_signature(token, der), key_set(jwks(es256))) is JoseReason.SIGNATURE_FORM


@pytest.mark.parametrize("number", [0, P256_ORDER, P256_ORDER + 1, (1 << 256) - 1])
def test_r_and_s_outside_the_order_are_refused(number, es256):
    token = es256.sign({})
    keys = key_set(jwks(es256))
    fine, octets = signature_of(token), number.to_bytes(32, "big")
    for signature in (octets + fine[32:], fine[:32] + octets, octets + octets):
        assert refusal(with_signature(token, signature), keys) is JoseReason.SIGNATURE_FORM


@pytest.mark.parametrize("salt_length", [0, 20, 31, 33, 222])
def test_a_pss_salt_of_another_length_is_refused(salt_length, ps256):
    token = ps256.sign({})
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), salt_length)
    signature = ps256.private_key.sign(token.rpartition(".")[0].encode(), pss, hashes.SHA256())
    assert refusal(with_signature(token, signature), key_set(jwks(ps256))) is JoseReason.SIGNATURE


def test_pss_with_another_mgf_hash_is_refused(ps256):
    token = ps256.sign({})
    pss = padding.PSS(padding.MGF1(hashes.SHA1()), 32)
    signature = ps256.private_key.sign(token.rpartition(".")[0].encode(), pss, hashes.SHA256())
    assert refusal(with_signature(token, signature), key_set(jwks(ps256))) is JoseReason.SIGNATURE


def test_an_embedded_key_is_refused_even_when_it_is_the_trusted_one(ps256):
    token = ps256.sign({}, header={"jwk": ps256.public_jwk()})
    with pytest.raises(JoseRefused) as caught:
        read(token, FAPI)
    assert caught.value.reason is JoseReason.HEADER_MEMBER


def test_a_token_without_kid_needs_a_set_of_one_key(ps256, other_ps256):
    policy = JosePolicy(frozenset({"PS256"}), kid_required=False)
    token = ps256.sign({}, header={"kid": None})
    assert verify(read(token, policy), key_set(jwks(ps256)), policy).kid == ps256.kid
    assert refusal(token, key_set(jwks(ps256, other_ps256)), policy) is JoseReason.KID
    assert refusal(token, key_set(b'{"keys":[]}'), policy) is JoseReason.KID


def test_a_modulus_of_odd_length_is_served():
    key = SigningKey("odd", "PS256", rsa.generate_private_key(65_537, 2050))
    assert verify(read(key.sign({}), FAPI), key_set(jwks(key)), FAPI).kid == "odd"


@pytest.fixture(scope="module")
def proper_tokens(ps256, es256):
    """Signed once: signatures differ from run to run, and a property must be repeatable."""
    return [key.sign({"iss": "me", "n": 1}) for key in (ps256, es256)]


@settings(max_examples=200)
@given(data=st.data())
def test_no_single_changed_character_survives(data, proper_tokens, ps256, es256):
    token = data.draw(st.sampled_from(proper_tokens))
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("ABCabc019-_.=+/ \n"))
    changed = token[:at] + other + token[at + 1 :]
    assume(changed != token)
    with pytest.raises(JoseRefused):
        verify(read(changed, FAPI), key_set(jwks(ps256, es256)), FAPI)


@settings(max_examples=100)
@given(signature=st.binary(max_size=70) | st.binary(min_size=64, max_size=64) | st.binary(min_size=256, max_size=256))
def test_no_random_signature_is_believed(signature, ps256, es256):
    for key in (ps256, es256):
        with pytest.raises(JoseRefused):
            verify(read(with_signature(key.sign({}), signature), FAPI), key_set(jwks(ps256, es256)), FAPI)
