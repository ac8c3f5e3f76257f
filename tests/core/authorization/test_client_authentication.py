"""Every gate of client authentication has a story that passes it and one that fails it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from as_stories import CLIENT_ID, KEY, SECRET, Story, hs256, market, play

from dcrgw.core.authorization import gates
from dcrgw.core.certificates.identity import CertificateKind
from dcrgw.core.checks import CATALOGUE, Gate
from dcrgw.core.jose.keys import key_set
from dcrgw.core.jose.reasons import JoseReason
from dcrgw.core.registration.client import ClientStatus
from dcrgw.core.registration.tokens import TokenGates
from dcrgw.errors import ErrorCode
from dcrgw.testkit import markets
from dcrgw.testkit.keys import SigningKey, jwks
from dcrgw.testkit.statements import NOW

METHODS = ("private_key_jwt", "client_secret_jwt", "client_secret_basic", "client_secret_post", "tls_client_auth")
STRANGER = markets.identity(subject=markets.subject(C="GB", O="OpenBanking", OU="another", CN="another"))


def claiming(**claims: object) -> Story:
    return Story(claims=claims)


def sending(assertion: str) -> Story:
    return Story(form={"client_assertion": assertion})


def headed(**header: object) -> Story:
    return Story(sign=lambda claims: KEY.sign(claims, header=header))


UNUSABLE = key_set(jwks({**KEY.public_jwk(), "use": "enc"}))
ES256 = SigningKey.generate("sig-1", "ES256")

JWS = {
    JoseReason.SIZE: sending("a" * 20_000),
    JoseReason.PARTS: sending("a.b"),
    JoseReason.BASE64URL: sending("e30=.e30.AAAA"),
    JoseReason.HEADER_JSON: sending("AAAA.e30.AAAA"),
    JoseReason.HEADER_MEMBER: headed(crit=["exp"]),
    JoseReason.ALGORITHM: headed(alg="none"),
    JoseReason.TYPE: headed(typ="at+jwt"),
    JoseReason.KID: Story(
        sign=lambda claims: KEY.sign(claims, header={"kid": None}),
        keys=key_set(jwks(KEY, SigningKey.generate("sig-2"))),
    ),
    JoseReason.KEY_UNKNOWN: headed(kid="unknown"),
    JoseReason.KEY_UNUSABLE: Story(keys=UNUSABLE),
    JoseReason.KEY_ALGORITHM: Story(keys=key_set(jwks(ES256))),
    JoseReason.SIGNATURE_FORM: Story(sign=lambda claims: KEY.sign(claims).rsplit(".", 1)[0] + ".AAAA"),
    JoseReason.SIGNATURE: Story(sign=SigningKey.generate("sig-1").sign),
    JoseReason.PAYLOAD_JSON: Story(sign=lambda _: KEY.sign_raw({"alg": "PS256", "kid": "sig-1"}, b"[]")),
}

#: Gate -> a story that fails it, and one that passes it where that is not the plain one.
CASES: dict[str, tuple[Story, Story]] = {
    gates.SINGLE.id: (Story(form={"client_secret": SECRET}), Story()),
    gates.PRESENT.id: (Story("client_secret_post", form={"client_id": None}), Story("client_secret_post")),
    gates.BASIC.id: (Story("client_secret_basic", authorization=("Basic AAAA",)), Story("client_secret_basic")),
    gates.KNOWN.id: (Story(known=False), Story()),
    gates.ACTIVE.id: (Story(client={"status": ClientStatus.SUSPENDED}), Story()),
    gates.HOLDER.id: (Story(identity=STRANGER), Story()),
    gates.OFFERED.id: (Story(market=market(auth_methods=("tls_client_auth",))), Story()),
    gates.REGISTERED.id: (Story(client={"members": {"token_endpoint_auth_method": "tls_client_auth"}}), Story()),
    gates.SECRET.id: (Story("client_secret_post", form={"client_secret": "wrong"}), Story("client_secret_post")),
    gates.CERTIFICATE_NAME.id: (
        Story("tls_client_auth", client={"members": {"tls_client_auth_subject_dn": "CN=another"}}),
        Story("tls_client_auth"),
    ),
    gates.ASSERTION_TYPE.id: (Story(form={"client_assertion_type": "saml2-bearer"}), Story()),
    gates.ASSERTION_KEYS.id: (
        Story(client={"members": {"jwks": {"keys": "none"}}}),
        Story(client={"members": {"jwks": {"keys": [KEY.public_jwk()]}}}),
    ),
    gates.ASSERTION_ISSUER.id: (claiming(iss="another"), Story()),
    gates.ASSERTION_SUBJECT.id: (Story(form={"client_id": "another"}), Story()),
    gates.ASSERTION_AUDIENCE.id: (claiming(aud="https://elsewhere.example/token"), Story()),
    gates.ASSERTION_EXP.id: (claiming(exp=NOW - 11, iat=NOW - 60, nbf=None), Story()),
    gates.ASSERTION_LIFETIME.id: (claiming(exp=NOW + 3_601), Story()),
    gates.ASSERTION_NBF.id: (claiming(nbf=NOW + 11), Story()),
    gates.ASSERTION_IAT.id: (claiming(iat=NOW + 11), Story()),
    gates.ASSERTION_JTI.id: (claiming(jti=7), Story()),
    **{gates.ASSERTION_JWS.gates[reason].id: (story, Story()) for reason, story in JWS.items()},
}
#: Stated by the flow: the registry knows what was used, and the wire's one no is no stage's.
OF_THE_FLOW = {gates.AUTHENTICATED.id, gates.ASSERTION_UNUSED.id}
#: Judged on a listener of their own, and played there: tests/gateway/test_self_signed_clients.py.
OF_SELF_SIGNED = {gates.SELF_SIGNED_LISTENER.id, gates.CERTIFICATE_KEYS.id, gates.CERTIFICATE_PUBLISHED.id}


def declared() -> Iterator[str]:
    for value in vars(gates).values():
        if isinstance(value, Gate):
            yield value.id
        elif isinstance(value, TokenGates):
            yield from (entry.id for entry in value.gates.values())


def test_the_table_knows_every_gate() -> None:
    assert set(CASES) | OF_THE_FLOW | OF_SELF_SIGNED == set(declared())


@pytest.mark.parametrize("gate_id", sorted(CASES))
def test_gate_passes_the_story_that_keeps_it(gate_id: str) -> None:
    ending = play(CASES[gate_id][1])
    assert ending.failed == set()
    assert gate_id in ending.passed
    assert ending.value is not None


@pytest.mark.parametrize("gate_id", sorted(CASES))
def test_gate_fails_the_story_that_breaks_it(gate_id: str) -> None:
    ending = play(CASES[gate_id][0])
    assert gate_id in ending.failed
    assert ending.value is None


def test_all_gates_but_the_shape_of_the_request_are_one_code() -> None:
    codes = {(entry.code, entry.status) for name in declared() if (entry := CATALOGUE[name]) is not gates.SINGLE}
    assert codes == {(ErrorCode.INVALID_CLIENT, 401)}


@pytest.mark.parametrize("method", METHODS)
def test_every_method_proves_its_client(method: str) -> None:
    ending = play(Story(method))
    assert ending.failed == set()
    assert ending.value is not None
    assert ending.value.method == method
    assert (ending.value.assertion is not None) == method.endswith("_jwt")


@pytest.mark.parametrize("shown", METHODS)
@pytest.mark.parametrize("registered", METHODS)
def test_no_method_stands_in_for_another(shown: str, registered: str) -> None:
    story = Story(shown, client={"members": {"token_endpoint_auth_method": registered}})
    assert (play(story).value is not None) == (shown == registered)


def test_a_secret_jwt_client_without_secret_is_nobody() -> None:
    unsealed = Story("client_secret_jwt", client={"secrets": {}}, sign=lambda claims: hs256(claims, ""))
    assert play(unsealed).failed == {"client.assertion.jws.key_unusable"}


@pytest.mark.parametrize("shown", [None, "", SECRET[:-1], SECRET + " ", SECRET.upper(), "é" * 36])
@pytest.mark.parametrize("kept", [{}, {"client_secret": ""}, {"client_secret": SECRET}])
def test_only_the_very_secret_is_the_secret(shown: str | None, kept: dict[str, str]) -> None:
    assert play(Story("client_secret_post", client={"secrets": kept}, form={"client_secret": shown})).value is None


def test_registered_algorithm_is_the_only_one() -> None:
    both = key_set(jwks(KEY, SigningKey("es", "ES256", ES256.private_key)))
    by_es256 = Story(sign=SigningKey("es", "ES256", ES256.private_key).sign, keys=both)
    assert play(by_es256).failed == set()
    fixed = {"members": {"token_endpoint_auth_signing_alg": "PS256"}}
    assert play(replace(by_es256, client=fixed)).failed == {"client.assertion.jws.algorithm"}
    assert play(Story(client=fixed)).failed == set()


def test_registered_algorithm_that_the_market_dropped_is_refused() -> None:
    fixed = {"members": {"token_endpoint_auth_signing_alg": "RS256"}}
    by_rs256 = Story(client=fixed, sign=SigningKey("sig-1", "RS256", KEY.private_key).sign)
    assert play(by_rs256).failed == {"client.assertion.jws.algorithm"}


def test_kid_may_be_absent_where_one_key_fits_the_algorithm() -> None:
    several = key_set(jwks(KEY, SigningKey("es", "ES256", ES256.private_key)))
    nameless = Story(sign=lambda claims: KEY.sign(claims, header={"kid": None}), keys=several)
    assert play(nameless).failed == set()


@pytest.mark.parametrize(
    "aud",
    ["https://bank.example", "https://bank.example/token", ["https://x.example", "https://bank.example"]],
)
def test_audience_may_be_issuer_or_token_endpoint(aud: object) -> None:
    assert play(claiming(aud=aud)).failed == set()


@pytest.mark.parametrize("aud", ["https://bank.example/", "https://bank.example/register", [], {}, 7, None, [7]])
def test_audience_that_is_not_ours_is_refused(aud: object) -> None:
    assert play(claiming(aud=aud)).failed == {"client.assertion.aud"}


def test_times_are_judged_with_leeway_and_inclusive_bounds() -> None:
    assert play(claiming(exp=NOW - 10, iat=None, nbf=None)).failed == set()
    assert play(claiming(nbf=NOW + 10, iat=NOW + 10)).failed == set()
    assert play(claiming(exp=NOW + 3_600)).failed == set()
    assert play(claiming(exp=NOW + 3_610, iat=None)).failed == set()
    assert play(claiming(exp=NOW + 3_611, iat=None)).failed == {"client.assertion.exp.lifetime"}
    assert play(claiming(exp=(NOW + 60) * 1000)).failed == {
        "client.assertion.exp.past",
        "client.assertion.exp.lifetime",
    }


def test_assertion_is_remembered_until_it_could_not_come_again() -> None:
    value = play(claiming(exp=NOW + 60, jti="once")).value
    assert value is not None
    assert value.assertion is not None
    assert (value.assertion.jti, value.assertion.expires_at) == ("once", NOW + 70)


def test_subject_dn_is_compared_as_the_profile_says() -> None:
    spelled = {"members": {"tls_client_auth_subject_dn": markets.identity().subject_dn.lower().replace(",", ", ")}}
    assert play(Story("tls_client_auth", client=spelled)).failed == set()
    part = {"members": {"tls_client_auth_subject_dn": f"CN={markets.identity().common_name}"}}
    assert play(Story("tls_client_auth", client=part)).failed == {gates.CERTIFICATE_NAME.id}
    subset = market()
    subset = replace(subset, profile=subset.profile.with_policy({"dn_match": "subset"}))
    assert play(Story("tls_client_auth", client=part, market=subset)).failed == set()


def test_certificate_is_compared_by_what_its_kind_names() -> None:
    obwac = markets.identity(
        CertificateKind.OBWAC,
        subject=markets.subject(C="GB", organizationIdentifier="PSDGB-FCA-900001", CN="0015800000TPPAAAA1"),
    )
    other = replace(obwac, common_name="0015800000OTHERAA1")
    assert gates.HOLDER.id in play(Story(identity=other)).failed
    nobody = replace(obwac, kind=CertificateKind.OTHER)
    assert gates.HOLDER.id in play(Story(identity=nobody)).failed


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic ",
        "Basic !",
        "Bearer AAAA",
        "Basic OnNlY3JldA==",
        "Basic aWQ6",
        "Basic  a b",
        "Basic aWQ6JXp6",
        "Basic aaa\u017f",
        "Basic aa\u212a=",
    ],
)
def test_header_that_is_no_basic_pair_is_refused(header: str) -> None:
    ending = play(Story("client_secret_basic", authorization=(header,)))
    assert ending.failed == {gates.BASIC.id}


def test_basic_may_repeat_the_same_client_id_and_no_other() -> None:
    assert play(Story("client_secret_basic", form={"client_id": CLIENT_ID})).failed == set()
    assert play(Story("client_secret_basic", form={"client_id": "another"})).failed == {gates.BASIC.id}


def test_two_authorization_headers_are_too_many() -> None:
    story = Story("client_secret_basic", authorization=("Basic aWQ6cw==", "Basic aWQ6cw=="))
    assert play(story).failed == {gates.SINGLE.id}
