"""Rules beyond one case a check: identity, scopes, names, algorithms, keys."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from registration_cases import asking, plain, with_ciba
from registration_pipeline import Story, play

from dcrgw.core.certificates.identity import CertificateKind
from dcrgw.core.checks import Verdict
from dcrgw.core.registration import rules
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.testkit import markets
from dcrgw.testkit.statements import ORG_ID, SOFTWARE_ID

OBWAC = markets.identity(
    CertificateKind.OBWAC,
    subject=markets.subject(C="GB", O="Example", organizationIdentifier="PSDGB-FCA-900001", CN=ORG_ID),
)
QWAC = markets.identity(
    CertificateKind.QWAC,
    subject=markets.subject(C="GB", O="Example", organizationIdentifier="PSDGB-FCA-900001", CN="tpp.example"),
)
PRIVATE_KEY_JWT = {"token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "PS256"}


def test_obwac_names_the_organisation_and_no_software() -> None:
    ending = play(Story(identity=OBWAC, request=PRIVATE_KEY_JWT))
    assert ending.failed == {}
    assert ending.verdicts["rules.identity.software"] is Verdict.SKIPPED
    assert ending.verdicts["rules.identity.organisation"] is Verdict.PASSED


def test_obwac_of_another_organisation_is_unapproved() -> None:
    foreign = replace(OBWAC, common_name="0015800000OTHERAA1")
    assert set(play(Story(identity=foreign, request=PRIVATE_KEY_JWT)).failed) == {"rules.identity.organisation"}


def test_qwac_is_tied_by_the_regulators_registration() -> None:
    assert play(Story(identity=QWAC, request=PRIVATE_KEY_JWT)).failed == {}


@pytest.mark.parametrize(
    "identifier",
    [None, "", "PSDGB-FCA-900002", "PSDDE-FCA-900001", "PSDGB-BOE-900001", "PSDGB-FCA-", "900001", "PSDGB-FC-A900001"],
)
def test_qwac_of_another_registration_is_unapproved(identifier: str | None) -> None:
    foreign = replace(QWAC, organization_identifier=identifier)
    assert "rules.identity.organisation" in play(Story(identity=foreign, request=PRIVATE_KEY_JWT)).failed


def test_qwac_is_unapproved_where_the_statement_has_no_active_registration() -> None:
    story = Story(identity=QWAC, statement={"organisation_competent_authority_claims": None}, request=PRIVATE_KEY_JWT)
    assert "rules.identity.organisation" in play(story).failed


def test_certificate_of_the_same_software_in_another_organisation_is_unapproved() -> None:
    identity = markets.identity(subject=markets.subject(C="GB", OU="0015800000OTHERAA1", CN=SOFTWARE_ID))
    failed = play(Story(identity=identity, request=PRIVATE_KEY_JWT)).failed
    assert set(failed) == {"rules.identity.organisation"}
    assert "OTHERAA1" not in failed["rules.identity.organisation"].description


@pytest.mark.parametrize("common_name", [SOFTWARE_ID.lower(), SOFTWARE_ID + " ", " " + SOFTWARE_ID, ""])
def test_common_name_is_compared_exactly(common_name: str) -> None:
    identity = replace(markets.identity(), common_name=common_name)
    assert "rules.identity.software" in play(Story(identity=identity)).failed


@pytest.mark.parametrize(
    ("scope", "failed"),
    [
        ("openid accounts", set()),
        ("openid", set()),
        ("openid account", {"rules.scope.known", "rules.scope.within_roles"}),
        ("openid accountspayments", {"rules.scope.known", "rules.scope.within_roles"}),
        ("openid Accounts", {"rules.scope.known", "rules.scope.within_roles"}),
        ("openid accounts accounts", {"rules.scope.form"}),
        ("openid fundsconfirmations", {"rules.scope.within_roles"}),
        (" openid accounts", {"rules.scope.form", "rules.scope.known", "rules.scope.within_roles"}),
        ('openid "accounts"', {"rules.scope.form", "rules.scope.known", "rules.scope.within_roles"}),
    ],
)
def test_scopes_are_whole_words_within_the_roles(scope: str, failed: set[str]) -> None:
    assert set(play(asking(scope=scope)).failed) == failed


def test_scope_that_is_too_long_is_refused() -> None:
    assert "rules.metadata.sizes" in play(asking(scope="openid " + "a" * 10_000)).failed


@pytest.mark.parametrize("scope", [["openid"], 1, None])
def test_scope_that_is_no_string_is_refused(scope: Any) -> None:
    story = asking(scope=scope) if scope is not None else plain(scope=[None])
    assert "rules.metadata.types" in play(story).failed


def test_withdrawn_role_bars_only_the_scopes_that_need_it() -> None:
    claims = {"status": "active", "authorisations": [{"member_state": "GB", "roles": ["AISP"]}]}
    statement = {"organisation_competent_authority_claims": claims}
    assert play(Story(statement=statement, request={"scope": "openid accounts"})).failed == {}
    assert set(play(Story(statement=statement)).failed) == {"rules.scope.authorised"}


def test_authorisation_of_another_member_state_does_not_count() -> None:
    claims = {"authorisations": [{"member_state": "DE", "roles": ["AISP", "PISP"]}]}
    story = Story(statement={"organisation_competent_authority_claims": claims})
    assert "rules.scope.authorised" in play(story).failed


@pytest.mark.parametrize("grants", [["password"], ["implicit", "authorization_code"], [], ["AUTHORIZATION_CODE"]])
def test_grant_type_outside_the_profile_is_refused(grants: list[str]) -> None:
    assert "rules.grant_types.offered" in play(asking(grant_types=grants)).failed


@pytest.mark.parametrize("types", [["token"], ["id_token"], ["code token"], ["none"], ["code", "id_token token"]])
def test_response_type_outside_the_profile_is_refused(types: list[str]) -> None:
    assert "rules.response_types.offered" in play(asking(response_types=types)).failed


def test_authorization_code_without_a_response_type_is_inconsistent() -> None:
    assert set(play(asking(response_types=[])).failed) == {"rules.grant_types.consistent"}


@pytest.mark.parametrize(
    ("grant", "refusing", "taking"),
    [
        ("urn:openid:params:grant-type:ciba", "obuk-3.2", "obuk-3.3"),
        ("urn:ietf:params:oauth:grant-type:jwt-bearer", "obuk-3.3", "obuk-3.4"),
    ],
)
def test_grant_comes_with_its_version(grant: str, refusing: str, taking: str) -> None:
    story = with_ciba(grant_types=["authorization_code", grant])
    assert "rules.grant_types.offered" in play(replace(story, profile=refusing)).failed
    assert play(replace(story, profile=taking)).failed == {}


def test_auth_method_must_be_one_that_the_bank_offers() -> None:
    story = Story(market={"auth_methods": ("private_key_jwt",)})
    assert "rules.auth_method.offered" in play(story).failed


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS256", "ps256", "", "PS512"])
@pytest.mark.parametrize("member", ["id_token_signed_response_alg", "request_object_signing_alg"])
def test_algorithm_outside_the_profile_is_refused(member: str, algorithm: str) -> None:
    failed = play(asking(**{member: algorithm})).failed
    assert failed.keys() & {"rules.algorithms.signing", "rules.metadata.sizes"}


def test_client_secret_jwt_is_signed_by_the_secret() -> None:
    secret = {"token_endpoint_auth_method": "client_secret_jwt", "token_endpoint_auth_signing_alg": "HS256"}
    assert play(asking(**secret)).failed == {}
    secret["token_endpoint_auth_signing_alg"] = "HS512"
    assert set(play(asking(**secret)).failed) == {"rules.algorithms.client_auth"}


DN = f"CN={SOFTWARE_ID},OU={ORG_ID},O=OpenBanking,C=GB"


@pytest.mark.parametrize(
    "dn",
    [
        DN,
        DN.replace(",", ", "),
        DN.lower(),
        DN.replace("OU=", "2.5.4.11="),
        DN.replace("O=OpenBanking", "O=Open\\42anking"),
    ],
)
def test_subject_dn_is_compared_by_meaning(dn: str) -> None:
    assert play(asking(tls_client_auth_subject_dn=dn)).failed == {}


@pytest.mark.parametrize(
    "dn", [",".join(reversed(DN.split(","))), f"CN={SOFTWARE_ID}", "CN=", "nonsense", "=x", "CN=\\zz"]
)
def test_another_subject_dn_is_refused(dn: str) -> None:
    assert "rules.tls_client_auth.presented" in play(asking(tls_client_auth_subject_dn=dn)).failed


def test_subset_match_lets_a_renewed_name_differ() -> None:
    dn = f"CN={SOFTWARE_ID},C=GB"
    assert "rules.tls_client_auth.presented" in play(asking(tls_client_auth_subject_dn=dn)).failed
    story = Story(policy={"dn_match": "subset"}, request={"tls_client_auth_subject_dn": dn})
    assert play(story).failed == {}


@pytest.mark.parametrize("dn", [f"C=GB,CN={SOFTWARE_ID}", DN.replace(",", ", "), "CN=" + "a" * 510])
def test_subject_dn_of_version_3_4_begins_with_cn_and_has_no_blank(dn: str) -> None:
    story = Story(profile="obuk-3.4", request={"tls_client_auth_subject_dn": dn})
    assert "rules.tls_client_auth.form" in play(story).failed


def test_escaped_comma_may_be_followed_by_a_blank_in_version_3_4() -> None:
    identity = markets.identity(subject=markets.subject(OU=ORG_ID, O="Example, Ltd", CN=SOFTWARE_ID))
    dn = f"CN={SOFTWARE_ID},O=Example\\, Ltd,OU={ORG_ID}"
    story = Story(profile="obuk-3.4", identity=identity, request={"tls_client_auth_subject_dn": dn})
    assert play(story).failed == {}


TLS = {"token_endpoint_auth_method": "tls_client_auth"}


@pytest.mark.parametrize(
    "names",
    [
        {},
        {"tls_client_auth_subject_dn": DN, "tls_client_auth_san_dns": "tpp.example"},
        {"tls_client_auth_san_uri": "https://tpp.example", "tls_client_auth_san_dns": "tpp.example"},
    ],
)
def test_tls_client_auth_needs_exactly_one_of_five(names: dict[str, str]) -> None:
    assert "rules.tls_client_auth.one_name" in play(plain(**TLS, **names)).failed


@pytest.mark.parametrize(
    ("name", "value", "known"),
    [
        ("tls_client_auth_san_dns", "TPP.example", True),
        ("tls_client_auth_san_dns", "other.example", False),
        ("tls_client_auth_san_uri", "https://tpp.example/a", True),
        ("tls_client_auth_san_uri", "https://TPP.example/a", False),
        ("tls_client_auth_san_ip", "192.0.2.1", False),
        ("tls_client_auth_san_email", "a@tpp.example", False),
    ],
)
def test_alternative_name_is_looked_up_in_the_certificate(name: str, value: str, known: bool) -> None:
    identity = markets.identity(san_dns=("tpp.example",), san_uris=("https://tpp.example/a",))
    failed = play(replace(plain(**TLS, **{name: value}), identity=identity)).failed
    assert ("rules.tls_client_auth.presented" not in failed) is known


@pytest.mark.parametrize(
    "jwks", [{}, {"keys": {}}, {"keys": []}, {"keys": [1]}, {"keys": [{"kty": "oct"}]}, {"keys": [{}]}]
)
def test_jwks_that_is_no_set_of_public_keys_is_refused(jwks: dict[str, Any]) -> None:
    assert "rules.jwks.public" in play(plain(jwks=jwks)).failed


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_private_member_in_a_jwks_is_refused(member: str) -> None:
    assert "rules.jwks.public" in play(plain(jwks={"keys": [{"kty": "RSA", member: "AAAA"}]})).failed


def test_metadata_that_a_script_changed_is_judged_by_the_same_rules() -> None:
    registration = play(Story()).registration
    assert registration is not None
    widened = ClientMetadata({**registration.metadata.members, "redirect_uris": ["https://evil.example/cb"]})
    failures = rules.judge(replace(registration, metadata=widened)).failures
    assert [f.check.id for f in failures] == ["rules.redirect_uris.subset"]


def test_all_faults_of_the_rules_are_answered_together() -> None:
    failed = play(asking(scope="openid admin", redirect_uris=["https://evil.example"], grant_types=["password"])).failed
    assert {"rules.scope.known", "rules.redirect_uris.subset", "rules.grant_types.offered"} <= set(failed)


def test_ciba_client_that_polls_needs_no_endpoint() -> None:
    story = with_ciba(backchannel_token_delivery_mode="poll", backchannel_client_notification_endpoint=None)
    assert play(story).failed == {}
