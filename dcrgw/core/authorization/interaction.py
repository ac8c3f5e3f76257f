"""What an authorization is made of, from the request to the grant. Times are epoch seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from dcrgw.core.authorization import response_types
from dcrgw.core.authorization.details import AuthorizationDetail, DetailText


class Decision(StrEnum):
    """A person's word."""

    APPROVE = "approve"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Customer:
    """A person who may approve: `sub` is what tokens call them, `name` what pages do."""

    sub: str
    name: str


@dataclass(frozen=True, slots=True)
class SingleUse:
    """A request object's `jti`, which must not come again before `expires_at`."""

    jti: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class Return:
    """Where a client hears of its request: its proven redirect_uri, in the query or in the fragment, with its state."""

    redirect_uri: str
    state: str | None = None
    in_fragment: bool = False


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """An authorization request that was judged, by parameters, by request_uri or as a signed object.

    The client and `redirect_uri` are proven to belong together, so an answer may go there.
    """

    market: str
    client_id: str
    redirect_uri: str
    scope: tuple[str, ...]
    #: The S256 challenge (RFC 7636 §4.2).
    code_challenge: str
    state: str | None = None
    nonce: str | None = None
    prompt: frozenset[str] = frozenset()
    max_age: int | None = None
    #: Languages that the person prefers, best first (BCP 47), as the client says.
    ui_locales: tuple[str, ...] = ()
    login_hint: str | None = None
    details: tuple[AuthorizationDetail, ...] = ()
    #: What the authorization uses up, of a request object that was not pushed.
    once: SingleUse | None = None
    response_type: str = response_types.CODE

    @property
    def to(self) -> Return:
        """Where its answer goes."""
        return Return(self.redirect_uri, self.state, response_types.MODES[self.response_type] == "fragment")


@dataclass(frozen=True, slots=True)
class PushedRequest:
    """An authorization request that waits under its request_uri (RFC 9126), kept by the hash of that."""

    hash: str
    request: AuthorizationRequest
    expires_at: float


@dataclass(frozen=True, slots=True)
class AskedRequest:
    """An authorization request that was judged and went on to the server behind the market (AS), whose grant it is.

    Kept by the hash of the AS's request_uri, or of the request where none was pushed. Its code comes back with the
    verifier of its challenge: by that it is known again.
    """

    hash: str
    request: AuthorizationRequest
    expires_at: float


@dataclass(frozen=True, slots=True)
class Interaction:
    """A request that waits for a person. `id` stands in addresses; the key that its hash is of never does.

    `customer` and `authenticated_at` are there once somebody signed in.
    """

    id: str
    key_hash: str = field(repr=False)
    request: AuthorizationRequest
    #: What the person is shown of each detail, in the details' order.
    texts: tuple[DetailText, ...]
    #: Hash of the request_uri that ends with it, where the request was pushed.
    pushed: str | None
    begun_at: float
    expires_at: float
    customer: Customer | None = None
    authenticated_at: float | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """What a person granted a client; codes and tokens hang on it and end with it. `expires_at`: its last token's.

    Of a grant of the server behind the market (AS) it is what was asked, and so the most that is released; `sub` is
    empty, since the AS knows the person.
    """

    id: str
    market: str
    client_id: str
    sub: str
    scope: tuple[str, ...]
    details: tuple[AuthorizationDetail, ...]
    authenticated_at: float
    granted_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code, kept by its hash. A used one is remembered: a second use ends its grant."""

    hash: str
    grant: Grant
    redirect_uri: str
    code_challenge: str
    nonce: str | None
    expires_at: float
    is_used: bool = False


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token, kept by its hash. A used one was rotated out: a second use ends its grant."""

    hash: str
    grant: Grant
    expires_at: float
    is_used: bool = False
