"""What a script may ask of the gateway during a call: `context.directory`, `context.keysets`, `context.http`.

In a `def` method each question waits for its answer; in an `async def` method it is awaited.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

#: Puts a question by its name: the answer in a `def`, an awaitable of it in an `async def`.
Asking = Callable[[str, list[Any]], Any]

DIRECTORY_STANDING = "directory.standing"
KEYSETS_GET = "keysets.get"
HTTP_GET = "http.get"
_ALL = frozenset({DIRECTORY_STANDING, KEYSETS_GET, HTTP_GET})

#: What scripts of a type may ask; a type that is not here may ask nothing. Introspection and ids stand in the way
#: of every request, so what they need they must have been given.
ALLOWED: Mapping[str, frozenset[str]] = {
    "client_registration": _ALL,
    "authz_detail": _ALL,
}
#: How many questions one call may put.
MOST_QUESTIONS = 16


class CapabilityFailed(Exception):
    """The gateway has no answer. A script that does not catch it lets the request fail as the gateway itself would."""


class CapabilityRefused(Exception):
    """The question may not be put: by scripts of this type, so often, or at all."""


class DirectoryCapability:
    """The directory's word on who is authorised."""

    def __init__(self, ask: Asking) -> None:
        self._ask = ask

    def standing(self, directory: str, software_id: str, org_id: str | None = None) -> Any:
        """What the directory says now, at most a minute old: a dict with `found`, `organisation_active`,
        `software_active`, `software_roles`, `authorisations` and more.
        """
        return self._ask(DIRECTORY_STANDING, [directory, software_id, org_id])


class KeySetsCapability:
    """Public key sets, cached by the gateway."""

    def __init__(self, ask: Asking) -> None:
        self._ask = ask

    def get(self, directory: str, url: str | None = None, kid: str = "") -> Any:
        """The directory's own key set, or with a `url` that of a software whose host its configuration admits: a JWKS
        as a dict. A `kid` that is not in it is looked for once more.
        """
        return self._ask(KEYSETS_GET, [directory, url, kid])


class HttpCapability:
    """GET requests to hosts that the configuration admits for scripts, by the gateway's own guarded way out."""

    def __init__(self, ask: Asking) -> None:
        self._ask = ask

    def get(self, url: str) -> Any:
        """A dict with `status`, `media_type` and `text`."""
        return self._ask(HTTP_GET, [url])


class Capabilities:
    """All of them, for one call. `ask` refuses what scripts of the type may not ask, and too many questions."""

    def __init__(self, type_id: str, ask: Asking) -> None:
        self._allowed = ALLOWED.get(type_id, frozenset())
        self._type_id = type_id
        self._put = ask
        self._left = MOST_QUESTIONS
        self.directory = DirectoryCapability(self._ask)
        self.keysets = KeySetsCapability(self._ask)
        self.http = HttpCapability(self._ask)

    def _ask(self, name: str, arguments: list[Any]) -> Any:
        if name not in self._allowed:
            raise CapabilityRefused(f"a script of the type {self._type_id} may not ask {name}")
        if self._left <= 0:
            raise CapabilityRefused(f"a call may put {MOST_QUESTIONS} questions at most")
        self._left -= 1
        return self._put(name, arguments)
