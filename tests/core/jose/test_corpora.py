"""The public vectors: exactly the expected verdicts, by our own refusals only."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS

from dcrgw.core.jose.keys import KeySetUnusable, key_set
from dcrgw.core.jose.reader import JosePolicy, read
from dcrgw.core.jose.reasons import JoseRefused
from dcrgw.core.jose.verification import verify

CORPORA = Path(os.environ.get("DCRGW_CORPORA", Path(__file__).resolve().parents[4] / "shared" / "corpora"))
WYCHEPROOF = CORPORA / "wycheproof"
COOKBOOK = CORPORA / "jose-cookbook" / "jws"
PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi"}
POLICIES = {
    "fapi": JosePolicy(frozenset({"PS256", "ES256"})),
    "ob_legacy": JosePolicy(frozenset({"PS256", "ES256", "RS256"})),
}

pytestmark = pytest.mark.skipif(
    not WYCHEPROOF.is_dir(), reason="the corpora are not beside the project (DCRGW_CORPORA)"
)


def vectors(name: str) -> Iterator[tuple[str, bytes, dict]]:
    """(token, published keys, the vector) of every case; a group's lone key is published as a set of one."""
    for group in json.loads((WYCHEPROOF / f"{name}_test.json").read_bytes())["testGroups"]:
        published = group.get("public") or group["private"]
        document = published if "keys" in published else {"keys": [published]}
        for case in group["tests"]:
            token = case["jws"] if "jws" in case else case["jwe"]
            yield token if isinstance(token, str) else json.dumps(token), json.dumps(document).encode(), case


def verdict(token: str, document: bytes, policy: JosePolicy) -> str:
    try:
        verify(read(token, policy), key_set(document), policy)
    except (JoseRefused, KeySetUnusable):
        return "reject"
    return "accept"


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", ["json_web_signature", "json_web_key", "json_web_crypto"])
def test_wycheproof_verdicts_are_exactly_the_expected_ones(name, policy):
    expected = json.loads((WYCHEPROOF / "expected_gateway_verdicts.json").read_bytes())[name][policy]
    judged = {str(case["tcId"]): verdict(token, document, POLICIES[policy]) for token, document, case in vectors(name)}
    assert {tc_id: judged[tc_id] for tc_id in expected} == expected
    # The cases without a verdict are encryption: none of them passes a door for signatures.
    assert {judged[tc_id] for tc_id in judged.keys() - expected.keys()} <= {"reject"}


def test_what_we_believe_jwcrypto_believes():
    policy = POLICIES["ob_legacy"]
    believed = 0
    for token, document, _ in vectors("json_web_signature"):
        if verdict(token, document, policy) == "accept":
            jws = JWS()
            jws.deserialize(token, JWK(**json.loads(document)["keys"][0]))
            believed += 1
    assert believed == 16


@pytest.mark.parametrize(
    ("file", "alg"),
    [
        ("4_1.rsa_v15_signature.json", "RS256"),
        ("4_2.rsa-pss_signature.json", "PS384"),
        ("4_3.ecdsa_signature.json", "ES512"),
    ],
)
def test_the_cookbooks_signatures_are_believed(file, alg):
    example = json.loads((COOKBOOK / file).read_bytes())
    published = {name: value for name, value in example["input"]["key"].items() if name not in PRIVATE_MEMBERS}
    policy = JosePolicy(frozenset({alg}))
    proof = verify(
        read(example["output"]["compact"], policy), key_set(json.dumps({"keys": [published]}).encode()), policy
    )
    assert proof.kid == published["kid"]
