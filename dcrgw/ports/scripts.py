"""The bank's interception scripts, as the flows see them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from dcrgw.core.certificates.identity import ClientIdentity
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.core.registration.statement import SoftwareStatement
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.values import lean
from dcrgw.errors import ErrorCode

#: What a script may ask of the gateway during a call: a name (`directory.standing`, `keysets.get`, `http.get`) and
#: arguments, answered with JSON. Raises: Unavailable or Rejected as the port behind it does; ValueError for a
#: question that makes no sense.
Capability = Callable[[str, Sequence[JsonValue]], Awaitable[JsonValue]]


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
    #: The request as signed; None for a JSON body.
    request_jws: str | None = field(default=None, repr=False)
    #: `method`, `path`, `remote_address`, `headers`, as `Arrival.http_facts` tells them.
    http: Mapping[str, JsonValue] = field(default_factory=dict)
    operation: str = "create"
    #: The report that the call belongs to, and the caller's label: what its failures and its log are found by.
    report_id: str = ""
    interaction_id: str = ""


@dataclass(frozen=True, slots=True)
class Occasion:
    """The request that a method is called for. `http` as in `ScriptCall`."""

    market: str
    operation: str
    report_id: str = ""
    interaction_id: str = ""
    http: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClientCall:
    """What is told of a client as it is registered, and of the certificate (DER) that comes for it."""

    occasion: Occasion
    client: RegisteredClient
    identity: ClientIdentity
    certificate: bytes


@dataclass(frozen=True, slots=True)
class KeysCall:
    """What is told of a token that the script's keys must prove: nothing in it is proven yet.

    `of` is "statement" or "request"; `statement` the proven statement that a request stands on. `is_shared` asks for
    a shared secret instead of public keys.
    """

    occasion: Occasion
    directory: str
    of: str
    jws: str = field(repr=False)
    claims: Mapping[str, JsonValue] = field(repr=False)
    is_shared: bool = False
    statement: SoftwareStatement | None = None


@dataclass(frozen=True, slots=True)
class IntrospectionCall:
    """What is told of a token that is introspected. `client` is the token's; `response` the answer as it stands."""

    occasion: Occasion
    client: RegisteredClient
    response: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class IntrospectionOutcome:
    """The answer that the scripts made, not judged yet.

    `into_jwt` is what a JWT access token may take over of it: the same without the additions of those scripts that
    keep theirs out of tokens. `ran` are the names of those whose changes were taken.
    """

    response: Mapping[str, JsonValue]
    into_jwt: Mapping[str, JsonValue]
    ran: tuple[str, ...] = ()


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


class IdGenerator(Protocol):
    """The bank's id_generator script. Raises: as `Scripts`."""

    async def generate_id(self, occasion: Occasion, id_type: str, prefix: str = "") -> str | None:
        """generateId, not judged yet. None: no script, or it leaves it to the gateway."""
        ...


class Scripts(Protocol):
    """The bank's scripts. `ask` answers their questions.

    Raises: Misconfigured when a script raises, overruns, dies or returns what it may not; Unavailable when one that
    is needed does not serve or has no free worker, and what `ask` raised.
    """

    async def create_client(self, call: ScriptCall, ask: Capability) -> ScriptOutcome:
        """createClient of every enabled script, by descending level, then name; the first no ends it."""
        ...

    async def update_client(self, call: ScriptCall, ask: Capability) -> ScriptOutcome:
        """updateClient of the same."""
        ...

    async def modify_response(
        self, call: ClientCall, response: Mapping[str, JsonValue], ask: Capability
    ) -> Mapping[str, JsonValue] | None:
        """modifyPostResponse, modifyPutResponse or modifyReadResponse by the operation (create, update, read): the
        changed answer, not judged yet. None: as it was.
        """
        ...

    async def is_certificate_valid(self, call: ClientCall, ask: Capability) -> bool | None:
        """isCertValidForClient. None: no script says anything."""
        ...

    async def keys(self, call: KeysCall, ask: Capability) -> str | None:
        """getSoftwareStatementJwks, getDcrJwks or their HMAC kin: the text of a JWK Set, or a secret.

        None: no script has the method.
        """
        ...

    async def generate_id(self, occasion: Occasion, id_type: str, prefix: str = "") -> str | None:
        """generateId, not judged yet. None: no script, or it leaves it to the gateway."""
        ...

    async def modify_introspection(self, call: IntrospectionCall) -> IntrospectionOutcome:
        """modifyResponse of the client's own introspection scripts (its attribute `introspection_scripts`), or of
        every enabled one where it has no such attribute, by descending level, then name.
        """
        ...
