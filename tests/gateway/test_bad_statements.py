"""Software statements that the directory signed and that say what they must not: each refused, with the right words."""

from __future__ import annotations

import pytest
from town import Town
from wrongs import ISS, META, UNA, Wrong, ago, is_refused, sent

from dcrgw.testkit.statements import NULL

pytestmark = pytest.mark.asyncio(loop_scope="module")

_DAY = 86_400
_KNOWN = ("statement.iss.known",)
_REQUIRED = ("statement.claims.required",)
_SOFTWARE_ID = ("statement.software_id.form",)
_URIS = ("statement.redirect_uris.form",)
_KEYS = ("statement.jwks_endpoint.allowed",)
_PSD2 = {"authority_id": "FCAGBR", "registration_id": "1", "status": "Active"}
_SCIM = frozenset({"token", "scim"})


def edit(text: str) -> str:
    """The market uk-3.3 is a bank that takes production statements of live software only."""
    before, uk33, after = text.partition('name = "uk-3.3"')
    policy = '{ statement_environments = ["production"], statement_modes = ["live"], '
    return before + uk33 + (after if policy in after else after.replace("policy = { ", f"policy = {policy}", 1))


UK_STATEMENTS = (
    Wrong(44, "`exp` in the past", ISS, ("statement.exp.past",), {"exp": ago(60)}),
    Wrong(44, "`exp` as a string", ISS, ("statement.exp.past",), {"exp": "9999999999"}),
    Wrong(25, "`exp` as `true`", ISS, ("statement.exp.past",), {"exp": True}),
    Wrong(25, "`exp` in milliseconds", ISS, ("statement.exp.past",), {"exp": 1_900_000_000_000}),
    Wrong(45, "`iat` in the future", ISS, ("statement.iat.future",), {"iat": ago(-3600)}),
    Wrong(25, "`iat` as a string", ISS, ("statement.iat.future", "statement.iat.age"), {"iat": "1700000000"}),
    Wrong(46, "`nbf` in the future", ISS, ("statement.nbf.future",), {"nbf": ago(-3600)}),
    Wrong(47, "`iat` older than the market allows", ISS, ("statement.iat.age",), {"iat": ago(31 * _DAY)}),
    Wrong(47, "no `iat`", ISS, (*_REQUIRED, "statement.iat.future", "statement.iat.age"), {"iat": None}),
    Wrong(48, "`iss` of an unknown directory", ISS, _KNOWN, {"iss": "Nobody Ltd"}),
    Wrong(48, "`iss` with a trailing blank", ISS, _KNOWN, {"iss": "OpenBanking Ltd "}),
    Wrong(48, "`iss` in other letter case", ISS, _KNOWN, {"iss": "openbanking ltd"}),
    Wrong(48, "`iss` as a list", ISS, _KNOWN, {"iss": ["OpenBanking Ltd"]}),
    Wrong(48, "no `iss`", ISS, _KNOWN, {"iss": None}),
    Wrong(
        49,
        "`software_environment` and `software_mode` that the bank does not take",
        ISS,
        ("statement.environment.taken", "statement.mode.taken"),
        market="uk-3.3",
    ),
    Wrong(51, "`org_status` Revoked", UNA, ("statement.org_status.active",), {"org_status": "Revoked"}),
    Wrong(51, "`org_status` Withdrawn", UNA, ("statement.org_status.active",), {"org_status": "Withdrawn"}),
    Wrong(
        51,
        "`software_roles` without the role that the scope needs",
        META,
        ("rules.scope.within_roles",),
        {"software_roles": ["AISP"]},
    ),
    Wrong(
        51,
        "authorisations without the role that the scope needs",
        UNA,
        ("rules.scope.authorised",),
        {
            "organisation_competent_authority_claims": {
                **_PSD2,
                "authorisations": [{"member_state": "GB", "roles": ["AISP"]}],
            }
        },
    ),
    Wrong(
        51,
        "authorisations that are withdrawn",
        UNA,
        ("rules.scope.authorised",),
        {
            "organisation_competent_authority_claims": {
                **_PSD2,
                "status": "Withdrawn",
                "authorisations": [{"member_state": "GB", "roles": ["AISP", "PISP"]}],
            }
        },
    ),
    Wrong(
        51,
        "authorisations of another member state",
        UNA,
        ("rules.scope.authorised",),
        {
            "organisation_competent_authority_claims": {
                **_PSD2,
                "authorisations": [{"member_state": "FR", "roles": ["AISP", "PISP"]}],
            }
        },
    ),
    Wrong(
        51,
        "`software_roles` that the directory does not list for the software",
        UNA,
        ("standing.roles.held",),
        {"software_roles": ["AISP", "PISP", "CBPII"]},
        asks=_SCIM,
    ),
    Wrong(52, "no `software_id`", ISS, _REQUIRED, {"software_id": None}),
    Wrong(52, "`software_id` null", ISS, _REQUIRED, {"software_id": NULL}),
    Wrong(52, "`software_id` empty", ISS, _SOFTWARE_ID, {"software_id": ""}),
    Wrong(52, "`software_id` of 200 characters", ISS, _SOFTWARE_ID, {"software_id": "a" * 200}),
    Wrong(52, "`software_id` with a slash", ISS, _SOFTWARE_ID, {"software_id": "../../etc"}),
    Wrong(52, "`software_id` with a line feed", ISS, _SOFTWARE_ID, {"software_id": "4NRB1\n"}),
    Wrong(52, "`software_id` with a NUL", ISS, _SOFTWARE_ID, {"software_id": "4NRB1\0x"}),
    Wrong(
        52,
        "`software_id` as a number",
        ISS,
        ("statement.claims.types", "statement.software_id.form"),
        {"software_id": 1},
    ),
    Wrong(53, "no `software_redirect_uris`", ISS, _REQUIRED, {"software_redirect_uris": None}),
    Wrong(53, "`software_redirect_uris` as a string", ISS, _URIS, {"software_redirect_uris": "https://tpp.example/cb"}),
    Wrong(53, "`software_redirect_uris` with a number", ISS, _URIS, {"software_redirect_uris": [1, 2]}),
    Wrong(53, "`software_redirect_uris` with an empty string", ISS, _URIS, {"software_redirect_uris": [""]}),
    Wrong(53, "`software_redirect_uris` with 10 000 entries", ISS, _URIS, {"software_redirect_uris": ["x"] * 10_000}),
    Wrong(
        54,
        "`org_id` of another organisation than the certificate's",
        UNA,
        ("rules.identity.organisation",),
        {"org_id": "0015800000OTHERAAA"},
    ),
    Wrong(
        54,
        "`software_id` of another software than the certificate's",
        UNA,
        ("rules.identity.software",),
        {"software_id": "4NRB10XZABZI9E65SM3R00"},
        {"iss": "4NRB10XZABZI9E65SM3R00", "software_id": "4NRB10XZABZI9E65SM3R00"},
    ),
    Wrong(54, "`org_id` with a slash", ISS, ("statement.org_id.form",), {"org_id": "../001580"}),
    Wrong(54, "no `org_id`", ISS, _REQUIRED, {"org_id": None}),
    Wrong(55, "`software_client_name` as an object", ISS, ("statement.claims.types",), {"software_client_name": {}}),
    Wrong(55, "`software_roles` as a string", ISS, ("statement.roles.form",), {"software_roles": "AISP"}),
    Wrong(55, "`software_roles` with a number", ISS, ("statement.roles.form",), {"software_roles": [1]}),
    Wrong(
        55,
        "`organisation_competent_authority_claims` as a string",
        ISS,
        ("statement.authorities.form",),
        {"organisation_competent_authority_claims": "FCA"},
    ),
    Wrong(
        55,
        "a `software_statement` inside the statement",
        ISS,
        ("statement.nested.absent",),
        {"software_statement": "a.b.c"},
    ),
    Wrong(56, "`aud` of another bank", ISS, ("statement.aud.ours",), {"aud": "https://other.example"}),
    Wrong(56, "`aud` as a number", ISS, ("statement.aud.ours",), {"aud": 1}),
    Wrong(16, "`software_jwks_endpoint` with http", META, _KEYS, {"software_jwks_endpoint": "http://localhost/keys"}),
    Wrong(
        16,
        "`software_jwks_endpoint` on a host that is not the directory's",
        META,
        _KEYS,
        {"software_jwks_endpoint": "https://tpp.example/keys.jwks"},
    ),
    Wrong(
        16,
        "`software_jwks_endpoint` on a private address",
        META,
        _KEYS,
        {"software_jwks_endpoint": "https://169.254.169.254/latest"},
    ),
    Wrong(
        16,
        "`software_jwks_endpoint` with a user name",
        META,
        _KEYS,
        {"software_jwks_endpoint": "https://localhost@tpp.example/keys"},
    ),
    Wrong(16, "no `software_jwks_endpoint`", ISS, _REQUIRED, {"software_jwks_endpoint": None}),
    Wrong(
        16,
        "`software_jwks_endpoint` as a list",
        ISS,
        ("statement.claims.types", *_KEYS),
        {"software_jwks_endpoint": ["https://localhost/keys"]},
    ),
)

_OTHER = {"market": "generic"}

GENERIC_STATEMENTS = (
    Wrong(44, "`exp` in the past", ISS, ("statement.exp.past",), {"exp": ago(60)}, **_OTHER),
    Wrong(45, "`iat` in the future", ISS, ("statement.iat.future",), {"iat": ago(-3600)}, **_OTHER),
    Wrong(46, "`nbf` in the future", ISS, ("statement.nbf.future",), {"nbf": ago(-3600)}, **_OTHER),
    Wrong(48, "`iss` of an unknown directory", ISS, _KNOWN, {"iss": "https://nobody.example"}, **_OTHER),
    Wrong(48, "no `iss`", ISS, _KNOWN, {"iss": None}, **_OTHER),
    Wrong(51, "`org_status` Revoked", UNA, ("statement.org_status.active",), {"org_status": "Revoked"}, **_OTHER),
    Wrong(52, "no `software_id`", ISS, _REQUIRED, {"software_id": None}, **_OTHER),
    Wrong(52, "`software_id` of 300 characters", ISS, _SOFTWARE_ID, {"software_id": "a" * 300}, **_OTHER),
    Wrong(52, "`software_id` with a slash", ISS, _SOFTWARE_ID, {"software_id": "../../etc"}, **_OTHER),
    Wrong(53, "`redirect_uris` as a string", ISS, _URIS, {"redirect_uris": "https://tpp.example/cb"}, **_OTHER),
    Wrong(53, "`redirect_uris` with 10 000 entries", ISS, _URIS, {"redirect_uris": ["x"] * 10_000}, **_OTHER),
    Wrong(54, "`org_id` with a slash", ISS, ("statement.org_id.form",), {"org_id": "../001580"}, **_OTHER),
    Wrong(55, "`client_name` as an object", ISS, ("statement.claims.types",), {"client_name": {}}, **_OTHER),
    Wrong(55, "`software_roles` as a string", ISS, ("statement.roles.form",), {"software_roles": "AISP"}, **_OTHER),
    Wrong(
        55,
        "a `software_statement` inside the statement",
        ISS,
        ("statement.nested.absent",),
        {"software_statement": "a.b.c"},
        **_OTHER,
    ),
    Wrong(56, "`aud` of another bank", ISS, ("statement.aud.ours",), {"aud": "https://other.example"}, **_OTHER),
    Wrong(16, "`jwks_uri` with http", META, _KEYS, {"jwks_uri": "http://tpp.example/keys"}, **_OTHER),
    Wrong(16, "`jwks_uri` with a user name", META, _KEYS, {"jwks_uri": "https://a@tpp.example/keys"}, **_OTHER),
)


@pytest.mark.parametrize("wrong", [*UK_STATEMENTS, *GENERIC_STATEMENTS], ids=str)
async def test_a_statement_that_says_what_it_must_not_is_refused(warm_town: Town, wrong: Wrong) -> None:
    await is_refused(warm_town, wrong, await sent(warm_town, wrong))
