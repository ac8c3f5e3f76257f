from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from dcrgw.core.jose.keys import key_set
from dcrgw.core.jose.publishing import public_jwk, thumbprint

RSA = rsa.generate_private_key(65_537, 2048).public_key()
EC = ec.generate_private_key(ec.SECP256R1()).public_key()


@pytest.mark.parametrize(("key", "alg"), [(RSA, "PS256"), (EC, "ES256")])
def test_published_key_is_one_that_others_verify_with(key, alg: str) -> None:
    jwk = public_jwk(key, alg)
    assert (jwk["kid"], jwk["use"], jwk["alg"]) == (thumbprint(key), "sig", alg)
    assert not {"d", "p", "q", "dp", "dq", "qi"} & jwk.keys()
    found = key_set(json.dumps({"keys": [jwk]}).encode())
    assert found.keys[jwk["kid"]].algorithms == {alg}


@pytest.mark.parametrize(("key", "alg"), [(RSA, "ES256"), (EC, "PS256"), (EC, "ES384"), (RSA, "none")])
def test_key_is_published_for_its_own_algorithms_only(key, alg: str) -> None:
    with pytest.raises(ValueError, match="not one for"):
        public_jwk(key, alg)
