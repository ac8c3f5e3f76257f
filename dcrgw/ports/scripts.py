"""The bank's interception scripts, as the flows see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from dcrgw.core.certificates.identity import ClientIdentity
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.core.registration.statement import SoftwareStatement
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.values import lean
from dcrgw.errors import ErrorCode


@lean
@dataclass(frozen=True, slots=True)
class ScriptCall:
    """What a client-registration script is told. All values; nothing that it changes reaches the gateway by itself."""

    market: str
    identity: ClientIdentity
    #: The leaf certificate, DER.
    certificate: bytes
    statement: SoftwareStatement | None
    metadata: ClientMetadata
    #: The request's own claims as read (iss, aud, jti and all).
    request_claims: Mapping[str, JsonValue] = field(repr=False)
    client_id: str
    attributes: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A script's no: its own code and words where it chose any, else the gateway's."""

    code: ErrorCode = ErrorCode.UNAPPROVED_SOFTWARE_STATEMENT
    description: str = "a registration script of the bank refused the request"
    status: int = 400


@lean
@dataclass(frozen=True, slots=True)
class ScriptOutcome:
    """What the scripts made of a call. With a `refusal` the rest does not count."""

    metadata: ClientMetadata
    client_id: str
    client_id_chosen: bool
    attributes: Mapping[str, JsonValue]
    #: Names of the scripts that ran, in order.
    ran: tuple[str, ...] = ()
    refusal: Refusal | None = None


class Scripts(Protocol):
    """Runs every enabled client-registration script in order; the first no ends it.

    Raises: Misconfigured when a script raises or returns what is neither True nor False.
    """

    async def create_client(self, call: ScriptCall) -> ScriptOutcome:
        """createClient of each script."""
        ...

    async def update_client(self, call: ScriptCall) -> ScriptOutcome:
        """updateClient of each script."""
        ...
