"""Scripts in a replay: really run, on the recorded inputs, and with the recorded answers to what they ask."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from dcrgw.core.authorization.detail_rules import DeclaredType
from dcrgw.core.scripts.detail_types import AUTHZ_DETAIL
from dcrgw.core.scripts.types import TYPES
from dcrgw.core.strict_json import JsonValue
from dcrgw.ports import Ports
from dcrgw.ports.scripts import (
    Capability,
    ClientCall,
    IntrospectionCall,
    IntrospectionOutcome,
    KeysCall,
    Occasion,
    ScriptCall,
    ScriptOutcome,
    Scripts,
)
from dcrgw.scripting.detail_types import DetailTypes
from dcrgw.scripting.hiring import WorkerSettings
from dcrgw.scripting.host import DEADLINE_S, ScriptHost
from dcrgw.scripting.prepared import Prepared
from dcrgw.scripting.runner import Loaded
from dcrgw.scripting.runners import Runners
from dcrgw.scripting.typed_calls import IDS, INTROSPECTION, REGISTRATION

#: Told of what happens to scripts: an event's name and its fields.
Sink = Callable[..., None]


@dataclass(frozen=True, slots=True)
class ScriptSet:
    """The scripts of a replay. Calls of `types` are theirs, also where no script of the type is among them; what other
    types were asked is answered as it was recorded. `declared` are detail types that need no script.
    """

    scripts: tuple[Prepared, ...] = ()
    types: frozenset[str] = frozenset()
    declared: tuple[DeclaredType, ...] = ()
    workers: WorkerSettings = field(default_factory=WorkerSettings)
    deadline_s: float = DEADLINE_S

    @classmethod
    def of_gateway(cls, scripts: Sequence[Prepared], declared: Sequence[DeclaredType], **more: Any) -> ScriptSet:
        """All that a gateway has: no call of any type is answered from a recording."""
        return cls(tuple(scripts), frozenset(TYPES), tuple(declared), **more)


@dataclass(frozen=True, slots=True)
class RunningScripts:
    """A set whose scripts are loaded. Made by `running`."""

    host: ScriptHost
    types: frozenset[str]
    details: DetailTypes
    hidden: frozenset[str] = frozenset()

    def before(self, recorded: Ports) -> Ports:
        """The recorded ports, with these scripts in the place of those that were recorded."""
        return replace(
            recorded,
            scripts=_Split(recorded.scripts, self.host, self.types),
            details=self.details if AUTHZ_DETAIL in self.types else recorded.details,
        )


@asynccontextmanager
async def running(
    chosen: ScriptSet, on_event: Sink = lambda *_, **__: None, runners: Runners | None = None
) -> AsyncIterator[RunningScripts]:
    """The set, loaded as a gateway loads it, by `runners` where several sets share them.

    Raises: Misconfigured in a script's words, Unavailable.
    """
    own = runners or Runners(chosen.workers, on_event)
    host = ScriptHost(on_event=on_event, deadline_s=chosen.deadline_s)
    loaded: list[Loaded] = []
    try:
        try:
            for each in chosen.scripts:
                if not each.is_missing:
                    loaded.append(await own.load(each.entry, each.properties))  # noqa: PERF401 - as below
        finally:
            # What was loaded is the host's to put away, also where the next does not load.
            host.swap(loaded, [each.entry for each in chosen.scripts if each.is_missing])
        hidden = frozenset(value for each in chosen.scripts for value in each.hidden)
        yield RunningScripts(host, chosen.types, DetailTypes(host, chosen.declared), hidden)
    finally:
        await host.close()
        if runners is None:
            await own.close()


@dataclass(frozen=True, slots=True)
class _Split:
    """Implements `ports.scripts.Scripts`: each call goes to what answers for its type."""

    recorded: Scripts
    run: Scripts
    types: frozenset[str]

    async def create_client(self, call: ScriptCall, ask: Capability) -> ScriptOutcome:
        """See `ports.scripts.Scripts`."""
        return await self._of(REGISTRATION).create_client(call, ask)

    async def update_client(self, call: ScriptCall, ask: Capability) -> ScriptOutcome:
        """See `ports.scripts.Scripts`."""
        return await self._of(REGISTRATION).update_client(call, ask)

    async def modify_response(
        self, call: ClientCall, response: Mapping[str, JsonValue], ask: Capability
    ) -> Mapping[str, JsonValue] | None:
        """See `ports.scripts.Scripts`."""
        return await self._of(REGISTRATION).modify_response(call, response, ask)

    async def is_certificate_valid(self, call: ClientCall, ask: Capability) -> bool | None:
        """See `ports.scripts.Scripts`."""
        return await self._of(REGISTRATION).is_certificate_valid(call, ask)

    async def keys(self, call: KeysCall, ask: Capability) -> str | None:
        """See `ports.scripts.Scripts`."""
        return await self._of(REGISTRATION).keys(call, ask)

    async def generate_id(self, occasion: Occasion, id_type: str, prefix: str = "") -> str | None:
        """See `ports.scripts.Scripts`."""
        # As it was asked: a recording knows the question by its arguments.
        return await self._of(IDS).generate_id(occasion, id_type, *([prefix] if prefix else []))

    async def modify_introspection(self, call: IntrospectionCall) -> IntrospectionOutcome:
        """See `ports.scripts.Scripts`."""
        return await self._of(INTROSPECTION).modify_introspection(call)

    def _of(self, type_: str) -> Scripts:
        return self.run if type_ in self.types else self.recorded
