"""What a market's built-in authorization server offers. Lives are in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

AUTHORIZATION_CODE = "authorization_code"
CLIENT_CREDENTIALS = "client_credentials"
REFRESH_TOKEN = "refresh_token"


class Use(StrEnum):
    """Whether a way to ask is taken, and whether it is the only one."""

    OFF = "off"
    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class ResourceServer:
    """An API of the bank that may introspect tokens, known by its certificate: the SHA-256 thumbprint, base64url."""

    name: str
    x5t_s256: str


@dataclass(frozen=True, slots=True)
class AuthorizationServer:
    """A market's settings of it. The authorization endpoint is there where `grant_types` has authorization_code."""

    grant_types: tuple[str, ...] = (CLIENT_CREDENTIALS,)
    #: Off leaves no endpoint for it.
    pushed: Use = Use.OPTIONAL
    signed_requests: Use = Use.OPTIONAL
    #: RFC 9126 §2.2: 5 to 600.
    pushed_lifetime_s: int = 90
    #: How long a person may think.
    interaction_lifetime_s: int = 600
    code_lifetime_s: int = 60
    refresh_token_lifetime_s: int = 7_776_000
    rotates_refresh_tokens: bool = False
    id_token_lifetime_s: int = 300
    #: Access tokens are JWTs of RFC 9068 for this audience; None leaves them opaque.
    jwt_audience: str | None = None
    #: authorization_details_types of clients that register none.
    default_detail_types: tuple[str, ...] = ()
    resource_servers: tuple[ResourceServer, ...] = ()

    @property
    def asks_people(self) -> bool:
        """Whether there is an authorization endpoint, and with it pushed requests, codes and grants."""
        return AUTHORIZATION_CODE in self.grant_types

    @property
    def takes_pushed_requests(self) -> bool:
        """Whether there is an endpoint for them."""
        return self.asks_people and self.pushed is not Use.OFF
