"""The kinds of script there are. An author subclasses the base class of the kind.

from dcrgw.scripting.types import ClientRegistrationType

class ClientRegistration(ClientRegistrationType):
    def init(self, customScript, configurationAttributes): ...
    def createClient(self, context): ...
    def updateClient(self, context): ...
    def destroy(self, configurationAttributes): ...
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class ScriptType:
    """What every script has. `currentTimeMillis` is the time of loading, epoch milliseconds."""

    def __init__(self, currentTimeMillis: int) -> None:
        self.currentTimeMillis = currentTimeMillis

    def init(self, *arguments: Any) -> bool:
        """Called once at loading: `(customScript, configurationAttributes)`, or `(configurationAttributes)` alone
        where `getApiVersion` says 10 or less. Anything but True keeps the gateway from starting.
        """
        raise NotImplementedError

    def destroy(self, configurationAttributes: Any) -> bool:
        """Called once before the script is put away."""
        raise NotImplementedError

    def getApiVersion(self) -> int:
        """Which generation of the scripting API the script speaks."""
        return 11


class ClientRegistrationType(ScriptType):
    """Intercepts registrations, after every built-in check has passed.

    Both methods may be `def` or `async def`, and take `(context)` or `(registerRequest, client,
    configurationAttributes)`. True lets the registration go on, False refuses it; anything else, and any
    exception, is a fault of the script and is answered 500. One instance serves concurrent requests, so
    what belongs to a request stays in local variables.
    """

    def createClient(self, *arguments: Any) -> Any:
        """A client is about to be registered."""
        raise NotImplementedError

    def updateClient(self, *arguments: Any) -> Any:
        """A client is about to be replaced by a new state."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class ScriptKind:
    """One kind of script, as data. `methods` are what its author must write, each with the numbers of arguments
    that it may take.
    """

    id: str
    class_name: str
    base: type[ScriptType]
    methods: Mapping[str, tuple[int, ...]]


#: Every kind of script, by the id that configuration names it with.
KINDS: Mapping[str, ScriptKind] = {
    kind.id: kind
    for kind in (
        ScriptKind(
            id="client_registration",
            class_name="ClientRegistration",
            base=ClientRegistrationType,
            methods={"init": (2, 1), "destroy": (1,), "createClient": (1, 3), "updateClient": (1, 3)},
        ),
    )
}
