"""The checks of what the authorization server behind a market (AS) says of a client."""

from __future__ import annotations

from dcrgw.core.checks import gate
from dcrgw.errors import ErrorCode

_SPEC = "RFC 7591 §3.2.2"

METHOD = gate(
    "upstream.method.carried",
    "The market's authorization server has the client's authentication method, or the gateway stands in for it",
    spec="RFC 7591 §2, token_endpoint_auth_method",
    code=ErrorCode.INVALID_CLIENT_METADATA,
)
ANSWERED = gate(
    "upstream.answered",
    "The market's authorization server said what became of the client",
    spec="RFC 7591 §3.2; docs/operations.md",
    code=ErrorCode.INVALID_CLIENT_METADATA,
)
METADATA = gate(
    "upstream.metadata",
    "The bank's authorization server takes the client's metadata.",
    spec=_SPEC,
    code=ErrorCode.INVALID_CLIENT_METADATA,
)
REDIRECT_URIS = gate(
    "upstream.redirect_uris",
    "The bank's authorization server takes the client's redirect URIs.",
    spec=_SPEC,
    code=ErrorCode.INVALID_REDIRECT_URI,
)
STATEMENT = gate(
    "upstream.statement",
    "The bank's authorization server takes the software statement.",
    spec=_SPEC,
    code=ErrorCode.INVALID_SOFTWARE_STATEMENT,
)
APPROVED = gate(
    "upstream.approved",
    "The bank's authorization server approves the software statement.",
    spec=_SPEC,
    code=ErrorCode.UNAPPROVED_SOFTWARE_STATEMENT,
)
CLIENT_ID_FREE = gate(
    "upstream.client_id.free",
    "The bank's authorization server has no other client of the same client_id.",
    spec="RFC 7591 §3.2.1",
    code=ErrorCode.INVALID_CLIENT_METADATA,
)
#: What a server may say no by; it took the client where it did not.
TAKEN = (METADATA, REDIRECT_URIS, STATEMENT, APPROVED, CLIENT_ID_FREE)
CLIENT_ID = gate(
    "upstream.client_id.given",
    "The authorization server gave the client_id that it was to give, or one of its own that no client here has",
    spec="RFC 7591 §3.2.1, client_id; OB UK DCR, client_id",
    code=ErrorCode.INVALID_CLIENT_METADATA,
)
MEMBERS = gate(
    "upstream.members.kept",
    "The authorization server keeps every member that security rests on as it was asked to",
    spec="RFC 7591 §3.2.1; RFC 7592 §2.2",
    code=ErrorCode.INVALID_CLIENT_METADATA,
)
ALONE = gate(
    "upstream.change.alone",
    "No earlier change of the client still waits for the authorization server",
    spec="RFC 9110 §15.5.10",
    code=ErrorCode.INVALID_CLIENT_METADATA,
    status=409,
)
