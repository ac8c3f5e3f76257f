"""The registered client: what the gateway keeps, and what of it the TPP sees."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from dcrgw.core.checks import wire_text
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.upstream.client import UPSTREAM_TOKEN, UpstreamRef
from dcrgw.core.values import lean


class ClientStatus(StrEnum):
    """A client's life. `pending` is one that the authorization server behind the market has yet to confirm: nobody
    sees it, but its client_id, its jti and its software are taken."""

    PENDING = "pending"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    DELETED = "deleted"


@lean
@dataclass(frozen=True, slots=True)
class RegisteredClient:
    """One registration. Times are epoch seconds.

    `subject_key` is the digest of the certificate's subject and issuer that registered it: who may ask again.
    `attributes` are the bank's own (trusted, access_token_as_jwt, per-client scripts); never on the wire.
    `secrets` (client_secret, and what the gateway shows the authorization server) are sealed at rest; repr leaves
    them out, and the statement too: it is a token.
    """

    client_id: str
    client_id_issued_at: int
    market: str
    metadata: ClientMetadata
    software_id: str | None
    org_id: str | None
    directory: str | None
    software_statement: str | None = field(repr=False)
    statement_claims: Mapping[str, JsonValue] = field(repr=False)
    ssa_jti: str | None
    x5t_s256: str
    subject_key: str
    request_digest: str
    attributes: Mapping[str, JsonValue] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: `token_hash` of the registration access token, where the market manages clients by one (RFC 7592).
    registration_access_token_hash: str | None = field(default=None, repr=False)
    status: ClientStatus = ClientStatus.ACTIVE
    version: int = 1
    #: How the authorization server behind the market knows it, without the token: that is among `secrets`.
    upstream: UpstreamRef | None = None

    def upstream_ref(self) -> UpstreamRef | None:
        """How the authorization server knows it, with the token by which it is managed there."""
        ref = self.upstream
        return None if ref is None else replace(ref, token=self.secrets.get(UPSTREAM_TOKEN))


#: OB UK DCR, client_id: 1 to 36 characters; none that a path, a log or a form would have to escape.
_CLIENT_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,35}")


#: Enough to find a mistyped id by, and of a secret or a token that somebody sent in its place too little to use.
_SHOWN_OF_UNKNOWN = 8


def claimed_id(text: str, client: RegisteredClient | None) -> str:
    """What reports and audit rows tell of an id that a caller claims: whole only where `client` has it."""
    if client is not None:
        return client.client_id
    shown = wire_text(text)
    return shown if len(shown) <= _SHOWN_OF_UNKNOWN else f"{shown[:_SHOWN_OF_UNKNOWN]}..."


def is_client_id(text: str) -> bool:
    """Whether a client could have this id; one that begins with a dot could not be addressed by its path."""
    return _CLIENT_ID.fullmatch(text) is not None
