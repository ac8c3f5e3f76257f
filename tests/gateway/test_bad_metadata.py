"""Client metadata that is wrong: redirect URIs, scopes, grants, methods, algorithms, keys, names."""

from __future__ import annotations

from typing import Any

import pytest
from town import Town
from wrongs import META, RED, UNA, Wrong, is_refused, sent

from dcrgw.config.model import Settings

pytestmark = pytest.mark.asyncio(loop_scope="module")

_FORM = ("rules.redirect_uris.form",)
_SUBSET = ("rules.redirect_uris.subset",)
_LOOPBACK = ("rules.redirect_uris.loopback",)
_GOOD = "https://tpp.example/cb"
_KEY = {"keys": [{"kty": "RSA", "kid": "a", "n": "AQAB", "e": "AQAB"}]}


def edit(text: str) -> str:
    """The sandbox's statements are taken, which no production bank would do by itself."""
    policy = "statement_environments = []"
    return text if policy in text else text.replace("policy = { ", f"policy = {{ {policy}, ")


def adjust(settings: Settings) -> Settings:
    """A bank in production, where loopback redirects are refused; its directory stays on this machine."""
    return settings.model_copy(update={"environment": "production"})


def _signed(line: int, sends: str, uri: str, checks: tuple[str, ...] = _FORM) -> Wrong:
    """A redirect URI that even the directory's signature does not make good."""
    return Wrong(line, sends, RED, checks, {"software_redirect_uris": [uri]}, {"redirect_uris": [uri]})


def _unsigned(line: int, sends: str, uri: str, checks: tuple[str, ...] = _SUBSET) -> Wrong:
    """A redirect URI beside those of the statement."""
    return Wrong(line, sends, RED, checks, asked={"redirect_uris": [_GOOD, uri]})


def _meta(line: int, sends: str, *checks: str, **asked: Any) -> Wrong:
    return Wrong(line, sends, META, checks, asked=asked)


REDIRECTS = (
    _signed(61, "http", "http://tpp.example/cb"),
    _signed(62, "localhost, to a bank in production", "https://localhost/cb", _LOOPBACK),
    _signed(62, "a name below localhost, to a bank in production", "https://tpp.localhost/cb", _LOOPBACK),
    _signed(62, "127.0.0.1, to a bank in production", "https://127.0.0.1/cb", _LOOPBACK),
    _signed(62, "another address of 127/8, to a bank in production", "https://127.9.9.9/cb", _LOOPBACK),
    _signed(62, "the any-address, to a bank in production", "https://0.0.0.0/cb", _LOOPBACK),
    _signed(62, "::1, to a bank in production", "https://[::1]/cb", _LOOPBACK),
    _signed(62, "::ffff:127.0.0.1, to a bank in production", "https://[::ffff:127.0.0.1]/cb", _LOOPBACK),
    _signed(62, "an address in hexadecimal", "https://0x7f.1/cb"),
    _signed(62, "an address as one number", "https://2130706433/cb"),
    _signed(63, "a fragment", "https://tpp.example/cb#a"),
    _signed(63, "an empty fragment", "https://tpp.example/cb#"),
    _signed(64, "a user name", "https://good@evil.example/cb"),
    _signed(65, "a wildcard host", "https://*.tpp.example/cb"),
    _signed(65, "a wildcard in the path", "https://tpp.example/*"),
    _signed(65, "an encoded wildcard", "https://tpp.example/%2a"),
    _signed(66, "letters outside ASCII in the host", "https://tpр.example/cb"),
    _unsigned(66, "an IDN of similar letters", "https://xn--tp-gnc.example/cb"),
    _unsigned(66, "an upper-case host", "https://TPP.example/cb"),
    _unsigned(66, "a host with a trailing dot", "https://tpp.example./cb", (*_FORM, *_SUBSET)),
    _signed(67, "a dot segment", "https://tpp.example/cb/../evil"),
    _signed(67, "a dot segment with a parameter", "https://tpp.example/cb/..;/evil"),
    _signed(67, "an encoded dot segment", "https://tpp.example/%2e%2e/evil"),
    _signed(67, "a backslash", "https://tpp.example\\@evil.example/cb"),
    _signed(67, "a tab", "https://tpp.example/\tcb"),
    _signed(67, "a line feed", "https://tpp.example/cb\n"),
    _signed(67, "a NUL", "https://tpp.example/cb\0"),
    _signed(67, "a port beyond 65535", "https://tpp.example:99999/cb"),
    _signed(67, "an empty port", "https://tpp.example:/cb"),
    _unsigned(67, "two slashes", "https://tpp.example//cb"),
    _unsigned(67, "the default port written out", "https://tpp.example:443/cb"),
    _signed(68, "javascript:", "javascript:alert(1)"),
    _signed(68, "data:", "data:text/html,x"),
    _signed(68, "file:", "file:///etc/passwd"),
    _signed(68, "a private scheme for a web client", "com.example.app:/cb"),
    _signed(68, "no scheme", "//tpp.example/cb"),
    _signed(68, "no host", "https:///cb"),
    _unsigned(69, "one that the statement does not hold", "https://tpp.example/other"),
    _unsigned(71, "a query in other letter case", "https://tpp.example/cb?A=b"),
    Wrong(70, "1 000 redirect URIs", RED, ("rules.redirect_uris.sizes",), asked={"redirect_uris": [_GOOD] * 1_000}),
    Wrong(70, "one of 8 KiB", RED, ("rules.redirect_uris.sizes",), asked={"redirect_uris": [_GOOD + "a" * 8_192]}),
    Wrong(70, "an empty one", RED, ("rules.redirect_uris.sizes",), asked={"redirect_uris": [""]}),
    Wrong(70, "an empty list", RED, ("rules.redirect_uris.present",), asked={"redirect_uris": []}),
    Wrong(70, "a string in place of a list", RED, ("rules.redirect_uris.types",), asked={"redirect_uris": _GOOD}),
    Wrong(70, "a list with a number", RED, ("rules.redirect_uris.types",), asked={"redirect_uris": [1]}),
)

METADATA = (
    Wrong(
        72,
        "`scope` beyond the software's roles",
        META,
        ("rules.scope.within_roles",),
        {"software_roles": ["AISP"]},
        {"scope": "openid payments"},
    ),
    _meta(72, "`scope` that nobody knows", "rules.scope.known", "rules.scope.within_roles", scope="openid nonsense"),
    _meta(72, "`scope` with a word twice", "rules.scope.form", scope="openid accounts accounts"),
    _meta(72, "`scope` with a tab", "rules.metadata.characters", scope="openid\taccounts"),
    _meta(
        72,
        "`scope` with two blanks",
        "rules.scope.form",
        "rules.scope.known",
        "rules.scope.within_roles",
        scope="openid  accounts",
    ),
    _meta(72, "`scope` of 10 kB", "rules.metadata.sizes", scope="openid " + "a" * 10_000),
    _meta(72, "`scope` empty", "rules.metadata.sizes", scope=""),
    _meta(72, "`scope` without openid, for an ID token", "rules.scope.openid", scope="accounts"),
    _meta(72, "`scope` as a list", "rules.metadata.types", scope=["openid"]),
    _meta(72, "no `scope`", "rules.metadata.required", scope=None),
    _meta(
        73, "`grant_types` with password", "rules.grant_types.offered", grant_types=["authorization_code", "password"]
    ),
    _meta(
        73, "`grant_types` with implicit", "rules.grant_types.offered", grant_types=["authorization_code", "implicit"]
    ),
    _meta(73, "`grant_types` empty", "rules.grant_types.offered", "rules.grant_types.consistent", grant_types=[]),
    _meta(
        73,
        "no `grant_types`",
        "rules.metadata.required",
        "rules.grant_types.offered",
        "rules.grant_types.consistent",
        grant_types=None,
    ),
    _meta(73, "`grant_types` as a string", "rules.metadata.types", grant_types="authorization_code"),
    _meta(
        73,
        "`response_types` token",
        "rules.response_types.offered",
        "rules.grant_types.consistent",
        response_types=["token"],
    ),
    _meta(73, "`response_types` without the grant", "rules.grant_types.consistent", grant_types=["client_credentials"]),
    _meta(
        76,
        "`authorization_details_types` that the bank has not",
        "rules.authorization_details_types.supported",
        authorization_details_types=["payment_initiation"],
    ),
    _meta(73, "`token_endpoint_auth_method` none", "rules.auth_method.offered", token_endpoint_auth_method="none"),
    _meta(
        73,
        "`token_endpoint_auth_method` that this bank does not offer",
        "rules.auth_method.offered",
        token_endpoint_auth_method="self_signed_tls_client_auth",
    ),
    _meta(
        73,
        "no `token_endpoint_auth_method`",
        "rules.metadata.required",
        "rules.auth_method.offered",
        token_endpoint_auth_method=None,
    ),
    _meta(
        73,
        "`private_key_jwt` without `token_endpoint_auth_signing_alg`",
        "rules.auth_method.algorithm_named",
        token_endpoint_auth_method="private_key_jwt",
    ),
    _meta(73, "`application_type` unknown", "rules.application_type.offered", application_type="desktop"),
    _meta(75, "`id_token_signed_response_alg` none", "rules.algorithms.signing", id_token_signed_response_alg="none"),
    _meta(75, "`id_token_signed_response_alg` HS256", "rules.algorithms.signing", id_token_signed_response_alg="HS256"),
    _meta(75, "`id_token_signed_response_alg` RS256", "rules.algorithms.signing", id_token_signed_response_alg="RS256"),
    _meta(75, "no `id_token_signed_response_alg`", "rules.metadata.required", id_token_signed_response_alg=None),
    _meta(75, "`request_object_signing_alg` none", "rules.algorithms.signing", request_object_signing_alg="none"),
    _meta(
        75,
        "`token_endpoint_auth_signing_alg` RS256",
        "rules.algorithms.client_auth",
        token_endpoint_auth_method="private_key_jwt",
        token_endpoint_auth_signing_alg="RS256",
    ),
    _meta(
        76,
        "`tls_client_auth_subject_dn` of another certificate",
        "rules.tls_client_auth.presented",
        tls_client_auth_subject_dn="CN=another,O=OpenBanking,C=GB",
    ),
    _meta(
        76,
        "`tls_client_auth_subject_dn` that is no name",
        "rules.tls_client_auth.presented",
        tls_client_auth_subject_dn="another",
    ),
    _meta(
        76,
        "`tls_client_auth_subject_dn` of 200 characters",
        "rules.tls_client_auth.form",
        "rules.tls_client_auth.presented",
        tls_client_auth_subject_dn="CN=" + "a" * 197,
    ),
    _meta(76, "no `tls_client_auth_subject_dn`", "rules.tls_client_auth.one_name", tls_client_auth_subject_dn=None),
    _meta(77, "`jwks_uri` that is not the statement's", "rules.jwks.of_statement", jwks_uri="https://tpp.example/keys"),
    _meta(78, "`jwks` by value", "rules.jwks.by_value", jwks=_KEY),
    _meta(
        78,
        "`jwks` and `jwks_uri`",
        "rules.jwks.one_source",
        "rules.jwks.by_value",
        "rules.jwks.of_statement",
        jwks=_KEY,
        jwks_uri="https://tpp.example/keys",
    ),
    _meta(
        81, "`client_name` with a bidirectional character", "rules.metadata.characters", client_name="Bank\u202eknab"
    ),
    _meta(81, "`client_name` with a NUL", "rules.metadata.characters", client_name="Bank\0"),
    _meta(81, "`policy_uri` javascript:", "rules.metadata.urls", policy_uri="javascript:alert(1)"),
    _meta(81, "`logo_uri` with http", "rules.metadata.urls", logo_uri="http://tpp.example/logo.png"),
    _meta(81, "`contacts` as a string", "rules.metadata.types", contacts="ops@tpp.example"),
    Wrong(
        82,
        "a statement of another organisation and software",
        UNA,
        ("rules.identity.software", "rules.identity.organisation"),
        {"software_id": "another", "org_id": "another"},
        {"iss": "another", "software_id": "another"},
    ),
)

_CIBA = {
    "grant_types": ["authorization_code", "refresh_token", "urn:openid:params:grant-type:ciba"],
    "backchannel_token_delivery_mode": "ping",
    "backchannel_client_notification_endpoint": "https://tpp.example/notified",
    "backchannel_authentication_request_signing_alg": "PS256",
}


def _ciba(sends: str, check: str, **changes: Any) -> Wrong:
    return Wrong(73, sends, META, (check,), asked={**_CIBA, **changes}, market="uk-3.3")


CIBA = (
    _ciba("CIBA by push", "rules.ciba.delivery_mode", backchannel_token_delivery_mode="push"),
    _ciba(
        "CIBA by ping without an endpoint",
        "rules.ciba.notification_endpoint",
        backchannel_client_notification_endpoint=None,
    ),
    _ciba("CIBA without an algorithm", "rules.ciba.signing", backchannel_authentication_request_signing_alg=None),
    _ciba("CIBA with user codes", "rules.ciba.user_code", backchannel_user_code_parameter_supported=True),
    Wrong(73, "CIBA where the market has none", META, ("rules.grant_types.offered",), asked=_CIBA),
)


def _generic(line: int, sends: str, error: Any, *checks: str, ssa: dict[str, Any] | None = None, **asked: Any) -> Wrong:
    return Wrong(line, sends, error, checks, ssa or {}, asked, market="generic")


GENERIC_METADATA = (
    _generic(
        61,
        "http",
        RED,
        "rules.redirect_uris.form",
        "rules.redirect_uris.subset",
        redirect_uris=["http://tpp.example/cb"],
    ),
    _generic(
        69,
        "one that the statement does not hold",
        RED,
        "rules.redirect_uris.subset",
        redirect_uris=["https://tpp.example/other"],
    ),
    _generic(
        68,
        "javascript: for a native client",
        RED,
        "rules.redirect_uris.form",
        ssa={"redirect_uris": ["javascript:alert(1)"]},
        redirect_uris=["javascript:alert(1)"],
        application_type="native",
    ),
    _generic(
        73,
        "`grant_types` with password",
        META,
        "rules.grant_types.offered",
        grant_types=["authorization_code", "password"],
    ),
    _generic(
        73,
        "`response_types` token",
        META,
        "rules.response_types.offered",
        "rules.grant_types.consistent",
        response_types=["token"],
    ),
    _generic(
        73, "`token_endpoint_auth_method` none", META, "rules.auth_method.offered", token_endpoint_auth_method="none"
    ),
    _generic(
        75, "`id_token_signed_response_alg` none", META, "rules.algorithms.signing", id_token_signed_response_alg="none"
    ),
    _generic(
        75,
        "`id_token_encrypted_response_enc` alone",
        META,
        "rules.algorithms.encryption",
        id_token_encrypted_response_enc="A128GCM",
    ),
    _generic(
        77,
        "`jwks_uri` that is not the statement's",
        META,
        "rules.jwks.of_statement",
        jwks_uri="https://tpp.example/keys",
    ),
    _generic(
        78,
        "`jwks` and `jwks_uri`",
        META,
        "rules.jwks.one_source",
        "rules.jwks.of_statement",
        jwks=_KEY,
        jwks_uri="https://tpp.example/keys",
    ),
    _generic(
        78,
        "`jwks` with a private key",
        META,
        "rules.jwks.public",
        jwks={"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB", "d": "AQAB"}]},
    ),
    _generic(
        78,
        "`private_key_jwt` without a key set",
        META,
        "rules.jwks.present",
        ssa={"jwks_uri": None},
        token_endpoint_auth_method="private_key_jwt",
    ),
    _generic(78, "`jwks` without keys", META, "rules.jwks.public", jwks={}),
    _generic(
        78,
        "`private_key_jwt` with a `jwks_uri` that no statement names",
        META,
        "rules.jwks.vouched",
        ssa={"jwks_uri": None},
        token_endpoint_auth_method="private_key_jwt",
        jwks_uri="https://tpp.example/keys",
    ),
    _generic(
        78,
        "`private_key_jwt` with a `jwks` of one RSA key of 17 bits",
        META,
        "rules.jwks.usable",
        ssa={"jwks_uri": None},
        token_endpoint_auth_method="private_key_jwt",
        jwks=_KEY,
    ),
    _generic(
        81,
        "`client_name` with a bidirectional character",
        META,
        "rules.metadata.characters",
        client_name="Bank\u202eknab",
    ),
    _generic(81, "`client_name#ja` as a number", META, "rules.metadata.types", **{"client_name#ja": 1}),
    _generic(81, "`policy_uri` javascript:", META, "rules.metadata.urls", policy_uri="javascript:alert(1)"),
    _generic(73, "`default_max_age` negative", META, "rules.metadata.types", default_max_age=-1),
    _generic(73, "`require_auth_time` as a string", META, "rules.metadata.types", require_auth_time="true"),
    _generic(
        76,
        "`tls_client_auth` without a name",
        META,
        "rules.tls_client_auth.one_name",
        token_endpoint_auth_method="tls_client_auth",
    ),
    _generic(73, "`subject_type` unknown", META, "rules.subject_type.known", subject_type="secret"),
)


@pytest.mark.parametrize("wrong", [*REDIRECTS, *METADATA, *CIBA, *GENERIC_METADATA], ids=str)
async def test_metadata_that_asks_for_too_much_is_refused(warm_town: Town, wrong: Wrong) -> None:
    await is_refused(warm_town, wrong, await sent(warm_town, wrong))


async def test_a_member_twice_in_a_redirect_list_and_a_signed_odd_path_are_taken_as_they_are(warm_town: Town) -> None:
    uri = "https://tpp.example:443//cb?A=b"
    statement = await warm_town.statement(software_redirect_uris=[uri])
    reply = await warm_town.post(warm_town.key().sign(warm_town.claims(statement, redirect_uris=[uri])).encode())
    assert (reply.status, reply.body["redirect_uris"]) == (201, [uri])


async def test_a_subject_dn_is_compared_by_its_meaning(warm_town: Town) -> None:
    dn = warm_town.index()["transport_subject_dn"]
    spelled = dn.replace("CN=", "2.5.4.3=").replace("OU=", "ou=")
    assert spelled != dn
    assert (await warm_town.post(await warm_town.body(tls_client_auth_subject_dn=spelled))).status == 201
    reversed_dn = ",".join(reversed(dn.split(",")))
    wrong = _meta(76, "", "rules.tls_client_auth.presented", tls_client_auth_subject_dn=reversed_dn)
    await is_refused(warm_town, wrong, await sent(warm_town, wrong))


async def test_markup_in_a_name_is_kept_as_text(warm_town: Town) -> None:
    name = "<script>alert(1)</script>"
    reply = await warm_town.post(await warm_town.body("generic", client_name=name, software_statement=None), "generic")
    assert (reply.status, reply.body["client_name"]) == (201, name)
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
