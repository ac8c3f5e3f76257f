"""What the rules judge: one registration, whole."""

from __future__ import annotations

from dataclasses import dataclass, field

from dcrgw.core.certificates.identity import ClientIdentity
from dcrgw.core.market import Market
from dcrgw.core.registration.metadata import ClientMetadata, effective
from dcrgw.core.registration.profile import Profile
from dcrgw.core.registration.request import RegistrationRequest
from dcrgw.core.registration.statement import SoftwareStatement
from dcrgw.core.values import lean


@lean
@dataclass(frozen=True, slots=True)
class Registration:
    """Who asks, with which statement, for what. `asked` is the request's metadata, `metadata` what would be registered.

    Rules look at `metadata` unless they are about the asking itself; with a script's metadata in its place
    (`dataclasses.replace`) they judge that.
    """

    identity: ClientIdentity
    statement: SoftwareStatement | None
    request: RegistrationRequest
    asked: ClientMetadata
    metadata: ClientMetadata
    profile: Profile
    market: Market
    #: Members of `metadata` that many rules ask for.
    auth_method: str | None = field(init=False, repr=False)
    grant_types: tuple[str, ...] = field(init=False, repr=False)
    response_types: tuple[str, ...] = field(init=False, repr=False)
    redirect_uris: tuple[str, ...] = field(init=False, repr=False)
    scopes: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        metadata = self.metadata
        object.__setattr__(self, "auth_method", metadata.text("token_endpoint_auth_method"))
        object.__setattr__(self, "grant_types", metadata.texts("grant_types"))
        object.__setattr__(self, "response_types", metadata.texts("response_types"))
        object.__setattr__(self, "redirect_uris", metadata.redirect_uris)
        object.__setattr__(self, "scopes", metadata.scopes)

    @property
    def proven(self) -> SoftwareStatement:
        """The statement, for rules that apply on the condition that there is one."""
        assert self.statement is not None
        return self.statement

    @classmethod
    def of(
        cls,
        identity: ClientIdentity,
        statement: SoftwareStatement | None,
        request: RegistrationRequest,
        market: Market,
    ) -> Registration:
        """A registration as a request asks for it, completed by defaults and statement."""
        asked = request.metadata
        completed = effective(asked, statement, market.profile)
        return cls(identity, statement, request, asked, completed, market.profile, market)


def has_statement(subject: Registration) -> bool:
    """Whether there is a statement to hold the request against."""
    return subject.statement is not None
