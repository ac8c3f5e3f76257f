"""A market's own authorization server (AS), as far as a judgement depends on it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Gap(StrEnum):
    """What becomes of a client whose authentication method the AS does not have."""

    #: It is not registered.
    REFUSE = "refuse"
    #: The gateway authenticates it, and shows the AS a secret that only the gateway knows.
    BRIDGE = "bridge"


class TokenSource(StrEnum):
    """Who says what an access token of the AS is good for, where registrations are managed by one."""

    #: RFC 7662, asked of the AS.
    INTROSPECTION = "introspection"
    #: RFC 9068, proven by the AS's published keys; a revocation is noticed only if it came through the gateway.
    JWKS = "jwks"


@dataclass(frozen=True, slots=True)
class UpstreamServer:
    """The AS of one market. Its issuer is the market's: the gateway's public URL."""

    kind: str
    #: token_endpoint_auth_method values that it has itself.
    auth_methods: frozenset[str]
    gap: Gap
    #: The gateway chooses the client_id there; else the AS does, and the two are mapped.
    takes_client_id: bool
    #: A registration whose answer was lost can be found there again.
    finds_clients: bool
    #: Where the gateway reaches what stands for the issuer there; no slash at its end.
    url: str
    #: Paths below the issuer whose pages are passed through to browsers (`interaction`, `auth/*`…).
    pages: tuple[str, ...]
    token_source: TokenSource
    #: After so many seconds without a word a registration is given up, and undone where it can be.
    give_up_s: int = 86_400
    #: It binds tokens to the certificate that the gateway passes on (RFC 8705 §3); else only the gateway does.
    binds_tokens: bool = True
    #: Scopes that it adds by itself to what a client registered, and that may leave with a token.
    added_scopes: frozenset[str] = frozenset()
    #: Origins that its pages may send browsers to, beside the market's own and redirect URIs of clients that ask.
    page_redirects: tuple[str, ...] = ()
    #: Longest time that one attempt to tell it something may take.
    attempt_s: float = 30.0
    #: Pause before the second attempt; it doubles each time.
    retry_s: float = 2.0
    #: When something that it was not told yet is an alarm.
    alarm_s: float = 900.0
    #: Members of `core.upstream.judging` that it may leave out of what it keeps: the bank answers for that.
    may_drop: frozenset[str] = frozenset()
    #: It is sent the software statement too, proven by the gateway: its pages find the TPP's name there.
    gets_statement: bool = False

    def has(self, method: str) -> bool:
        """Whether the AS authenticates clients by this method itself."""
        return method in self.auth_methods
