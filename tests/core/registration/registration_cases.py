"""For every check of core/registration one story that passes it and one that fails it."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import NamedTuple

from faulty_tokens import SIGNERS, unusable_keys
from registration_pipeline import DIRECTORY_KEY, SOFTWARE_KEY, Story, australia, brazil

from dcrgw.core.certificates.identity import CertificateKind
from dcrgw.core.jose.keys import key_set
from dcrgw.core.jose.reasons import JoseReason
from dcrgw.core.registration.authorities import Authorisation
from dcrgw.core.registration.members import CIBA_GRANT
from dcrgw.errors import ErrorCode
from dcrgw.testkit import markets
from dcrgw.testkit.certificates import self_signed
from dcrgw.testkit.statements import NOW, ORG_ID, SOFTWARE_ID, rfc7591_request_claims

META = ErrorCode.INVALID_CLIENT_METADATA
RED = ErrorCode.INVALID_REDIRECT_URI
ISS = ErrorCode.INVALID_SOFTWARE_STATEMENT
UNA = ErrorCode.UNAPPROVED_SOFTWARE_STATEMENT


BY_CERTIFICATE = {"certificate_roles_limit_scopes": True}


class Case(NamedTuple):
    code: ErrorCode
    failing: Story
    passing: Story = Story()


def asking(**changes: object) -> Story:
    return Story(request=changes)


def saying(**changes: object) -> Story:
    return Story(statement=changes)


def standing(**changes: object) -> Story:
    return Story(standing=changes)


def plain(**changes: object) -> Story:
    """A plain RFC 7591 request without a statement."""
    body = json.dumps(rfc7591_request_claims(**changes)).encode()
    return Story(profile="rfc7591", media_type="application/json", body=body)


def with_ciba(**changes: object) -> Story:
    members: dict[str, object] = {
        "grant_types": ["authorization_code", CIBA_GRANT],
        "backchannel_token_delivery_mode": "ping",
        "backchannel_client_notification_endpoint": "https://tpp.example/notified",
        "backchannel_authentication_request_signing_alg": "PS256",
        "backchannel_user_code_parameter_supported": False,
    }
    return Story(profile="obuk-3.3", request={**members, **changes})


PRIVATE_KEY_JWT = {"token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "PS256"}
PUBLIC = {"keys": [SOFTWARE_KEY.public_jwk()]}
OWN_CERTIFICATE = self_signed("tpp", key=SOFTWARE_KEY.private_key)
CERTIFIED = {"keys": [SOFTWARE_KEY.public_jwk(kid=None, x5c=[b64encode(OWN_CERTIFICATE.der).decode()])]}
UNNAMED = {"keys": [SOFTWARE_KEY.public_jwk(kid=None)]}
PRIVATE = {"keys": [SOFTWARE_KEY.public_jwk(d="AAAA")]}

REQUEST_SHAPE = {
    "request.shape.media_type": Case(META, Story(media_type="text/plain")),
    "request.shape.json": Case(META, Story(profile="rfc7591", media_type="application/json", body=b"[]"), plain()),
    "request.shape.statement": Case(META, asking(software_statement=None)),
}

REQUEST_JWS = {
    **{f"request.jws.{reason}": Case(META, Story(sign_request=signer)) for reason, signer in SIGNERS.items()},
    f"request.jws.{JoseReason.KEY_UNUSABLE}": Case(META, Story(software_keys=key_set(unusable_keys(SOFTWARE_KEY)))),
}

STATEMENT_JWS = {
    **{f"statement.jws.{reason}": Case(ISS, Story(sign_statement=signer)) for reason, signer in SIGNERS.items()},
    f"statement.jws.{JoseReason.KEY_UNUSABLE}": Case(ISS, Story(directory_keys=key_set(unusable_keys(DIRECTORY_KEY)))),
}

STATEMENT = {
    "statement.iss.known": Case(ISS, saying(iss="OpenBanking Ltd ")),
    "statement.nested.absent": Case(ISS, saying(software_statement="e30.e30.AA")),
    "statement.claims.required": Case(ISS, saying(software_jwks_endpoint=None)),
    "statement.claims.types": Case(ISS, saying(org_name=["Example"])),
    "statement.iat.future": Case(ISS, saying(iat=NOW + 60)),
    "statement.iat.age": Case(ISS, saying(iat=NOW - 1_900)),
    "statement.exp.past": Case(ISS, saying(exp=NOW - 60), saying(exp=NOW + 60)),
    "statement.nbf.future": Case(ISS, saying(nbf=NOW + 60), saying(nbf=NOW)),
    "statement.aud.ours": Case(ISS, saying(aud="another"), saying(aud=["another", "https://bank.example"])),
    "statement.jti.present": Case(
        ISS,
        Story(rules={"single_use": True, "required_claims": ("software_id",)}, statement={"jti": None}),
        Story(rules={"single_use": True}),
    ),
    "statement.environment.taken": Case(ISS, Story(policy={"statement_environments": ["production"]})),
    "statement.mode.taken": Case(ISS, Story(policy={"statement_modes": ["Live"]})),
    "statement.software_id.form": Case(ISS, saying(software_id="../4Zq1m8TnS8xQe7YtB0bK9a")),
    "statement.org_id.form": Case(ISS, saying(org_id="a/b")),
    "statement.redirect_uris.form": Case(ISS, saying(software_redirect_uris="https://tpp.example/cb")),
    "statement.roles.form": Case(ISS, saying(software_roles=[1])),
    "statement.roles.admitted": Case(
        UNA, australia(statement={"software_roles": "data-holder-software-product"}), australia()
    ),
    "statement.authorities.form": Case(ISS, saying(organisation_competent_authority_claims="FCA")),
    "statement.jwks_endpoint.allowed": Case(META, saying(software_jwks_endpoint="https://attacker.example/k.jwks")),
    "statement.org_status.active": Case(UNA, saying(org_status="Revoked"), saying(org_status="ACTIVE")),
}

REQUEST = {
    "request.iss.present": Case(META, asking(iss=None)),
    "request.iss.software": Case(ISS, asking(iss="1234567890123456789012")),
    "request.aud.ours": Case(META, asking(aud="0015800000OTHERAA1")),
    "request.iat.future": Case(META, asking(iat=NOW + 60)),
    "request.exp.past": Case(META, asking(exp=NOW - 60)),
    "request.exp.lifetime": Case(META, asking(exp=NOW + 3_601)),
    "request.nbf.future": Case(META, asking(nbf=NOW + 60), asking(nbf=NOW)),
    "request.jti.form": Case(META, asking(jti="1")),
    "request.software_id.statement": Case(META, asking(software_id="1234567890123456789012")),
}

METADATA = {
    "rules.metadata.types": Case(META, asking(tls_client_certificate_bound_access_tokens="true")),
    "rules.metadata.sizes": Case(META, asking(application_type="w" * 129)),
    "rules.metadata.characters": Case(META, plain(client_name="ban\u202ek")),
    "rules.metadata.urls": Case(META, plain(policy_uri="javascript:alert(1)")),
    "rules.webhook_uris.form": Case(
        ErrorCode.INVALID_WEBHOOK_URIS,
        brazil(webhook_uris=["http://tpp.example/hook"]),
        brazil(webhook_uris=["https://tpp.example/hook"]),
    ),
    "rules.metadata.forbidden": Case(META, brazil(tls_client_auth_san_dns="tpp.example"), brazil()),
    "rules.metadata.required": Case(META, asking(token_endpoint_auth_method=None)),
    "rules.redirect_uris.types": Case(RED, asking(redirect_uris="https://tpp.example/cb")),
    "rules.redirect_uris.sizes": Case(RED, asking(redirect_uris=["https://tpp.example/" + "c" * 256])),
}

RULES = {
    "rules.identity.kind": Case(UNA, Story(identity=markets.identity(CertificateKind.OTHER))),
    "rules.identity.software": Case(
        UNA, Story(identity=markets.identity(subject=markets.subject(OU=ORG_ID, CN="1234567890123456789012")))
    ),
    "rules.identity.organisation": Case(
        UNA, Story(identity=markets.identity(subject=markets.subject(OU="0015800000OTHERAA1", CN=SOFTWARE_ID)))
    ),
    "rules.redirect_uris.present": Case(
        RED, Story(policy={"redirect_uris_default_to_statement": False}, request={"redirect_uris": None})
    ),
    "rules.redirect_uris.form": Case(
        RED, Story(statement={"software_redirect_uris": ["http://tpp.example/cb"]}, request={"redirect_uris": None})
    ),
    "rules.redirect_uris.loopback": Case(
        RED, Story(statement={"software_redirect_uris": ["https://localhost/cb"]}, request={"redirect_uris": None})
    ),
    "rules.redirect_uris.subset": Case(
        RED, asking(redirect_uris=["https://tpp.example/cb", "https://attacker.example/cb"])
    ),
    "rules.scope.form": Case(META, asking(scope="openid  accounts")),
    "rules.scope.known": Case(META, asking(scope="openid accounts admin")),
    "rules.scope.within_roles": Case(META, asking(scope="openid fundsconfirmations")),
    "rules.scope.certified": Case(
        UNA,
        Story(policy=BY_CERTIFICATE, identity=markets.identity(psd2_roles=("PSP_AI", "PSP_IC"))),
        Story(policy=BY_CERTIFICATE, identity=markets.identity(psd2_roles=("PSP_AI", "PSP_PI"))),
    ),
    "rules.scope.authorised": Case(
        UNA,
        saying(
            organisation_competent_authority_claims=[
                {"Status": "Active", "authorisations": [{"MemberState": "GBR", "Psd2Role": "AISP", "Active": True}]}
            ]
        ),
    ),
    "rules.scope.openid": Case(META, asking(scope="accounts")),
    "rules.grant_types.offered": Case(META, asking(grant_types=["authorization_code", "password"])),
    "rules.response_types.offered": Case(META, asking(response_types=["id_token", "token"])),
    "rules.grant_types.needed": Case(
        META, australia(grant_types=["client_credentials"], response_types=[]), australia()
    ),
    "rules.response_types.members": Case(META, australia(authorization_signed_response_alg=None), australia()),
    "rules.grant_types.consistent": Case(META, asking(grant_types=["client_credentials"], response_types=["code"])),
    "rules.application_type.offered": Case(META, asking(application_type="desktop")),
    "rules.subject_type.known": Case(META, plain(subject_type="secret"), plain(subject_type="pairwise")),
    "rules.auth_method.offered": Case(META, asking(token_endpoint_auth_method="none")),
    "rules.auth_method.algorithm_named": Case(
        META, asking(token_endpoint_auth_method="private_key_jwt"), asking(**PRIVATE_KEY_JWT)
    ),
    "rules.tls_client_auth.one_name": Case(META, asking(tls_client_auth_subject_dn=None)),
    "rules.tls_client_auth.form": Case(META, asking(tls_client_auth_subject_dn="CN=" + "a" * 126)),
    "rules.tls_client_auth.presented": Case(META, asking(tls_client_auth_subject_dn="CN=somebody,C=GB")),
    "rules.jwks.one_source": Case(META, plain(jwks=PUBLIC, jwks_uri="https://client.example/jwks")),
    "rules.jwks.by_value": Case(META, asking(jwks=PUBLIC), plain(jwks=PUBLIC)),
    "rules.jwks.public": Case(META, plain(jwks=PRIVATE), plain(jwks=PUBLIC)),
    "rules.jwks.of_statement": Case(
        META,
        asking(jwks_uri="https://localhost:9443/other.jwks"),
        asking(jwks_uri=f"https://localhost:9443/{ORG_ID}/{SOFTWARE_ID}.jwks"),
    ),
    "rules.jwks.present": Case(
        META,
        plain(token_endpoint_auth_method="private_key_jwt"),
        plain(token_endpoint_auth_method="private_key_jwt", jwks=PUBLIC),
    ),
    "rules.jwks.vouched": Case(
        META,
        plain(token_endpoint_auth_method="private_key_jwt", jwks_uri="https://client.example/jwks"),
        asking(**PRIVATE_KEY_JWT),
    ),
    "rules.jwks.usable": Case(
        META,
        plain(token_endpoint_auth_method="private_key_jwt", jwks=UNNAMED),
        plain(token_endpoint_auth_method="private_key_jwt", jwks=PUBLIC),
    ),
    "rules.jwks.certificate": Case(
        META,
        plain(token_endpoint_auth_method="self_signed_tls_client_auth", jwks=PUBLIC),
        plain(token_endpoint_auth_method="self_signed_tls_client_auth", jwks=CERTIFIED),
    ),
    "rules.algorithms.signing": Case(META, asking(id_token_signed_response_alg="RS256")),
    "rules.algorithms.client_auth": Case(
        META, asking(**{**PRIVATE_KEY_JWT, "token_endpoint_auth_signing_alg": "HS256"}), asking(**PRIVATE_KEY_JWT)
    ),
    "rules.algorithms.encryption": Case(
        META,
        plain(id_token_encrypted_response_enc="A256GCM"),
        plain(id_token_encrypted_response_alg="RSA-OAEP", id_token_encrypted_response_enc="A256GCM"),
    ),
    "rules.ciba.delivery_mode": Case(META, with_ciba(backchannel_token_delivery_mode="push"), with_ciba()),
    "rules.ciba.notification_endpoint": Case(
        META, with_ciba(backchannel_client_notification_endpoint=None), with_ciba()
    ),
    "rules.ciba.signing": Case(META, with_ciba(backchannel_authentication_request_signing_alg=None), with_ciba()),
    "rules.ciba.user_code": Case(META, with_ciba(backchannel_user_code_parameter_supported=True), with_ciba()),
    "rules.authorization_details_types.supported": Case(
        META,
        Story(request={"authorization_details_types": ["payment", "Payment"]}, detail_types=("payment",)),
        Story(request={"authorization_details_types": ["payment"]}, detail_types=("payment", "accounts")),
    ),
}

STANDING = {
    "standing.software.found": Case(UNA, standing(found=False)),
    "standing.software.same": Case(UNA, standing(software_id="1234567890123456789012")),
    "standing.organisation.same": Case(UNA, standing(org_id="0015800000BANKAAA1")),
    "standing.organisation.active": Case(UNA, standing(organisation_active=False)),
    "standing.software.active": Case(UNA, standing(software_active=False)),
    "standing.software.mode": Case(
        UNA,
        Story(statement={"software_mode": "Live"}, standing={"software_mode": "Not Live"}),
        saying(software_mode="live"),
    ),
    "standing.redirect_uris.held": Case(UNA, standing(redirect_uris=frozenset({"https://tpp.example/cb2"}))),
    "standing.roles.held": Case(UNA, standing(software_roles=frozenset({"AISP"}))),
    "standing.roles.authorised": Case(
        UNA, standing(authorisations=(Authorisation("GB", frozenset({"AISP", "PISP"}), active=False),))
    ),
}

CASES: dict[str, Case] = {
    **REQUEST_SHAPE,
    **REQUEST_JWS,
    **STATEMENT_JWS,
    **STATEMENT,
    **REQUEST,
    **METADATA,
    **RULES,
    **STANDING,
}
