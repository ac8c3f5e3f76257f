"""What a script may ask of the gateway during a call: the directory, key sets, HTTP.

A script opens no socket and holds no key: each question goes to the gateway, which answers by its own rules
(allow-lists, caches, limits) and keeps question and answer as evidence. In a `def` the answer is there when the
method returns; in an `async def` it is awaited: `await context.directory.standing()`.

A question that the gateway could not answer ends the call, unless the script catches `CapabilityFailed`: what could not
be found out is never a yes.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from dcrgw.scripting.json_object import JsonObject


class Capabilities(Protocol):
    """Puts a question: the answer in a `def`, an awaitable of it in an `async def`.

    `directory.standing` [directory, software_id, org_id or None] -> an object of `Standing`'s fields
    `keysets.get` [directory, url or None, kid] -> {"keys": [...]}, public keys
    `http.get` [url] -> {"status", "media_type", "text"}
    """

    def __call__(self, name: str, arguments: list[Any], /) -> Any:
        """Ask. Raises: CapabilityFailed, CapabilityRefused."""
        ...


class CapabilityFailed(Exception):
    """The gateway has no answer. A script that does not catch it lets the request fail as the gateway itself would."""


class CapabilityRefused(Exception):
    """The question may not be put: by scripts of this type, so often, or at all."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the directory says of a TPP now. `found` False: it knows no such software in that organisation.

    `software_roles` None: the directory lists none. `authorisations` are its regulators': (country, role, active?).
    """

    found: bool
    software_id: str
    org_id: str | None
    organisation_active: bool
    software_active: bool
    software_roles: frozenset[str] | None
    authorisations: tuple[tuple[str, str, bool], ...] | None
    observed_at: float
    source: str

    @property
    def is_good(self) -> bool:
        """Whether software and organisation are known and active."""
        return self.found and self.organisation_active and self.software_active

    def authorises(self, role: str, member_state: str | None = None) -> bool:
        """Whether a regulator (of that member state, GB or GBR) authorises the role; what is not listed is no yes."""
        from dcrgw.core.registration.authorities import country

        wanted = None if member_state is None else country(member_state)
        return any(
            active and held == role and wanted in (None, country(state))
            for state, held, active in self.authorisations or ()
        )


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer of an HTTP server."""

    status: int
    media_type: str
    text: str

    def json(self) -> Any:
        """The text as JSON. Raises: ValueError."""
        return json.loads(self.text)


class DirectoryCapability:
    """`context.directory`: the directory that the statement of this call comes from."""

    def __init__(self, ask: Capabilities, directory: str | None, software_id: str | None, org_id: str | None) -> None:
        self._ask, self._directory, self._software_id, self._org_id = ask, directory, software_id, org_id

    def standing(self, software_id: str | None = None, org_id: str | None = None) -> Any:
        """The `Standing` of this call's TPP, or of the software that is named; at most a minute old."""
        if software_id is None:
            software_id, org_id = self._software_id, self._org_id
        if self._directory is None or software_id is None:
            raise CapabilityRefused("the call names no software that a directory could be asked about")
        return answered(self._ask("directory.standing", [self._directory, software_id, org_id]), _standing)


class KeySetsCapability:
    """`context.keysets`: public key sets, cached by the gateway."""

    def __init__(self, ask: Capabilities, directory: str | None) -> None:
        self._ask, self._directory = ask, directory

    def get(self, url: str | None = None, kid: str = "") -> Any:
        """A key set as {"keys": [...]}: the directory's own, or with a `url` that of a software whose host the
        directory's settings admit. A `kid` that is not in it is looked for once more.
        """
        if self._directory is None:
            raise CapabilityRefused("the call names no directory")
        return answered(self._ask("keysets.get", [self._directory, url, kid]), JsonObject)


class HttpCapability:
    """`context.http`: GET of an https URL whose host the settings admit for scripts."""

    def __init__(self, ask: Capabilities) -> None:
        self._ask = ask

    def get(self, url: str) -> Any:
        """The `HttpAnswer`, whatever its status. Redirects are not followed."""
        return answered(self._ask("http.get", [url]), _http_answer)


def answered(answer: Any, shape: Callable[[Any], Any]) -> Any:
    """The answer in its shape, now or when it is awaited."""
    return _later(answer, shape) if inspect.isawaitable(answer) else shape(answer)


async def _later(answer: Awaitable[Any], shape: Callable[[Any], Any]) -> Any:
    return shape(await answer)


def _standing(answer: Any) -> Standing:
    roles, held = answer["software_roles"], answer["authorisations"]
    return Standing(
        found=answer["found"],
        software_id=answer["software_id"],
        org_id=answer["org_id"],
        organisation_active=answer["organisation_active"],
        software_active=answer["software_active"],
        software_roles=None if roles is None else frozenset(roles),
        authorisations=None if held is None else tuple((state, role, active) for state, role, active in held),
        observed_at=answer["observed_at"],
        source=answer["source"],
    )


def _http_answer(answer: Any) -> HttpAnswer:
    return HttpAnswer(answer["status"], answer["media_type"], answer["text"])
