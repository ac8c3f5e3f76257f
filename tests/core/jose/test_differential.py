"""Two other implementations as witnesses: what we sign they believe, and what we believe they believe."""

import json

import pytest
from joserfc import jws as joserfc_jws
from joserfc.jwk import ECKey, RSAKey
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS

from dcrgw.core.jose import signing
from dcrgw.core.jose.keys import key_set
from dcrgw.core.jose.reader import JosePolicy, claims, read
from dcrgw.core.jose.verification import verify
from dcrgw.testkit.keys import SigningKey, jwks

ALGORITHMS = ["PS256", "PS384", "PS512", "RS256", "ES256", "ES384", "ES512"]
CLAIMS = {"iss": "OpenBanking Ltd", "software_roles": ["AISP"], "name": "Société"}


def jwcrypto_reads(token: str, jwk: dict, alg: str) -> bytes:
    jws = JWS()
    jws.allowed_algs = [alg]
    jws.deserialize(token, JWK(**jwk))
    return jws.payload


def joserfc_reads(token: str, jwk: dict, alg: str) -> bytes:
    kind = RSAKey if jwk["kty"] == "RSA" else ECKey
    return joserfc_jws.deserialize_compact(token, kind.import_key(jwk), algorithms=[alg]).payload


@pytest.fixture(params=ALGORITHMS)
def key(request, ps256) -> SigningKey:
    if request.param.startswith("ES"):
        return SigningKey.generate("k", request.param)
    return SigningKey("k", request.param, ps256.private_key)


def ours_reads(token: str, key: SigningKey) -> bytes:
    policy = JosePolicy(frozenset({key.alg}))
    unproven = read(token, policy)
    verify(unproven, key_set(jwks(key)), policy)
    return unproven.payload


@pytest.mark.parametrize("witness", [jwcrypto_reads, joserfc_reads])
def test_what_we_sign_the_witness_believes(key, witness):
    for token in (
        signing.sign(CLAIMS, key=key.private_key, alg=key.alg, kid="k"),
        key.sign(CLAIMS),
    ):
        assert json.loads(witness(token, key.public_jwk(), key.alg)) == CLAIMS
        assert witness(token, key.public_jwk(), key.alg) == ours_reads(token, key)


def test_what_jwcrypto_signs_we_believe(key):
    jws = JWS(json.dumps(CLAIMS))
    jws.allowed_algs = [key.alg]
    jws.add_signature(JWK.from_pyca(key.private_key), alg=key.alg, protected=json.dumps({"alg": key.alg, "kid": "k"}))
    assert claims(ours_reads(jws.serialize(compact=True), key)) == CLAIMS


def test_what_joserfc_signs_we_believe(key):
    kind = RSAKey if key.public_jwk()["kty"] == "RSA" else ECKey
    token = joserfc_jws.serialize_compact(
        {"alg": key.alg, "kid": "k"}, json.dumps(CLAIMS), kind.import_key(key.pem), algorithms=[key.alg]
    )
    assert claims(ours_reads(token, key)) == CLAIMS


def test_thumbprints_are_jwcryptos(key):
    assert key_set(jwks(key)).keys["k"].thumbprint == JWK(**key.public_jwk()).thumbprint()
