"""The gates of an authorization request. Those of `authorize.client` and `authorize.redirect_uri` come first:
until both hold, no answer may go to the redirect_uri.
"""

from __future__ import annotations

from dcrgw.core.checks import gate
from dcrgw.core.registration import tokens
from dcrgw.errors import ErrorCode

_REQUEST = ErrorCode.INVALID_REQUEST
_OBJECT = ErrorCode.INVALID_REQUEST_OBJECT

CLIENT = gate(
    "authorize.client",
    "The request names one client, which is active in this market.",
    spec="RFC 6749 §4.1.1, §4.1.2.1",
    code=ErrorCode.INVALID_CLIENT,
)
ONE_WAY = gate(
    "authorize.request.single",
    "The request comes as parameters, by request_uri or as a request object: in one way only.",
    spec="RFC 9101 §5; RFC 9126 §2.1",
    code=_REQUEST,
)
REDIRECT_URI = gate(
    "authorize.redirect_uri",
    "redirect_uri is there, and byte by byte one that the client registered.",
    spec="RFC 6749 §3.1.2.3, §10.6; RFC 9700 §2.1; FAPI 2.0 §5.3.2.2",
    code=_REQUEST,
)
REQUEST_URI = gate(
    "authorize.request_uri",
    "request_uri is one of ours, pushed by this client, neither used up nor expired.",
    spec="RFC 9126 §4, §7.3; RFC 9101 §7",
    code=ErrorCode.INVALID_REQUEST_URI,
)
CURRENT = gate(
    "authorize.request.current",
    "What was pushed, or shown to a person, is still what the client may ask for, and its redirect_uri still its own.",
    spec="RFC 9126 §4; RFC 6749 §10.6",
    code=ErrorCode.INVALID_REQUEST_URI,
)
PUSHED = gate(
    "authorize.request.pushed",
    "Where the market or the client wants requests to be pushed, the request was.",
    spec="RFC 9126 §5, §6",
    code=_REQUEST,
)
NO_REQUEST_URI = gate(
    "par.request_uri", "A pushed request is not a request_uri itself.", spec="RFC 9126 §2.1", code=_REQUEST
)
SIGNED = gate(
    "authorize.request.signed",
    "Where the market or the client wants requests to be signed, the request is; where it takes none, it is not.",
    spec="RFC 9101 §10.5",
    code=_REQUEST,
)

OBJECT_JWS = tokens.declare("authorize.object.jws", "request", _OBJECT)
OBJECT_KEYS = gate(
    "authorize.object.keys",
    "The client's key set can be read, from its registration or from an allowed host.",
    spec="RFC 9101 §6.2; RFC 7591 §2, jwks and jwks_uri",
    code=_OBJECT,
)
OBJECT_NESTED = gate(
    "authorize.object.nested",
    "A request object holds no request and no request_uri.",
    spec="RFC 9101 §4",
    code=_OBJECT,
)
OBJECT_CLIENT = gate(
    "authorize.object.client_id",
    "iss and client_id of a request object are the client of the request, and sub is not.",
    spec="RFC 9101 §4, §5, §10.8",
    code=_OBJECT,
)
OBJECT_AUDIENCE = gate(
    "authorize.object.aud",
    "aud names this authorization server by its issuer.",
    spec="RFC 9101 §4; FAPI 1.0 Advanced §5.2.2 item 15",
    code=_OBJECT,
)
OBJECT_EXP = gate(
    "authorize.object.exp", "exp is there and is not past.", spec="FAPI 1.0 Advanced §5.2.2 item 13", code=_OBJECT
)
OBJECT_NBF = gate(
    "authorize.object.nbf",
    "nbf is there, past, and no more than an hour before now and before exp.",
    spec="FAPI 1.0 Advanced §5.2.2 items 13, 17",
    code=_OBJECT,
)
OBJECT_IAT = gate(
    "authorize.object.iat",
    "iat, where it is there, does not lie in the future.",
    spec="RFC 7519 §4.1.6",
    code=_OBJECT,
)
OBJECT_JTI = gate(
    "authorize.object.jti",
    "jti, where it is there, has 1 to 256 characters.",
    spec="RFC 7519 §4.1.7",
    code=_OBJECT,
)
OBJECT_UNUSED = gate(
    "authorize.object.unused",
    "The request object was not pushed, or authorized, before.",
    spec="RFC 7519 §4.1.7; RFC 9101 §10",
    code=_OBJECT,
)
OBJECT_MEMBERS = gate(
    "authorize.object.members",
    "Parameters in a request object are strings; max_age may be a number, authorization_details is a list.",
    spec="RFC 9101 §4; RFC 9396 §3",
    code=_OBJECT,
)

RESPONSE_TYPE = gate(
    "authorize.response_type",
    "response_type is code, or code id_token where the market's profile has it.",
    spec="RFC 6749 §3.1.1; OpenID Connect Core 1.0 §3.3; FAPI 1.0 Advanced §5.2.2 item 2; RFC 9700 §2.1.2",
    code=ErrorCode.UNSUPPORTED_RESPONSE_TYPE,
)
REGISTERED = gate(
    "authorize.client.registered",
    "The client registered the response type and the grant type authorization_code.",
    spec="RFC 7591 §2; RFC 6749 §4.1.2.1",
    code=ErrorCode.UNAUTHORIZED_CLIENT,
)
RESPONSE_MODE = gate(
    "authorize.response_mode",
    "response_mode, where it is there, is the one of the response type: query for code, fragment for code id_token.",
    spec="OAuth 2.0 Multiple Response Type Encoding Practices §2.1, §5",
    code=_REQUEST,
)
OPENID = gate(
    "authorize.id_token.openid",
    "Who asks for an ID token asks for the scope openid.",
    spec="OpenID Connect Core 1.0 §3.3.2.1, §3.1.2.1",
    code=ErrorCode.INVALID_SCOPE,
)
NONCE = gate(
    "authorize.nonce",
    "A request for an ID token has a nonce.",
    spec="OpenID Connect Core 1.0 §3.3.2.11; FAPI 1.0 §5.2.2.2",
    code=_REQUEST,
)
CHALLENGE = gate(
    "authorize.code_challenge",
    "code_challenge is there, the base64url of a SHA-256 digest.",
    spec="RFC 7636 §4.3, §4.4.1; RFC 9700 §2.1.1",
    code=_REQUEST,
)
METHOD = gate(
    "authorize.code_challenge_method",
    "code_challenge_method is S256; plain is not taken, also not by leaving it out.",
    spec="RFC 7636 §4.3, §7.2; FAPI 2.0 §5.3.2.2",
    code=_REQUEST,
)
TEXTS = gate(
    "authorize.texts",
    "state, nonce and login_hint, where they are there, have 1 to 512 printable characters.",
    spec="RFC 6749 §4.1.1; OpenID Connect Core 1.0 §3.1.2.1",
    code=_REQUEST,
)
ASKED = gate(
    "authorize.scope",
    "The request asks for a scope, for authorization details, or for both.",
    spec="RFC 6749 §3.3; RFC 9396 §3.1",
    code=ErrorCode.INVALID_SCOPE,
)
PROMPT = gate(
    "authorize.prompt",
    "prompt is none alone, or some of login, consent and select_account.",
    spec="OpenID Connect Core 1.0 §3.1.2.1",
    code=_REQUEST,
)
SILENT = gate(
    "authorize.prompt.none",
    "A person can be asked: nobody stays signed in here, so that prompt none never succeeds.",
    spec="OpenID Connect Core 1.0 §3.1.2.6",
    code=ErrorCode.LOGIN_REQUIRED,
)
MAX_AGE = gate(
    "authorize.max_age",
    "max_age, where it is there, is a whole number of seconds.",
    spec="OpenID Connect Core 1.0 §3.1.2.1",
    code=_REQUEST,
)
ID_TOKEN = gate(
    "authorize.id_token.alg",
    "Who asks for openid registered for ID tokens that are signed by the algorithm of our key, and not encrypted.",
    spec="OpenID Connect Registration 1.0 §2, id_token_signed_response_alg, id_token_encrypted_response_alg",
    code=ErrorCode.UNAUTHORIZED_CLIENT,
)
