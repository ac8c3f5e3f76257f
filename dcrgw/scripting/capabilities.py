"""Which questions a script may put to the gateway during a call, by its type, and how many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dcrgw.scripting.questions import Capabilities, CapabilityRefused

_ALL = frozenset({"directory.standing", "keysets.get", "http.get"})

#: What scripts of a type may ask; a type that is not here may ask nothing. Introspection and ids stand in the way
#: of every request, so what they need they must have been given.
ALLOWED: Mapping[str, frozenset[str]] = {"client_registration": _ALL, "authz_detail": _ALL}
#: How many questions one call may put.
MOST_QUESTIONS = 16


class Allowance:
    """The capabilities of one call: refuses what scripts of the type may not ask, and too many questions."""

    def __init__(self, type_id: str, ask: Capabilities) -> None:
        self._type_id, self._ask = type_id, ask
        self._left = MOST_QUESTIONS

    def __call__(self, name: str, arguments: list[Any], /) -> Any:
        """Ask. Raises: CapabilityFailed, CapabilityRefused."""
        if name not in ALLOWED.get(self._type_id, ()):
            raise CapabilityRefused(f"a script of the type {self._type_id} may not ask {name}")
        if self._left <= 0:
            raise CapabilityRefused(f"a call may put {MOST_QUESTIONS} questions at most")
        self._left -= 1
        return self._ask(name, arguments)
