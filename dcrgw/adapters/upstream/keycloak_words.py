"""A client in Keycloak's words (ClientRepresentation) and in RFC 7591's. Values in, values out.

Keycloak keeps most members as attributes under names of its own. What it does something with is written there, and
read back from there; what only describes a client is kept beside, so that people find it in Keycloak's console. What
it can do nothing with is not written at all, so that reading the client back says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from dcrgw.core import strict_json
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.upstream.client import WantedClient

#: What marks a client as this gateway's: the market's name. Others are never touched.
MARKET = "dcrgw.market"
#: The request that made it what it is, for people.
KEY = "dcrgw.key"

_METHODS = {
    "private_key_jwt": "client-jwt",
    "client_secret_jwt": "client-secret-jwt",
    "tls_client_auth": "client-x509",
    "client_secret_basic": "client-secret",
    "client_secret_post": "client-secret",
}
#: A member -> the attribute that holds the same text.
_TEXTS = {
    "authorization_encrypted_response_alg": "authorization.encrypted.response.alg",
    "authorization_encrypted_response_enc": "authorization.encrypted.response.enc",
    "authorization_signed_response_alg": "authorization.signed.response.alg",
    "backchannel_logout_uri": "backchannel.logout.url",
    "id_token_encrypted_response_alg": "id.token.encrypted.response.alg",
    "id_token_encrypted_response_enc": "id.token.encrypted.response.enc",
    "id_token_signed_response_alg": "id.token.signed.response.alg",
    "logo_uri": "logoUri",
    "policy_uri": "policyUri",
    "request_object_encryption_alg": "request.object.encryption.alg",
    "request_object_encryption_enc": "request.object.encryption.enc",
    "request_object_signing_alg": "request.object.signature.alg",
    "tls_client_auth_subject_dn": "x509.subjectdn",
    "token_endpoint_auth_signing_alg": "token.endpoint.auth.signing.alg",
    "tos_uri": "tosUri",
    "userinfo_encrypted_response_alg": "user.info.encrypted.response.alg",
    "userinfo_encrypted_response_enc": "user.info.encrypted.response.enc",
    "userinfo_signed_response_alg": "user.info.response.signature.alg",
}
_SWITCHES = {
    "require_pushed_authorization_requests": "require.pushed.authorization.requests",
    "tls_client_certificate_bound_access_tokens": "tls.client.certificate.bound.access.tokens",
}
#: Members that only describe a client; kept as JSON.
_DESCRIBING = frozenset(
    {
        "application_type",
        "authorization_details_types",
        "contacts",
        "org_id",
        "org_name",
        "software_id",
        "software_roles",
        "software_version",
    }
)
_PREFIX = "dcrgw.member."
_LONGEST = 2048
_BETWEEN = "##"
#: So that its tokens have a sub; named scopes are asked for, one by one.
_SCOPES_OF_ALL = ["basic", "acr"]
_REQUIRED = "request or request_uri"


def representation(wanted: WantedClient, market: str) -> dict[str, JsonValue]:
    """What Keycloak is to keep. Attributes that are to go are empty texts, which Keycloak takes for that."""
    members = wanted.metadata
    grants, responses = _texts(members.get("grant_types")), _texts(members.get("response_types"))
    method = str(members.get("token_endpoint_auth_method", "client_secret_basic"))
    found: dict[str, JsonValue] = {
        "clientId": wanted.client_id,
        "protocol": "openid-connect",
        "enabled": True,
        "publicClient": False,
        "bearerOnly": False,
        "fullScopeAllowed": False,
        "directAccessGrantsEnabled": False,
        "standardFlowEnabled": "authorization_code" in grants,
        # Keycloak's word for all that gives tokens or ID tokens out at the authorization endpoint.
        "implicitFlowEnabled": "implicit" in grants or any("id_token" in each.split() for each in responses),
        "serviceAccountsEnabled": "client_credentials" in grants,
        "clientAuthenticatorType": _METHODS.get(method, method),
        "name": _text(members.get("client_name")),
        "baseUrl": _text(members.get("client_uri")),
        "redirectUris": members.get("redirect_uris", []),
        # A TPP's server asks, never a page of it: no origin may read answers.
        "webOrigins": [],
        "defaultClientScopes": list(_SCOPES_OF_ALL),
        "optionalClientScopes": list(optional_scopes(wanted)),
        "attributes": _attributes(wanted, market, grants, responses, method),
    }
    if wanted.secret is not None:
        found["secret"] = wanted.secret
    return found


def optional_scopes(wanted: WantedClient) -> list[str]:
    """The scopes that the client may ask for; openid is every client's and none that Keycloak keeps."""
    return [each for each in _text(wanted.metadata.get("scope")).split() if each != "openid"]


def _attributes(
    wanted: WantedClient, market: str, grants: list[str], responses: list[str], method: str
) -> dict[str, JsonValue]:
    members = wanted.metadata
    jwks, jwks_uri = members.get("jwks"), _text(members.get("jwks_uri"))
    found: dict[str, JsonValue] = {
        MARKET: market,
        KEY: wanted.key,
        # What its flags cannot tell apart.
        f"{_PREFIX}response_types": json.dumps(responses),
        f"{_PREFIX}token_endpoint_auth_method": json.dumps(method),
        "use.refresh.tokens": _switch("refresh_token" in grants),
        "use.jwks.url": _switch(bool(jwks_uri)),
        "jwks.url": jwks_uri,
        "use.jwks.string": _switch(jwks is not None and not jwks_uri),
        "jwks.string": "" if jwks is None or jwks_uri else json.dumps(jwks),
        # A subject is one name, not a pattern.
        "x509.allow.regex.pattern.comparison": "false",
        "request.object.required": _REQUIRED if members.get("require_signed_request_object") is True else "",
        "post.logout.redirect.uris": _BETWEEN.join(_texts(members.get("post_logout_redirect_uris"))) or "-",
    }
    found |= {attribute: _text(members.get(name)) for name, attribute in _TEXTS.items()}
    found |= {attribute: _switch(members.get(name) is True) for name, attribute in _SWITCHES.items()}
    for name in _DESCRIBING:
        written = json.dumps(members[name]) if name in members else ""
        found[_PREFIX + name] = written if len(written) <= _LONGEST else ""
    return found


def metadata(found: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """What Keycloak keeps, in RFC 7591's words."""
    attributes = attributes_of(found)
    grants = [grant for grant, holds in _grants(found, attributes) if holds]
    members: dict[str, JsonValue] = {
        "client_name": found.get("name"),
        "client_uri": found.get("baseUrl"),
        "redirect_uris": found.get("redirectUris"),
        "grant_types": list(grants),
        "response_types": _responses(found, attributes),
        "token_endpoint_auth_method": _method(found, attributes),
        "scope": _scope(found),
        "subject_type": "public",
        "post_logout_redirect_uris": _logout_uris(attributes.get("post.logout.redirect.uris", "")),
        "require_signed_request_object": attributes.get("request.object.required", "").startswith("request"),
    }
    members |= {name: attributes.get(attribute) for name, attribute in _TEXTS.items()}
    members |= {name: attributes.get(attribute) == "true" for name, attribute in _SWITCHES.items()}
    if attributes.get("use.jwks.url") == "true":
        members["jwks_uri"] = attributes.get("jwks.url")
    elif attributes.get("use.jwks.string") == "true":
        members["jwks"] = _json(attributes.get("jwks.string", ""))
    members |= {name: _json(attributes.get(_PREFIX + name, "")) for name in _DESCRIBING}
    return {name: value for name, value in members.items() if value not in (None, "", [], False)}


def attributes_of(found: Mapping[str, JsonValue]) -> dict[str, str]:
    """A representation's attributes that are texts."""
    attributes = found.get("attributes")
    pairs = attributes.items() if isinstance(attributes, Mapping) else ()
    return {name: value for name, value in pairs if isinstance(value, str)}


def _grants(found: Mapping[str, JsonValue], attributes: Mapping[str, str]) -> list[tuple[str, bool]]:
    asks = found.get("standardFlowEnabled") is True
    return [
        ("authorization_code", asks),
        ("client_credentials", found.get("serviceAccountsEnabled") is True),
        ("refresh_token", asks and attributes.get("use.refresh.tokens", "true") == "true"),
        ("password", found.get("directAccessGrantsEnabled") is True),
    ]


def _responses(found: Mapping[str, JsonValue], attributes: Mapping[str, str]) -> list[JsonValue]:
    """Those that were asked for, as far as its flags allow them."""
    asks, is_hybrid = found.get("standardFlowEnabled") is True, found.get("implicitFlowEnabled") is True
    asked = _texts(_json(attributes.get(f"{_PREFIX}response_types", "")))
    return [each for each in asked if asks and (is_hybrid or set(each.split()) <= {"code", "none"})]


def _method(found: Mapping[str, JsonValue], attributes: Mapping[str, str]) -> str | None:
    """The method that was asked for, if it is of the kind that Keycloak has the client by."""
    kind = found.get("clientAuthenticatorType")
    fitting = [method for method, each in _METHODS.items() if each == kind]
    if found.get("publicClient") is True or not fitting:
        return "none"
    asked = _json(attributes.get(f"{_PREFIX}token_endpoint_auth_method", ""))
    return asked if isinstance(asked, str) and asked in fitting else fitting[0]


def _scope(found: Mapping[str, JsonValue]) -> str:
    """Its scopes by name; openid is every client's."""
    named = [*_texts(found.get("defaultClientScopes")), *_texts(found.get("optionalClientScopes"))]
    return " ".join(["openid", *(each for each in named if each not in _SCOPES_OF_ALL)])


def _logout_uris(text: str) -> list[JsonValue]:
    # "+" stands for all redirect URIs, "-" for none.
    return [each for each in text.split(_BETWEEN) if each not in ("", "-")]


def _switch(holds: bool) -> str:
    return "true" if holds else "false"


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: JsonValue) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _json(text: str) -> JsonValue:
    try:
        return strict_json.loads(text.encode()) if text else None
    except strict_json.JsonRefused:
        return None
