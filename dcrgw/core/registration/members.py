"""The client metadata members that there are, each with its JSON type and bounds: data, no rules.

A profile's `members` says which of them a market takes; a member in no row here is unknown and dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The JSON type of a member."""

    TEXT = "a string"
    TEXTS = "a list of strings"
    FLAG = "true or false"
    NUMBER = "a whole number, 0 or more"
    OBJECT = "an object"


class Holds(StrEnum):
    """What the strings of a member are."""

    WORDS = "words"
    #: For people to read: control and bidirectional characters are refused everywhere, here they would show.
    PROSE = "prose"
    #: An https URL, kept as a string and never fetched.
    # DIVERGENCE: RFC 7591 §2 lets web pages be plain http; none are taken, since people follow these links.
    URL = "url"
    #: Judged by the redirect rules, which know the application's type.
    REDIRECT = "redirect"
    #: An https URL that the bank will call; the market has an error code of its own for it.
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Member:
    """One member. `max_length` bounds each string, `max_items` a list; `tagged` ones may carry a language tag."""

    kind: Kind
    holds: Holds = Holds.WORDS
    max_length: int = 256
    max_items: int = 50
    tagged: bool = False


_WORD = Member(Kind.TEXT, max_length=128)
_WORDS = Member(Kind.TEXTS, max_length=128)
_FLAG = Member(Kind.FLAG)
_NUMBER = Member(Kind.NUMBER)
_URL = Member(Kind.TEXT, Holds.URL, max_length=2_048)
_URLS = Member(Kind.TEXTS, Holds.URL, max_length=2_048)
_PAGE = Member(Kind.TEXT, Holds.URL, max_length=2_048, tagged=True)
_NAME = Member(Kind.TEXT, max_length=1_024)

#: Wire name -> member.
MEMBERS: Mapping[str, Member] = {
    # RFC 7591 §2
    "redirect_uris": Member(Kind.TEXTS, Holds.REDIRECT, max_length=2_048, max_items=100),
    "token_endpoint_auth_method": _WORD,
    "grant_types": _WORDS,
    "response_types": _WORDS,
    "client_name": Member(Kind.TEXT, Holds.PROSE, max_length=256, tagged=True),
    "client_uri": _PAGE,
    "logo_uri": _PAGE,
    "tos_uri": _PAGE,
    "policy_uri": _PAGE,
    "scope": Member(Kind.TEXT, max_length=2_048),
    "contacts": Member(Kind.TEXTS, Holds.PROSE, max_length=256, max_items=20),
    "jwks_uri": _URL,
    "jwks": Member(Kind.OBJECT),
    "software_id": Member(Kind.TEXT, max_length=255),
    "software_version": Member(Kind.TEXT, max_length=128),
    # A statement's claim; as metadata no profile takes it from a request, a bank's script may set it
    "software_roles": _WORDS,
    # OpenID Connect Registration 1.0 §2, JARM §3
    "application_type": _WORD,
    "sector_identifier_uri": _URL,
    "subject_type": _WORD,
    "id_token_signed_response_alg": _WORD,
    "id_token_encrypted_response_alg": _WORD,
    "id_token_encrypted_response_enc": _WORD,
    "userinfo_signed_response_alg": _WORD,
    "userinfo_encrypted_response_alg": _WORD,
    "userinfo_encrypted_response_enc": _WORD,
    "authorization_signed_response_alg": _WORD,
    "authorization_encrypted_response_alg": _WORD,
    "authorization_encrypted_response_enc": _WORD,
    "request_object_signing_alg": _WORD,
    "request_object_encryption_alg": _WORD,
    "request_object_encryption_enc": _WORD,
    "token_endpoint_auth_signing_alg": _WORD,
    "default_max_age": _NUMBER,
    "require_auth_time": _FLAG,
    "default_acr_values": _WORDS,
    "initiate_login_uri": _URL,
    "request_uris": _URLS,
    "post_logout_redirect_uris": _URLS,
    # RFC 8705 §2.1.2, §3.4
    "tls_client_auth_subject_dn": _NAME,
    "tls_client_auth_san_dns": _NAME,
    "tls_client_auth_san_uri": _NAME,
    "tls_client_auth_san_ip": _NAME,
    "tls_client_auth_san_email": _NAME,
    "tls_client_certificate_bound_access_tokens": _FLAG,
    # Open Finance Brasil DCR
    "webhook_uris": Member(Kind.TEXTS, Holds.WEBHOOK, max_length=255),
    # RFC 9126 §6, RFC 9101 §10.5, RFC 9449 §5.2, RFC 9396 §10
    "require_pushed_authorization_requests": _FLAG,
    "require_signed_request_object": _FLAG,
    "dpop_bound_access_tokens": _FLAG,
    "authorization_details_types": _WORDS,
    # OpenID CIBA Core §4; the last under its OB UK name
    "backchannel_token_delivery_mode": _WORD,
    "backchannel_client_notification_endpoint": Member(Kind.TEXT, Holds.URL, max_length=256),
    "backchannel_authentication_request_signing_alg": _WORD,
    "backchannel_user_code_parameter": _FLAG,
    "backchannel_user_code_parameter_supported": _FLAG,
}

#: RFC 8705 §2.1.2: what a tls_client_auth client names its certificate by, exactly one of them.
TLS_SUBJECT_MEMBERS = (
    "tls_client_auth_subject_dn",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
)

#: (alg, enc) members that belong together.
ENCRYPTION_MEMBERS = (
    ("id_token_encrypted_response_alg", "id_token_encrypted_response_enc"),
    ("userinfo_encrypted_response_alg", "userinfo_encrypted_response_enc"),
    ("authorization_encrypted_response_alg", "authorization_encrypted_response_enc"),
    ("request_object_encryption_alg", "request_object_encryption_enc"),
)

#: What a client registers only together with the CIBA grant.
CIBA_MEMBERS = (
    "backchannel_token_delivery_mode",
    "backchannel_client_notification_endpoint",
    "backchannel_authentication_request_signing_alg",
    "backchannel_user_code_parameter",
    "backchannel_user_code_parameter_supported",
)
CIBA_GRANT = "urn:openid:params:grant-type:ciba"
