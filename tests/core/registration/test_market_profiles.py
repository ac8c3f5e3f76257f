"""What each market beside the UK's later versions says otherwise, by values alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from registration_pipeline import BRCAC, Story, australia, brazil, play

from dcrgw.core.certificates.identity import CertificateKind
from dcrgw.core.registration import roles
from dcrgw.errors import ErrorCode
from dcrgw.testkit import markets
from dcrgw.testkit.statements import BRAZIL_ORG_ID, BRAZIL_SOFTWARE_ID, CDR_SCOPE, NOW

ALL_OF_DADOS_AND_PAGTO = (
    "accounts consents credit-cards-accounts customers financings invoice-financings loans openid payments resources "
    "unarranged-accounts-overdraft"
)


def old(**changes: Any) -> Story:
    """A good registration of OB UK 3.1."""
    return Story(profile="obuk-3.1", request={"token_endpoint_auth_signing_alg": "PS256", **changes})


@pytest.mark.parametrize("story", [brazil(), australia(), old()], ids=["brazil", "australia", "uk-3.1"])
def test_a_good_registration_passes(story: Story) -> None:
    ending = play(story)
    assert ending.failed == {}
    assert ending.metadata is not None


def assert_refused(story: Story, *checks: str) -> None:
    ending = play(story)
    assert ending.metadata is None
    assert set(checks) <= ending.failed.keys(), ending.failed


def registered(story: Story) -> dict[str, Any]:
    ending = play(story)
    assert ending.failed == {}
    assert ending.metadata is not None
    return dict(ending.metadata.members)


def test_an_omitted_scope_is_all_that_the_roles_allow() -> None:
    assert registered(brazil())["scope"] == ALL_OF_DADOS_AND_PAGTO
    assert registered(brazil(statement={"roles": ["PAGTO"]}))["scope"] == "openid payments"
    holder = brazil(statement={"roles": ["CONTA"]}, standing={"software_roles": frozenset({"CONTA"})})
    assert registered(holder)["scope"] == "openid"
    assert registered(brazil(scope="payments openid"))["scope"] == "payments openid"
    assert registered(old(scope=None))["scope"] == "accounts openid payments"


def test_a_role_that_is_not_active_gives_no_scope() -> None:
    given = [{"role": "PAGTO", "status": "Active"}, {"role": "DADOS", "status": "Inactive"}]
    assert registered(brazil(statement={"software_statement_roles": given}))["scope"] == "openid payments"
    assert_refused(
        brazil(scope="openid accounts", statement={"software_statement_roles": given}), "rules.scope.within_roles"
    )


@pytest.mark.parametrize(
    ("story", "check"),
    [
        (brazil(redirect_uris=None), "rules.metadata.required"),
        (brazil(token_endpoint_auth_method=None), "rules.metadata.required"),
        (brazil(jwks={"keys": []}), "rules.jwks.by_value"),
        (brazil(jwks_uri="https://localhost:9443/other.jwks"), "rules.jwks.of_statement"),
        (brazil(token_endpoint_auth_method="client_secret_basic"), "rules.auth_method.offered"),
        (brazil(token_endpoint_auth_signing_alg="ES256"), "rules.algorithms.client_auth"),
        (brazil(id_token_signed_response_alg="ES256"), "rules.algorithms.signing"),
        (
            brazil(id_token_encrypted_response_alg="RSA-OAEP-256", id_token_encrypted_response_enc="A256GCM"),
            "rules.algorithms.encryption",
        ),
        (brazil(redirect_uris=["https://tpp.example/other"]), "rules.redirect_uris.subset"),
        (brazil(webhook_uris=["https://tpp.example/" + "w" * 255]), "rules.webhook_uris.form"),
        (brazil(webhook_uris="https://tpp.example/hook"), "rules.webhook_uris.form"),
        (brazil(statement={"iat": NOW - 320}), "statement.iat.age"),
        (brazil(statement={"iss": "OpenBanking Ltd", "software_id": "4Zq1"}), "statement.software_id.form"),
        (brazil(statement={"software_statement_roles": ["DADOS"]}), "statement.roles.form"),
        (brazil(statement={"org_status": "Inactive"}), "statement.org_status.active"),
        (brazil(standing={"software_roles": frozenset({"DADOS"})}), "standing.roles.held"),
        (brazil(standing={"found": False}), "standing.software.found"),
        (brazil(standing={"organisation_active": False}), "standing.organisation.active"),
        (australia(token_endpoint_auth_method="tls_client_auth"), "rules.auth_method.offered"),
        (australia(token_endpoint_auth_signing_alg=None), "rules.metadata.required"),
        (australia(aud="0015800000BANKAAA1"), "request.aud.ours"),
        (australia(iss="another"), "request.iss.software"),
        (australia(response_types=["code id_token"]), "rules.response_types.members"),
        (australia(application_type="native"), "rules.application_type.offered"),
        (australia(authorization_encrypted_response_enc="A256GCM"), "rules.algorithms.encryption"),
        (australia(redirect_uris=["https://TPP.example/cb"]), "rules.redirect_uris.subset"),
        (australia(statement={"exp": NOW - 20}), "statement.exp.past"),
        (australia(statement={"exp": None}), "statement.claims.required"),
        (australia(statement={"jti": None}), "statement.claims.required"),
        (australia(statement={"software_roles": ["data-recipient-software-product"]}), "statement.roles.form"),
        (australia(statement={"jwks_uri": "https://tpp.example/jwks"}), "statement.jwks_endpoint.allowed"),
        (australia(standing={"software_active": False}), "standing.software.active"),
        (old(token_endpoint_auth_signing_alg=None), "rules.metadata.required"),
        (old(token_endpoint_auth_method="client_secret_jwt"), "rules.auth_method.offered"),
        (old(scope=["openid", "accounts payments"]), "rules.metadata.types"),
        (old(scope=["openid", 1]), "rules.metadata.types"),
    ],
)  # fmt: skip
def test_what_a_market_does_not_take_is_refused(story: Story, check: str) -> None:
    assert_refused(story, check)


def test_a_certificate_must_be_of_the_statements_software_and_organisation() -> None:
    other = "00000000-0000-4000-8000-000000000000"
    subject = {"organizationIdentifier": f"OFBBR-{BRAZIL_ORG_ID}", "UID": BRAZIL_SOFTWARE_ID, "CN": "tpp.example"}
    for changes, check in (
        ({"UID": other}, "rules.identity.software"),
        ({"organizationIdentifier": f"OFBBR-{other}"}, "rules.identity.organisation"),
        ({"organizationIdentifier": BRAZIL_ORG_ID}, "rules.identity.organisation"),
    ):
        shown = markets.identity(CertificateKind.BRCAC, subject=markets.subject(**{**subject, **changes}))
        assert_refused(brazil(identity=shown), check)
    assert_refused(brazil(identity=markets.identity()), "rules.identity.kind")


@pytest.mark.parametrize(
    "dn",
    [
        f"CN=tpp.example,UID={BRAZIL_SOFTWARE_ID},organizationIdentifier=OFBBR-{BRAZIL_ORG_ID}",
        f"CN=tpp.example,UID={BRAZIL_SOFTWARE_ID},2.5.4.97=#0C2A{f'OFBBR-{BRAZIL_ORG_ID}'.encode().hex().upper()}",
        f"CN=tpp.example,UID={BRAZIL_SOFTWARE_ID},2.5.4.97=#132a{f'OFBBR-{BRAZIL_ORG_ID}'.encode().hex()}",
        f"cn=TPP.example, 0.9.2342.19200300.100.1.1={BRAZIL_SOFTWARE_ID}, OID.2.5.4.97=OFBBR-{BRAZIL_ORG_ID}",
    ],
)
def test_a_brazilian_subject_is_the_same_in_every_spelling(dn: str) -> None:
    method = {"token_endpoint_auth_method": "tls_client_auth", "token_endpoint_auth_signing_alg": None}
    assert registered(brazil(**method, tls_client_auth_subject_dn=dn))["tls_client_auth_subject_dn"] == dn
    turned = ",".join(reversed(dn.split(",")))
    assert_refused(brazil(**method, tls_client_auth_subject_dn=turned), "rules.tls_client_auth.presented")
    assert BRCAC.uid == BRAZIL_SOFTWARE_ID


def test_australia_registers_what_the_register_signed() -> None:
    asked = {"scope": "openid admin", "client_name": "Another", "jwks_uri": "https://attacker.example/jwks", "jwks": 1}
    members = registered(australia(**asked, unheard="dropped"))
    assert members["scope"] == CDR_SCOPE
    assert members["client_name"] == "Example Budgets App"
    assert members["jwks_uri"].startswith("https://localhost:9443/")
    assert not {"jwks", "unheard"} & members.keys()


def test_australia_leaves_out_scopes_that_it_does_not_have() -> None:
    members = registered(australia(statement={"scope": "openid energy:billing:read cdr:registration"}))
    assert members["scope"] == "openid cdr:registration"


def test_an_encryption_algorithm_alone_means_its_default_encoding() -> None:
    members = registered(australia(authorization_encrypted_response_alg="RSA-OAEP"))
    assert members["authorization_encrypted_response_enc"] == "A128CBC-HS256"
    encrypted = {"id_token_encrypted_response_alg": "RSA-OAEP", "id_token_encrypted_response_enc": "A256GCM"}
    assert registered(australia(response_types=["code id_token"], **encrypted))["response_types"] == ["code id_token"]
    # What the response type needs must be said: the default does not say it.
    alone = australia(response_types=["code id_token"], id_token_encrypted_response_alg="RSA-OAEP")
    assert_refused(alone, "rules.response_types.members")


def test_a_software_may_host_its_keys_where_the_bank_lets_it() -> None:
    directories = {"primary": markets.directory(software_jwks_hosts=frozenset({"*"}))}
    story = australia(
        statement={"jwks_uri": "https://tpp.example/jwks"},
        market={"directories": directories},
    )
    assert registered(story)["jwks_uri"] == "https://tpp.example/jwks"


def test_the_oldest_version_has_its_own_names() -> None:
    dn = "CN=4Zq1m8TnS8xQe7YtB0bK9a,OU=0015800000TPPAAAA1,O=OpenBanking,C=GB"
    members = registered(old(tls_client_auth_subject_dn=None, tls_client_auth_dn=dn, scope=["openid", "accounts"]))
    assert members["tls_client_auth_subject_dn"] == dn
    assert members["scope"] == "openid accounts"
    assert_refused(replace(old(tls_client_auth_dn="CN=another"), market={}), "rules.tls_client_auth.presented")


@pytest.mark.parametrize(
    ("form", "claim", "expected"),
    [
        ("words", None, frozenset()),
        ("words", ["A", "B"], frozenset("AB")),
        ("words", "A", None),
        ("words", [""], None),
        ("words", ["A"] * 51, None),
        ("word", "A", frozenset("A")),
        ("word", ["A"], None),
        ("word", "", None),
        ("assignments", [{"role": "A", "status": "ACTIVE"}, {"role": "B", "status": "Revoked"}], frozenset("A")),
        ("assignments", [{"role": "A"}], None),
        ("assignments", [{"role": ["A"], "status": "Active"}], None),
        ("assignments", [[]], None),
        ("assignments", {"role": "A", "status": "Active"}, None),
    ],
)
def test_roles_are_read_in_the_markets_form(form: str, claim: Any, expected: frozenset[str] | None) -> None:
    assert roles.read(form, claim) == expected


def test_webhooks_have_a_code_of_their_own() -> None:
    ending = play(brazil(webhook_uris=["ftp://tpp.example"]))
    assert ending.failed["rules.webhook_uris.form"].fault.code is ErrorCode.INVALID_WEBHOOK_URIS
