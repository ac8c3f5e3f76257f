"""A client as the authorization server behind the gateway (AS) has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dcrgw.core.strict_json import JsonValue

#: Among a client's sealed `secrets`: the AS's own registration access token.
UPSTREAM_TOKEN = "upstream_token"
#: Among them: the secret that the gateway shows the AS for a client that the gateway itself authenticates.
UPSTREAM_SECRET = "upstream_secret"


@dataclass(frozen=True, slots=True)
class UpstreamRef:
    """How the AS knows a client. `client_id` may differ from ours."""

    client_id: str
    #: registration_client_uri (RFC 7592), where the AS gave one.
    uri: str | None = None
    #: The AS's own registration access token: ours to keep, sealed, and nobody's to see.
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class UpstreamClient:
    """What the AS answered about one client (RFC 7591 §3.2.1)."""

    ref: UpstreamRef
    #: Its members as the AS keeps them, without ids and credentials.
    metadata: Mapping[str, JsonValue] = field(repr=False)
    #: client_secret, where the AS made one or keeps the one that we sent.
    secret: str | None = field(default=None, repr=False)
    #: Of an answer to a registration: the AS says that it made the client just now. Some tell of one that was there
    #: before, which may be anybody's.
    is_new: bool = True


@dataclass(frozen=True, slots=True)
class WantedClient:
    """What the AS is asked to keep: RFC 7591 §2 members in the AS's own words, bridged methods replaced.

    `key` is the idempotency key: derived from the request, the same for every attempt at it.
    """

    key: str
    #: Ours: the AS's too, where it lets us choose.
    client_id: str
    #: A software statement may be among them, which is a token.
    metadata: Mapping[str, JsonValue] = field(repr=False)
    #: The secret that the gateway shows the AS for a bridged client; the AS makes none of its own then.
    secret: str | None = field(default=None, repr=False)
