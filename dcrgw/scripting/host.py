"""Which scripts run for a call, in which order, and what becomes of their answers.

An immutable generation of loaded scripts serves; `swap` puts the next in its place. Calls that are under way finish
on the scripts that they began with, which are destroyed after the last.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.core.strict_json import JsonValue
from dcrgw.errors import Misconfigured, Unavailable
from dcrgw.ports.script_serving import ScriptError
from dcrgw.ports.scripts import Capability, Refusal, ScriptCall, ScriptOutcome
from dcrgw.scripting.calls import MethodAnswer, MethodCall, ScriptFailed
from dcrgw.scripting.facts import facts_of_call
from dcrgw.scripting.failures import Failures
from dcrgw.scripting.judging import check_changes, no_of
from dcrgw.scripting.runner import Loaded
from dcrgw.scripting.template import Sink
from dcrgw.scripting.typed_calls import About, TypedCalls, ask_nothing

#: How long one script may take over one request, unless configured otherwise.
DEADLINE_S = 5.0

REGISTRATION = "client_registration"


@dataclass(slots=True, eq=False)
class _Serving:
    """A loaded script that serves, and how many calls are in it. `generation` counts what was swapped in."""

    loaded: Loaded
    generation: int
    calls: int = 0
    retired: bool = False


@dataclass(frozen=True, slots=True)
class _Generation:
    """One state of all scripts: by type, in the order in which they run; and what should serve but does not."""

    by_type: Mapping[str, tuple[_Serving, ...]]
    missing: tuple[ScriptEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Ran:
    """What a row of scripts made of a call: their names in order, the first no, and all changes over each other."""

    names: tuple[str, ...] = ()
    changes: Mapping[str, JsonValue] = field(default_factory=dict)
    refusal: Refusal | None = None


class ScriptHost(TypedCalls):
    """Implements `dcrgw.ports.scripts.Scripts`."""

    def __init__(
        self,
        *,
        on_event: Sink,
        redact: Callable[[str], str] = lambda text: text,
        deadline_s: float = DEADLINE_S,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._on_event, self._redact, self._deadline_s, self._now = on_event, redact, deadline_s, now
        self._serving = _Generation({})
        self._swaps = 0
        #: When what serves changed last, monotonic seconds.
        self.swapped_at = 0.0
        self._putting_away: set[asyncio.Task[None]] = set()
        self._failures = Failures()

    def swap(self, scripts: Iterable[Loaded], missing: Iterable[ScriptEntry] = ()) -> int:
        """Let these scripts serve from the next call on; the number of their generation.

        Those that serve already keep their own. `missing` are enabled entries of which nothing could be loaded:
        where one is needed, the call is Unavailable.
        """
        self._swaps += 1
        self.swapped_at = time.monotonic()
        kept = {id(each.loaded): each for each in self._all()}
        serving = [kept.pop(id(each)) if id(each) in kept else _Serving(each, self._swaps) for each in scripts]
        self._serving = _Generation(_ordered(serving), tuple(missing))
        for gone in kept.values():
            gone.retired = True
            self._put_away_if_done(gone)
        return self._swaps

    def generation_of(self, inum: str) -> int | None:
        """The generation in which a script that serves was swapped in; None where it does not serve."""
        return next((each.generation for each in self._all() if each.loaded.entry.inum == inum), None)

    @property
    def swaps(self) -> int:
        """How often what serves has changed: what was made of it may be kept while this stays."""
        return self._swaps

    def enabled(self, type_id: str) -> tuple[ScriptEntry, ...]:
        """The entries of a type that should serve, in the order in which they run; also those that do not work now."""
        serving = [each.loaded.entry for each in self._serving.by_type.get(type_id, ())]
        missing = [entry for entry in self._serving.missing if entry.type == type_id]
        return tuple(sorted((each for each in [*serving, *missing] if each.enabled), key=_order))

    @property
    def scripts(self) -> tuple[Loaded, ...]:
        """What serves now."""
        return tuple(each.loaded for each in self._all())

    def errors(self, inum: str | None = None) -> tuple[ScriptError, ...]:
        """The last failures of calls, newest first; of one script where it is named."""
        return self._failures.of(inum)

    async def create_client(self, call: ScriptCall, ask: Capability = ask_nothing) -> ScriptOutcome:
        """createClient of each script; each sees what the one before it made of the client."""
        return await self._register("createClient", call, ask)

    async def update_client(self, call: ScriptCall, ask: Capability = ask_nothing) -> ScriptOutcome:
        """updateClient of each script. Raises: Misconfigured besides when one would change the client_id."""
        outcome = await self._register("updateClient", call, ask)
        if outcome.client_id_chosen:
            raise Misconfigured(f"scripts {', '.join(outcome.ran)}: updateClient may not change the client_id")
        return outcome

    async def _in_row(self, row: Sequence[_Serving], call: MethodCall, about: About, ask: Capability) -> Ran:
        """One after the other, up to the first no; each is told what the one before it changed.

        Raises: Misconfigured where one fails or says neither True nor False.
        """
        names: list[str] = []
        changes: dict[str, JsonValue] = {}
        for serving in row:
            made = replace(call, facts={**call.facts, **changes}) if changes else call
            answer = await self._call(serving, made, about, ask)
            names.append(serving.loaded.entry.name)
            try:
                no = no_of(answer)
                check_changes(answer)
            except ValueError as error:
                entry = serving.loaded.entry
                failed = ScriptFailed(entry.sentence(f"{call.method} {error}"))
                self._keep(serving, made, about, failed)
                raise self._fault(serving, failed) from None
            if no is not None:
                return Ran(tuple(names), changes, no)
            changes.update(answer.changes)
        return Ran(tuple(names), changes)

    async def highest(
        self, type_id: str, method: str, facts: Mapping[str, JsonValue], about: About, ask: Capability
    ) -> MethodAnswer | None:
        """The method of the script with the highest level that has it; None where there is none.

        Raises: Unavailable where one that is needed does not serve; Misconfigured where it fails.
        """
        for serving in self._needed(type_id, method, about.market):
            return await self._call(serving, MethodCall(method, facts, about.interaction_id), about, ask)
        return None

    async def named(
        self, type_id: str, name: str, method: str, facts: Mapping[str, JsonValue], about: About, ask: Capability
    ) -> MethodAnswer | None:
        """The method of the script of this name or inum; None where there is none. Raises: as `highest`."""
        for serving in self._needed(type_id, method, about.market, name):
            return await self._call(serving, MethodCall(method, facts, about.interaction_id), about, ask)
        return None

    def entries_of(self, type_id: str, method: str, market: str) -> tuple[ScriptEntry, ...]:
        """The entries of the scripts of the type that have the method, in the order in which they run.

        Raises: Unavailable where one that would be among them does not serve.
        """
        return tuple([each.loaded.entry for each in self._needed(type_id, method, market)])

    async def close(self) -> None:
        """Put every script away, once the calls under way have ended."""
        self.swap(())
        while self._putting_away:
            await asyncio.wait(self._putting_away)

    async def _register(self, method: str, call: ScriptCall, ask: Capability) -> ScriptOutcome:
        about = About(call.market, call.interaction_id, call.report_id)
        with self._held(self._needed(REGISTRATION, method, call.market)) as row:
            if not row:
                return ScriptOutcome(call.metadata, call.client_id, False, call.attributes)
            ran = await self._in_row(row, MethodCall(method, facts_of_call(call), about.interaction_id), about, ask)
        changes: Mapping[str, Any] = ran.changes
        metadata, client_id = changes.get("metadata"), changes.get("client_id", call.client_id)
        return ScriptOutcome(
            metadata=call.metadata if metadata is None else ClientMetadata(metadata),
            client_id=client_id,
            client_id_chosen=client_id != call.client_id,
            attributes=changes.get("attributes", call.attributes),
            ran=ran.names,
            refusal=ran.refusal,
        )

    def _needed(self, type_id: str, method: str, market: str, name: str | None = None) -> list[_Serving]:
        """Raises: Unavailable where a script that would be among them does not serve."""
        for entry in self._serving.missing:
            if entry.type == type_id and _serves(entry, market) and name in (None, entry.name, entry.inum):
                raise Unavailable("scripts", f"script {entry.name} has no generation that works")
        return [
            each
            for each in self._serving.by_type.get(type_id, ())
            if method in each.loaded.methods
            and _serves(each.loaded.entry, market)
            and name in (None, each.loaded.entry.name, each.loaded.entry.inum)
        ]

    @contextmanager
    def _held(self, row: Sequence[_Serving]) -> Iterator[Sequence[_Serving]]:
        """None of the row is put away before the request is through it, whatever is swapped in meanwhile."""
        for serving in row:
            serving.calls += 1
        try:
            yield row
        finally:
            for serving in row:
                serving.calls -= 1
                self._put_away_if_done(serving)

    async def _call(self, serving: _Serving, call: MethodCall, about: About, ask: Capability) -> MethodAnswer:
        serving.calls += 1
        try:
            answer = await serving.loaded.call(call, ask, self._deadline_s)
        except ScriptFailed as failed:
            self._tell_printed(serving, call, failed.printed)
            if failed.failure is not None:
                raise failed.failure from failed
            self._keep(serving, call, about, failed)
            raise self._fault(serving, failed) from failed
        finally:
            serving.calls -= 1
            self._put_away_if_done(serving)
        self._tell_printed(serving, call, answer.printed)
        return answer

    @staticmethod
    def _fault(serving: _Serving, failed: ScriptFailed) -> Misconfigured:
        return Misconfigured(f"{failed.what} (generation {serving.generation})")

    def _keep(self, serving: _Serving, call: MethodCall, about: About, failed: ScriptFailed) -> None:
        entry = serving.loaded.entry
        failure = ScriptError(
            inum=entry.inum,
            name=entry.name,
            at=self._now(),
            what=failed.what,
            trace=self._redact(failed.trace),
            generation=serving.generation,
            interaction_id=about.interaction_id,
            method=call.method,
            report_id=about.report_id,
        )
        self._failures.add(failure)
        self._on_event(
            "script_failed",
            script=entry.name,
            generation=serving.generation,
            revision=entry.revision,
            method=call.method,
            interaction_id=about.interaction_id,
            what=failed.what,
            trace=failure.trace,
        )

    def _tell_printed(self, serving: _Serving, call: MethodCall, printed: str) -> None:
        if not printed:
            return
        self._on_event(
            "script_printed",
            script=serving.loaded.entry.name,
            generation=serving.generation,
            method=call.method,
            interaction_id=call.interaction_id,
            text=self._redact(printed.rstrip("\n")),
        )

    def _all(self) -> list[_Serving]:
        return [each for servings in self._serving.by_type.values() for each in servings]

    def _put_away_if_done(self, serving: _Serving) -> None:
        if serving.retired and serving.calls == 0:
            # Not a TaskGroup: it outlives the request, or the reload, that caused it. close() waits for it.
            task = asyncio.create_task(self._put_away(serving))  # noqa: TID251 - as above
            self._putting_away.add(task)
            task.add_done_callback(self._putting_away.discard)

    async def _put_away(self, serving: _Serving) -> None:
        clean = await serving.loaded.close()
        self._on_event(
            "script_put_away", script=serving.loaded.entry.name, generation=serving.generation, destroyed=clean
        )


def _ordered(serving: Iterable[_Serving]) -> dict[str, tuple[_Serving, ...]]:
    found: dict[str, list[_Serving]] = {}
    for each in sorted(serving, key=lambda each: _order(each.loaded.entry)):
        found.setdefault(each.loaded.entry.type, []).append(each)
    return {type_id: tuple(each) for type_id, each in found.items()}


def _order(entry: ScriptEntry) -> tuple[int, str]:
    return -entry.level, entry.name


def _serves(entry: ScriptEntry, market: str) -> bool:
    return entry.enabled and (not entry.markets or market in entry.markets)
