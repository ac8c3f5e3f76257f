"""What a registration request says."""

import pytest

from dcrgw.core.jose.keys import key_set
from dcrgw.core.jose.reader import JosePolicy, claims, read
from dcrgw.core.jose.reasons import JoseRefused
from dcrgw.core.jose.verification import verify
from dcrgw.testkit.keys import SigningKey, jwks
from dcrgw.tpp import requests
from dcrgw.tpp.requests import LEAVE_OUT, Wish

DIRECTORY = SigningKey.generate("dir-1", "ES256")
DN = "CN=sw-1,OU=org-1,O=OpenBanking,C=GB"


def statement(**changes) -> requests.Statement:
    said = {
        "software_id": "sw-1",
        "software_roles": ["AISP", "PISP"],
        "software_redirect_uris": ["https://tpp.example/cb"],
        **changes,
    }
    return requests.statement(DIRECTORY.sign(said))


def asked(wish: Wish = Wish(audience="bank"), *, subject_dn: str | None = DN, **changes):  # noqa: B008
    return requests.claims(
        statement(**changes), wish, alg="PS256", subject_dn=subject_dn, now=1_795_000_000.9, jti="j-1"
    )


def test_a_request_is_drawn_from_its_statement():
    proven = statement()
    made = requests.claims(proven, Wish(audience="bank"), alg="PS256", subject_dn=DN, now=1_795_000_000.9, jti="j-1")
    assert made == {
        "iss": "sw-1",
        "aud": "bank",
        "iat": 1_795_000_000,
        "exp": 1_795_000_300,
        "jti": "j-1",
        "software_id": "sw-1",
        "software_statement": proven.token.text,
        "redirect_uris": ["https://tpp.example/cb"],
        "token_endpoint_auth_method": "tls_client_auth",
        "tls_client_auth_subject_dn": DN,
        "grant_types": ["client_credentials", "authorization_code", "refresh_token"],
        "response_types": ["code id_token"],
        "application_type": "web",
        "scope": "openid accounts payments",
        "id_token_signed_response_alg": "PS256",
        "request_object_signing_alg": "PS256",
    }


def test_what_is_said_wins():
    made = asked(Wish("bank", ("https://tpp.example/other",), "openid", "private_key_jwt"))
    assert made["redirect_uris"] == ["https://tpp.example/other"]
    assert made["scope"] == "openid"
    assert made["token_endpoint_auth_method"] == "private_key_jwt"
    assert made["token_endpoint_auth_signing_alg"] == "PS256"
    assert "tls_client_auth_subject_dn" not in made


def test_claims_replace_add_and_leave_out_last_of_all():
    made = asked(Wish("bank", claims={"iss": "another", "exp": None, "x": [1], "jti": LEAVE_OUT, "absent": LEAVE_OUT}))
    assert (made["iss"], made["exp"], made["x"]) == ("another", None, [1])
    assert made.keys().isdisjoint({"jti", "absent"})


@pytest.mark.parametrize(
    ("roles", "scope"),
    [
        (["PISP", "AISP"], "openid accounts payments"),
        (["CBPII"], "openid fundsconfirmations"),
        ([], "openid"),
        (None, "openid"),
        ("AISP", "openid"),
        (["ASPSP", 7], "openid"),
    ],
)
def test_the_scope_is_what_the_roles_are_for(roles, scope):
    assert asked(software_roles=roles)["scope"] == scope


def test_a_statement_of_plain_rfc_7591_is_drawn_from_too():
    plain = requests.statement(DIRECTORY.sign({"redirect_uris": ["https://tpp.example/cb"], "scope": "openid"}))
    made = requests.plain(plain, Wish(), alg="PS256", subject_dn=None)
    assert made["redirect_uris"] == ["https://tpp.example/cb"]
    assert made["scope"] == "openid"
    assert made["software_statement"] == plain.token.text
    assert made.keys().isdisjoint({"iss", "aud", "exp", "jti", "tls_client_auth_subject_dn"})


def test_a_plain_request_needs_no_statement():
    made = requests.plain(None, Wish(redirect_uris=("https://a/cb",)), alg="PS256", subject_dn=None)
    assert made["redirect_uris"] == ["https://a/cb"]
    assert "software_statement" not in made


def test_the_signature_is_one_that_a_bank_believes():
    key = SigningKey.generate("sig-1", "ES256")
    body = requests.signed(asked(), key=key.private_key, kid="sig-1", alg="ES256")
    policy = JosePolicy(frozenset({"ES256"}))
    token = read(body, policy)
    assert verify(token, key_set(jwks(key)), policy).kid == "sig-1"
    assert claims(token.payload) == asked() | {"software_statement": claims(token.payload)["software_statement"]}


@pytest.mark.parametrize("text", ["", "a.b.c", "e30.e30.AA", DIRECTORY.sign_raw({"alg": "ES256"}, b"[]")])
def test_what_is_no_statement_is_refused(text):
    with pytest.raises(JoseRefused):
        requests.statement(text)


def test_a_statement_of_any_algorithm_and_without_kid_is_read():
    assert requests.statement(DIRECTORY.sign({"a": 1}, header={"kid": None, "typ": "JOSE"})).claims == {"a": 1}
