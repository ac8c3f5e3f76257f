"""The gates of a grant at the token endpoint: its type, a code, a refresh token."""

from __future__ import annotations

from dcrgw.core.checks import gate
from dcrgw.errors import ErrorCode

GRANT_NAMED = gate(
    "token.grant.named", "The request names its grant_type.", spec="RFC 6749 §4.4.2", code=ErrorCode.INVALID_REQUEST
)
GRANT_SUPPORTED = gate(
    "token.grant.supported",
    "The token endpoint has the grant type.",
    spec="RFC 6749 §5.2",
    code=ErrorCode.UNSUPPORTED_GRANT_TYPE,
)
GRANT_REGISTERED = gate(
    "token.grant.registered",
    "The client registered the grant type.",
    spec="RFC 6749 §5.2; RFC 7591 §2, grant_types",
    code=ErrorCode.UNAUTHORIZED_CLIENT,
)
CODE_NAMED = gate(
    "token.code.present",
    "The request brings a code, its redirect_uri and a code_verifier of 43 to 128 unreserved characters.",
    spec="RFC 6749 §4.1.3; RFC 7636 §4.1, §4.5",
    code=ErrorCode.INVALID_REQUEST,
)
CODE_KNOWN = gate(
    "token.code.known",
    "The code was issued to this client in this market.",
    spec="RFC 6749 §4.1.3, §5.2",
    code=ErrorCode.INVALID_GRANT,
)
CODE_UNUSED = gate(
    "token.code.unused",
    "The code was not used before; a second use ends what the first one got.",
    spec="RFC 6749 §4.1.2; RFC 9700 §4.5",
    code=ErrorCode.INVALID_GRANT,
)
CODE_CURRENT = gate(
    "token.code.current", "The code has not expired.", spec="RFC 6749 §4.1.2", code=ErrorCode.INVALID_GRANT
)
CODE_REDIRECT = gate(
    "token.code.redirect_uri",
    "redirect_uri is that of the authorization request, byte by byte.",
    spec="RFC 6749 §4.1.3",
    code=ErrorCode.INVALID_GRANT,
)
CODE_VERIFIER = gate(
    "token.code.verifier",
    "code_verifier is what the code_challenge was made of.",
    spec="RFC 7636 §4.6; RFC 9700 §2.1.1",
    code=ErrorCode.INVALID_GRANT,
)
CODE_CHALLENGE = gate(
    "token.code.challenge",
    "In front of another server: one request alone had the code_challenge, so that the code is known to be its.",
    spec="RFC 7636 §4.1, §7.1",
    code=ErrorCode.INVALID_GRANT,
)
REFRESH_NAMED = gate(
    "token.refresh.present",
    "The request brings a refresh_token.",
    spec="RFC 6749 §6",
    code=ErrorCode.INVALID_REQUEST,
)
REFRESH_KNOWN = gate(
    "token.refresh.known",
    "The refresh token is one of this client's in this market, of a grant that has not ended.",
    spec="RFC 6749 §6, §5.2",
    code=ErrorCode.INVALID_GRANT,
)
REFRESH_CURRENT = gate(
    "token.refresh.current", "The refresh token has not expired.", spec="RFC 6749 §6", code=ErrorCode.INVALID_GRANT
)
REFRESH_UNUSED = gate(
    "token.refresh.unused",
    "The refresh token was not rotated out; a second use of such a one ends its grant.",
    spec="RFC 9700 §4.14.2",
    code=ErrorCode.INVALID_GRANT,
)
GRANT_LEFT = gate(
    "token.grant.left",
    "Something of the grant is left that the client is still registered for, and the market still takes.",
    spec="RFC 6749 §5.2, §6",
    code=ErrorCode.INVALID_GRANT,
)
GRANT_WHOLE = gate(
    "token.grant.whole",
    "In front of another server: the client gave up nothing of the grant since, or says what it asks for instead.",
    spec="RFC 6749 §5.2, §6; RFC 9396 §6",
    code=ErrorCode.INVALID_GRANT,
)
