"""The gates of client authentication.

On the wire all of them but the first two are one: a stranger must not learn which clients exist, nor what is
registered of them. Reports and audit rows name each.
"""

from __future__ import annotations

from dcrgw.core.checks import gate
from dcrgw.core.registration import tokens
from dcrgw.errors import ErrorCode

_CLIENT = ErrorCode.INVALID_CLIENT
_7523 = "RFC 7523 §3"

SINGLE = gate(
    "client.method.single",
    "The request authenticates in one way only, by one Authorization header at most.",
    spec="RFC 6749 §2.3, §5.2",
    code=ErrorCode.INVALID_REQUEST,
)
AUTHENTICATED = gate(
    "client.authenticated",
    "The client is authenticated; an answer never says which of the checks below failed.",
    spec="RFC 6749 §3.2.1, §5.2",
    code=_CLIENT,
    status=401,
)
PRESENT = gate(
    "client.presented", "The request names its client.", spec="RFC 6749 §5.2, RFC 8705 §2", code=_CLIENT, status=401
)
BASIC = gate(
    "client.basic.form",
    "The Authorization header is Basic with a form-encoded id and secret, and the only client_id.",
    spec="RFC 6749 §2.3.1, RFC 7617 §2",
    code=_CLIENT,
    status=401,
)
KNOWN = gate("client.known", "There is such a client in this market.", spec="RFC 6749 §5.2", code=_CLIENT, status=401)
ACTIVE = gate(
    "client.active", "The client is active: not suspended, revoked or deleted.", spec="RFC 7592 §2.3", code=_CLIENT,
    status=401,
)  # fmt: skip
HOLDER = gate(
    "client.certificate.holder",
    "The certificate on the connection is one of the client's own TPP.",
    spec="OB UK DCR, mutual TLS; OB Directory certificate profiles",
    code=_CLIENT,
    status=401,
)
OFFERED = gate(
    "client.method.offered",
    "The client's registered method is one that the bank still offers.",
    spec="RFC 8414 §2, token_endpoint_auth_methods_supported",
    code=_CLIENT,
    status=401,
)
REGISTERED = gate(
    "client.method.registered",
    "The client authenticates by the method that it registered, and no other.",
    spec="RFC 7591 §2, token_endpoint_auth_method",
    code=_CLIENT,
    status=401,
)
SECRET = gate(
    "client.secret", "The secret is the client's.", spec="RFC 6749 §2.3.1, RFC 7591 §3.2.1", code=_CLIENT, status=401
)
CERTIFICATE_NAME = gate(
    "client.certificate.name",
    "The certificate is the one that a tls_client_auth client registered by its name.",
    spec="RFC 8705 §2.1",
    code=_CLIENT,
    status=401,
)
SELF_SIGNED_LISTENER = gate(
    "client.method.listener",
    "Self-signed certificates authenticate on their own listener, and nothing else does there.",
    spec="RFC 8705 §2.2",
    code=_CLIENT,
    status=401,
)
CERTIFICATE_KEYS = gate(
    "client.certificate.keys",
    "The key set of a self_signed_tls_client_auth client can be read, from its registration or from an allowed host.",
    spec="RFC 8705 §2.2.2",
    code=_CLIENT,
    status=401,
)
CERTIFICATE_PUBLISHED = gate(
    "client.certificate.published",
    "The certificate is one that a self_signed_tls_client_auth client has in its key set (x5c).",
    spec="RFC 8705 §2.2",
    code=_CLIENT,
    status=401,
)
ASSERTION_TYPE = gate(
    "client.assertion.type",
    "client_assertion_type says jwt-bearer.",
    spec="RFC 7523 §2.2",
    code=_CLIENT,
    status=401,
)
ASSERTION_JWS = tokens.declare("client.assertion.jws", "client_assertion", _CLIENT, status=401)
ASSERTION_KEYS = gate(
    "client.assertion.keys",
    "The client's key set can be read, from its registration or from an allowed host.",
    spec="RFC 7591 §2, jwks and jwks_uri",
    code=_CLIENT,
    status=401,
)
ASSERTION_ISSUER = gate(
    "client.assertion.iss", "iss is the client_id.", spec=f"{_7523}, item 1", code=_CLIENT, status=401
)
ASSERTION_SUBJECT = gate(
    "client.assertion.sub",
    "sub is the client_id, and the request's client_id where it has one.",
    spec=f"{_7523}, item 2; RFC 7521 §4.2",
    code=_CLIENT,
    status=401,
)
ASSERTION_AUDIENCE = gate(
    "client.assertion.aud",
    "aud names this authorization server: its issuer or its token endpoint.",
    spec=f"{_7523}, item 3; RFC 9126 §2",
    code=_CLIENT,
    status=401,
)
ASSERTION_EXP = gate(
    "client.assertion.exp.past", "exp is there and is not past.", spec=f"{_7523}, item 4", code=_CLIENT, status=401
)
ASSERTION_LIFETIME = gate(
    "client.assertion.exp.lifetime",
    "The assertion lives for an hour at most.",
    spec=f"{_7523}, item 4",
    code=_CLIENT,
    status=401,
)
ASSERTION_NBF = gate(
    "client.assertion.nbf.future", "nbf, where it is there, is past.", spec=f"{_7523}, item 5", code=_CLIENT, status=401
)
ASSERTION_IAT = gate(
    "client.assertion.iat.future",
    "iat, where it is there, does not lie in the future.",
    spec=f"{_7523}, item 6",
    code=_CLIENT,
    status=401,
)
ASSERTION_JTI = gate(
    "client.assertion.jti.form",
    "jti is there, of 1 to 256 characters.",
    spec=f"{_7523}, item 7; OpenID Connect Core 1.0 §9",
    code=_CLIENT,
    status=401,
)
ASSERTION_UNUSED = gate(
    "client.assertion.jti.unused",
    "The assertion was not used before.",
    spec=f"{_7523}, item 7; OpenID Connect Core 1.0 §9",
    code=_CLIENT,
    status=401,
)
