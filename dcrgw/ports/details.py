"""What a bank knows of authorization_details: its types, their rules, their words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from dcrgw.core.authorization.details import AuthorizationDetail, DetailFault, DetailText
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.ports.scripts import Capability, Occasion


class DetailOperation(StrEnum):
    """Where details are judged."""

    PUSHED = "pushed_authorization_request"
    AUTHORIZATION = "authorization_request"
    TOKEN = "token_request"
    #: A server or TPP only asks.
    CHECK = "check"


@dataclass(frozen=True, slots=True)
class DetailContext:
    """What a type is told beside the details: whose they are, for what they are asked, and by which request.

    Of the request only what scripts may see: a journal of decisions keeps this, and the rest proves the client.
    """

    client: RegisteredClient
    operation: DetailOperation
    occasion: Occasion


class Details(Protocol):
    """Judges details whose shape, types and bounds are judged already (`core.authorization.details`).

    `ask` answers what scripts want to know. Raises: Misconfigured, Unavailable when a type's script gives no answer,
    and what `ask` raised; then nothing is granted.
    """

    def types(self, market: str) -> tuple[str, ...]:
        """The types that a market takes, compared byte by byte; none means that it takes no details."""
        ...

    async def judge(
        self, details: Sequence[AuthorizationDetail], context: DetailContext, ask: Capability
    ) -> tuple[DetailFault, ...]:
        """Every fault of every detail by its type's own rules; none is a yes."""
        ...

    async def texts(
        self,
        details: Sequence[AuthorizationDetail],
        context: DetailContext,
        languages: tuple[str, ...],
        ask: Capability,
    ) -> tuple[DetailText, ...]:
        """Each detail in words for the person who decides, in the details' order."""
        ...

    async def narrows(
        self, wanted: AuthorizationDetail, granted: AuthorizationDetail, context: DetailContext, ask: Capability
    ) -> bool:
        """Whether the type says that `wanted`, of the same type, asks for no more than `granted` gave."""
        ...

    def enriches(self, market: str, type: str) -> tuple[str, ...]:
        """The members of a type, by JSON pointer, that a server behind the gateway may fill in (RFC 9396 §7.1)."""
        ...


class NoDetails:
    """A bank without detail types: everything is refused before it is asked."""

    def types(self, market: str) -> tuple[str, ...]:
        """None."""
        return ()

    async def judge(
        self, details: Sequence[AuthorizationDetail], context: DetailContext, ask: Capability
    ) -> tuple[DetailFault, ...]:
        """No type, no yes."""
        return tuple(DetailFault(i, f"/{i}/type", "type is not supported") for i in range(len(details)))

    async def texts(
        self,
        details: Sequence[AuthorizationDetail],
        context: DetailContext,
        languages: tuple[str, ...],
        ask: Capability,
    ) -> tuple[DetailText, ...]:
        """None."""
        return ()

    async def narrows(
        self, wanted: AuthorizationDetail, granted: AuthorizationDetail, context: DetailContext, ask: Capability
    ) -> bool:
        """Never."""
        return False

    def enriches(self, market: str, type: str) -> tuple[str, ...]:
        """None."""
        return ()
