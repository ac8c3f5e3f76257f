"""The three ways a request can fail, and nothing else.

    GatewayError
    ├── Rejected       the caller is at fault: 4xx, names every failing check
    ├── Unavailable    we could not find out: 503 with Retry-After; unknown is never yes
    └── Misconfigured  the bank is at fault: 500, says nothing on the wire

Every other exception that reaches the edge is a bug and is answered like `Misconfigured`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class ErrorCode(StrEnum):
    """The `error` values that leave the gateway.

    RFC 7591 §3.2.2, Open Finance Brasil DCR, RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, RFC 9101 §7, RFC 9396 §5,
    OpenID Connect Core 1.0 §3.1.2.6.
    """

    INVALID_REDIRECT_URI = "invalid_redirect_uri"
    INVALID_CLIENT_METADATA = "invalid_client_metadata"
    INVALID_WEBHOOK_URIS = "invalid_webhook_uris"
    INVALID_SOFTWARE_STATEMENT = "invalid_software_statement"
    UNAPPROVED_SOFTWARE_STATEMENT = "unapproved_software_statement"
    INVALID_CLIENT = "invalid_client"
    INVALID_REQUEST = "invalid_request"
    UNAUTHORIZED_CLIENT = "unauthorized_client"
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"
    INVALID_SCOPE = "invalid_scope"
    INVALID_GRANT = "invalid_grant"
    INVALID_AUTHORIZATION_DETAILS = "invalid_authorization_details"
    INVALID_REQUEST_OBJECT = "invalid_request_object"
    INVALID_REQUEST_URI = "invalid_request_uri"
    UNSUPPORTED_RESPONSE_TYPE = "unsupported_response_type"
    ACCESS_DENIED = "access_denied"
    LOGIN_REQUIRED = "login_required"
    INVALID_TOKEN = "invalid_token"
    INSUFFICIENT_SCOPE = "insufficient_scope"
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable"
    SERVER_ERROR = "server_error"


@dataclass(frozen=True, slots=True)
class Fault:
    """One failed check, as the caller may see it."""

    check: str
    code: ErrorCode
    description: str
    spec: str
    status: int = 400


class GatewayError(Exception):
    """The root of the three failures."""


class Rejected(GatewayError):
    """The caller is at fault. Carries every failing check of the stage that failed, at least one.

    `headers` go out with the answer: the challenge of a 401, where the raiser knows a better one than the edge.
    """

    def __init__(self, faults: Sequence[Fault], *, headers: Mapping[str, str] = _NO_HEADERS) -> None:
        if not faults:
            raise ValueError("a rejection names at least one failed check")
        self.faults = tuple(faults)
        self.headers = headers
        super().__init__(", ".join(fault.check for fault in faults))


class Passed(Rejected):
    """Another server's no, told in its own words: it is at `status`, of `code`, which may be one that we do not know.

    Both are bounded, and in the character sets of RFC 6749 §5.2, by whoever raises this.
    """

    def __init__(self, fault: Fault, *, code: str, description: str, status: int) -> None:
        self.code, self.description, self.status = code, description, status
        super().__init__([fault])


class Unavailable(GatewayError):
    """Something we must ask did not answer. `reason` is for the log and the report, never for the wire."""

    def __init__(self, dependency: str, reason: str, *, retry_after_s: int = 5) -> None:
        self.dependency = dependency
        self.reason = reason
        self.retry_after_s = retry_after_s
        super().__init__(f"{dependency}: {reason}")


class Misconfigured(GatewayError):
    """The bank's own settings, keys or scripts are at fault. The text is for the operator only."""
