"""What a bank knows of authorization_details: its types, their rules, their words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from dcrgw.core.authorization.details import AuthorizationDetail, DetailFault, DetailText
from dcrgw.core.registration.client import RegisteredClient


class DetailOperation(StrEnum):
    """Where details are judged."""

    PUSHED = "pushed_authorization_request"
    AUTHORIZATION = "authorization_request"
    TOKEN = "token_request"
    #: A server or TPP only asks.
    CHECK = "check"


@dataclass(frozen=True, slots=True)
class DetailContext:
    """What a type is told beside the details: whose they are, and for what they are asked.

    Not the request as it arrived: a journal of decisions keeps this, and the request holds what proves the client.
    """

    client: RegisteredClient
    operation: DetailOperation


class Details(Protocol):
    """Judges details whose shape, types and bounds are judged already (`core.authorization.details`).

    Raises: Misconfigured, Unavailable when a type's script or schema fails; then nothing is granted.
    """

    def types(self, market: str) -> tuple[str, ...]:
        """The types that a market takes, compared byte by byte; none means that it takes no details."""
        ...

    async def judge(self, details: Sequence[AuthorizationDetail], context: DetailContext) -> tuple[DetailFault, ...]:
        """Every fault of every detail by its type's own rules; none is a yes."""
        ...

    async def texts(
        self, details: Sequence[AuthorizationDetail], context: DetailContext, languages: tuple[str, ...]
    ) -> tuple[DetailText, ...]:
        """Each detail in words for the person who decides, in the details' order."""
        ...

    async def narrows(self, wanted: AuthorizationDetail, granted: AuthorizationDetail, context: DetailContext) -> bool:
        """Whether the type says that `wanted`, of the same type, asks for no more than `granted` gave."""
        ...


class NoDetails:
    """A bank without detail types: everything is refused before it is asked."""

    def types(self, market: str) -> tuple[str, ...]:
        """None."""
        return ()

    async def judge(self, details: Sequence[AuthorizationDetail], context: DetailContext) -> tuple[DetailFault, ...]:
        """No type, no yes."""
        return tuple(DetailFault(i, f"/{i}/type", "type is not supported") for i in range(len(details)))

    async def texts(
        self, details: Sequence[AuthorizationDetail], context: DetailContext, languages: tuple[str, ...]
    ) -> tuple[DetailText, ...]:
        """None."""
        return ()

    async def narrows(self, wanted: AuthorizationDetail, granted: AuthorizationDetail, context: DetailContext) -> bool:
        """Never."""
        return False
