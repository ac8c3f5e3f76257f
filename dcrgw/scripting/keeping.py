"""Keeps what serves as it is configured: a change is loaded and tried aside, then swapped in, or refused and told.

Whatever is wrong with a change, the generation that serves goes on, and the operator reads why. There is never a
stand-in: where nothing of an enabled script could be loaded, the host answers that it is unavailable.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.core.scripts.entry_checks import entry_faults
from dcrgw.core.scripts.trial import Trial
from dcrgw.core.scripts.types import TYPES
from dcrgw.errors import Misconfigured, Unavailable
from dcrgw.ports.clock import Clock
from dcrgw.ports.script_entries import ScriptEntries
from dcrgw.ports.script_serving import ScriptError, ScriptState
from dcrgw.scripting.files import ReadScript, ScriptFiles
from dcrgw.scripting.host import ScriptHost
from dcrgw.scripting.prepared import Prepared
from dcrgw.scripting.runner import Loaded, Runner
from dcrgw.scripting.trial import DEADLINE_S, load_and_try, put_away

INTERVAL_S = 1.0
_MOST_ERRORS = 100
#: So much tells the changes of one script apart.
_MARK = 12
_MARKING_KEY = secrets.token_bytes(32)

#: Values of an entry's properties, its secrets resolved. Raises: Misconfigured.
Resolve = Callable[[ScriptEntry], Mapping[str, str]]
#: Why scripts may not change from these to those, told with the name of the one that does; empty where they may.
Gate = Callable[[str, Sequence[Prepared], Sequence[Prepared]], Awaitable[tuple[str, ...]]]


async def open_gate(_name: str, _before: Sequence[Prepared], _after: Sequence[Prepared]) -> tuple[str, ...]:
    """Where no change is tried on anything but its cases."""
    return ()


@dataclass(slots=True)
class _Kept:
    """One configured script. `tried` is the state last tried, `loaded` what serves of it, with its `properties`.

    `held` is the state that the gate refused, where it did.
    """

    entry: ScriptEntry
    since: float
    loaded: Loaded | None = None
    properties: Mapping[str, str] = field(default_factory=dict, repr=False)
    tried: str = ""
    why: str = ""
    held: str = ""

    @property
    def mark(self) -> str:
        """What operators call the change that the gate refused. It tells nothing of the secrets of the state."""
        return hmac.new(_MARKING_KEY, self.held.encode(), "sha256").hexdigest()[:_MARK] if self.held else ""

    @property
    def prepared(self) -> Prepared:
        """What serves of it, or that nothing does."""
        if self.loaded is None:
            return Prepared(self.entry, is_missing=True)
        return Prepared(self.loaded.entry, self.properties)


@dataclass(slots=True)
class ScriptKeeper:
    """Implements `dcrgw.ports.script_serving.ScriptServing`.

    `note` says of a loaded script what of it nothing calls. `on_health` is told (ok, reason). `gate` judges every
    change after the start.
    """

    host: ScriptHost
    runner: Runner
    script_files: ScriptFiles
    entries: ScriptEntries
    resolve: Resolve
    clock: Clock
    on_event: Callable[..., None]
    on_health: Callable[[bool, str], None] = lambda _ok, _reason: None
    note: Callable[[Loaded], str] = lambda _loaded: ""
    interval_s: float = INTERVAL_S
    deadline_s: float = DEADLINE_S
    gate: Gate = open_gate
    _kept: dict[str, _Kept] = field(default_factory=dict)
    _of_files: tuple[ReadScript, ...] = ()
    _of_registry: tuple[ScriptEntry, ...] = ()
    _mark: int | None = None
    _doubled: frozenset[str] = frozenset()
    _is_started: bool = False
    #: By inum the state that is not weighed again, and after which swap it was weighed; None: it is taken in any case.
    _let_pass: dict[str, tuple[str, int | None]] = field(default_factory=dict)
    _errors: deque[ScriptError] = field(default_factory=lambda: deque(maxlen=_MOST_ERRORS))
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def start(self) -> None:
        """Load everything. Raises: Misconfigured with every fault of the scripts that the configuration names.

        A script of the registry that does not load stops no start: it is mended over the administration.
        """
        await self.look()
        faults = [kept.why for kept in self._kept.values() if kept.entry.file and kept.why and kept.entry.enabled]
        faults += [f"script {inum} is in the configuration and in the registry: delete one" for inum in self._doubled]
        if faults:
            raise Misconfigured("\n".join(faults))
        self._is_started = True

    async def watch(self) -> None:
        """Look for changes until cancelled."""
        while True:
            await asyncio.sleep(self.interval_s)
            try:
                await self.look()
            except Exception as error:
                # A bug of ours must not end the watch; it is told, and the next look may go better.
                self.on_event("script_watch_failed", error=error)

    async def look(self) -> None:
        """Look for changes now, and swap in what is new and right. One look at a time."""
        async with self._one_at_a_time:
            wanted = await self._configured()
            changed = self._let_go(wanted)
            for read in wanted.values():
                changed |= await self._renew(read)
            if changed:
                self._swap()
            self._tell_health()

    def files(self) -> tuple[ScriptEntry, ...]:
        """The entries that the configuration names, as last read from their files."""
        return tuple(read.entry for read in self._of_files)

    def states(self) -> Mapping[str, ScriptState]:
        """The state of every configured script, by inum."""
        return {inum: self._state(kept) for inum, kept in self._kept.items()}

    def errors(self, inum: str | None = None) -> tuple[ScriptError, ...]:
        """The last failures, of changes and of calls, newest first."""
        own = [error for error in self._errors if inum in (None, error.inum)]
        return tuple(sorted([*own, *self.host.errors(inum)], key=lambda error: -error.at))

    async def try_out(self, entry: ScriptEntry) -> Trial:
        """Compile, initialise and try an entry on its cases, and put it away."""
        try:
            properties = await asyncio.to_thread(self.resolve, entry)
        except Misconfigured as fault:
            return Trial(fault=f"script {entry.name}: {fault}")
        trial, loaded = await self._tried(entry, properties)
        await put_away(loaded)
        return trial

    def serving(self) -> tuple[Prepared, ...]:
        """The enabled scripts as they serve; those of which nothing does are marked so."""
        return tuple(kept.prepared for kept in self._kept.values() if kept.entry.enabled)

    async def weigh(self, inum: str, entry: ScriptEntry | None) -> tuple[str, ...]:
        """What the gate has against this state of a script, or against its end (None); empty: nothing.

        A state that passes is not weighed again when it is met, unless other scripts have changed meanwhile.
        Raises: Misconfigured where a secret of it cannot be had.
        """
        if entry is None or not entry.enabled:
            return await self.gate(inum if entry is None else entry.name, *self._with(inum, None))
        properties, swaps = await asyncio.to_thread(self.resolve, entry), self.host.swaps
        faults = await self.gate(entry.name, *self._with(inum, Prepared(entry, properties)))
        if not faults:
            self._let_pass[inum] = _state_of(entry, properties, ""), swaps
        return faults

    async def let_pass(self, entry: ScriptEntry) -> None:
        """Take this state of a script without weighing it. Raises: Misconfigured."""
        if entry.enabled:
            self._let_pass[entry.inum] = _state_of(entry, await asyncio.to_thread(self.resolve, entry), ""), None

    async def accept(self, inum: str, held: str) -> bool:
        """Take the change of a script that the gate holds under this mark; False where it holds no such change.

        An edit that came after it, and was perhaps refused as well, is another change.
        """
        kept = self._kept.get(inum)
        if kept is None or not kept.held or kept.mark != held:
            return False
        self._let_pass[inum] = kept.held, None
        kept.tried = kept.held = ""
        await self.look()
        return True

    def _with(self, inum: str, instead: Prepared | None) -> tuple[tuple[Prepared, ...], tuple[Prepared, ...]]:
        """What serves, and the same with another state of one script."""
        before = self.serving()
        others = tuple(each for each in before if each.entry.inum != inum)
        return before, others if instead is None else (*others, instead)

    async def _configured(self) -> dict[str, ReadScript]:
        """Everything that is configured now, by inum."""
        self._of_files = await asyncio.to_thread(self.script_files.read)
        try:
            mark = await self.entries.mark()
            if mark != self._mark:
                self._of_registry = await self.entries.all()
                self._mark = mark
        except (Unavailable, Misconfigured) as failure:
            if self._mark is None:
                # Nobody knows which scripts there are: to serve without them would let pass what they refuse.
                raise
            # What was read before stands: a registry that does not answer is no reason to stop a script.
            self.on_event("script_entries_unread", error=failure)
        found = {read.entry.inum: read for read in self._of_files}
        self._doubled = frozenset(entry.inum for entry in self._of_registry if entry.inum in found)
        for entry in self._of_registry:
            found.setdefault(entry.inum, ReadScript(entry))
        return found

    def _let_go(self, wanted: Mapping[str, ReadScript]) -> bool:
        """Forget what is configured no more; True when something of it served."""
        gone = [self._kept.pop(inum) for inum in list(self._kept) if inum not in wanted]
        return any(kept.loaded is not None or kept.entry.enabled for kept in gone)

    async def _renew(self, read: ReadScript) -> bool:
        """Bring one script to its newest state; True when what serves is to change."""
        entry = read.entry
        kept = self._kept.get(entry.inum)
        is_new = kept is None
        if kept is None:
            kept = self._kept[entry.inum] = _Kept(entry, self.clock.now())
        was_enabled, kept.entry = kept.entry.enabled, entry
        if not entry.enabled:
            had, kept.loaded, kept.tried, kept.why, kept.held = kept.loaded, None, "", "", ""
            return had is not None or (was_enabled and not is_new)
        fault, properties = read.fault, dict[str, str]()
        if not fault:
            try:
                properties = dict(await asyncio.to_thread(self.resolve, entry))
            except Misconfigured as failure:
                fault = f"script {entry.name}: {failure}"
        tried = _state_of(entry, properties, fault)
        if tried == kept.tried:
            return False
        kept.tried, kept.held = tried, ""
        try:
            trial, loaded = (Trial(fault=fault), None) if fault else await self._tried(entry, properties)
        except Unavailable as failure:
            # No worker can be had now: that says nothing of the script, so it is tried again at the next look.
            trial, loaded, kept.tried = Trial(fault=f"script {entry.name}: {failure}"), None, ""
        if loaded is None:
            self._refuse(kept, "; ".join(trial.faults))
            return is_new or not was_enabled
        if faults := await self._weighed(kept, loaded, properties):
            kept.held = tried
            self._refuse(kept, "; ".join(faults))
            return is_new or not was_enabled
        kept.loaded, kept.properties, kept.why, kept.since = loaded, properties, "", self.clock.now()
        return True

    async def _weighed(self, kept: _Kept, loaded: Loaded, properties: Mapping[str, str]) -> tuple[str, ...]:
        """What the gate has against it; it is put away then."""
        state, swaps = self._let_pass.pop(kept.entry.inum, ("", None))
        if not self._is_started or (state == kept.tried and swaps in (None, self.host.swaps)):
            return ()
        before, after = self._with(kept.entry.inum, Prepared(loaded.entry, properties))
        faults: tuple[str, ...] = ("the gate was left",)
        try:
            faults = await self.gate(kept.entry.name, before, after)
        finally:
            if faults:
                await put_away(loaded)
        return faults

    async def _tried(self, entry: ScriptEntry, properties: Mapping[str, str]) -> tuple[Trial, Loaded | None]:
        if faults := entry_faults(entry):
            return Trial(fault=f"script {entry.name}: {'; '.join(map(str, faults))}"), None
        return await load_and_try(entry, properties, self.runner, deadline_s=self.deadline_s)

    def _refuse(self, kept: _Kept, why: str) -> None:
        if why == kept.why:
            return
        kept.why, kept.since = why, self.clock.now()
        entry = kept.entry
        generation = self.host.generation_of(entry.inum) if kept.loaded is not None else None
        self._errors.append(ScriptError(entry.inum, entry.name, kept.since, why, generation=generation))
        self.on_event("script_refused", script=entry.name, revision=entry.revision, why=why, generation_kept=generation)

    def _swap(self) -> None:
        scripts = [kept.loaded for kept in self._kept.values() if kept.loaded is not None]
        missing = [kept.entry for kept in self._kept.values() if kept.entry.enabled and kept.loaded is None]
        number = self.host.swap(scripts, missing)
        self.on_event(
            "scripts_swapped",
            generation=number,
            scripts=[f"{each.entry.name} revision {each.entry.revision}" for each in scripts],
            missing=[entry.name for entry in missing],
        )

    def _state(self, kept: _Kept) -> ScriptState:
        if not kept.entry.enabled:
            return ScriptState(why="disabled", since=kept.since)
        if kept.loaded is None:
            return ScriptState(why=kept.why or "not loaded", since=kept.since, failed=True, held=kept.mark)
        generation = self.host.generation_of(kept.entry.inum)
        revision = kept.loaded.entry.revision
        if kept.why:
            return ScriptState(generation, revision, kept.why, kept.since, failed=True, held=kept.mark)
        type_ = TYPES.get(kept.entry.type)
        note = "no caller in this version" if type_ is None or not type_.has_caller else self.note(kept.loaded)
        return ScriptState(generation, revision, note, kept.since)

    def _tell_health(self) -> None:
        """A slip of the pen takes no gateway off the load balancer that serves; a script that is not there does."""
        enabled = [kept for kept in self._kept.values() if kept.entry.enabled]
        missing = [kept.entry.name for kept in enabled if kept.loaded is None]
        refused = [kept.entry.name for kept in enabled if kept.loaded is not None and kept.why]
        reasons = [f"nothing serves of {', '.join(missing)}"] if missing else []
        reasons += [f"a change of {', '.join(refused)} was refused; the last good one serves on"] if refused else []
        self.on_health(not missing, "; ".join(reasons))


def _state_of(entry: ScriptEntry, properties: Mapping[str, str], fault: str) -> str:
    """What tells two states apart that would be tried differently."""
    material: list[Any] = [entry.digest, sorted(properties.items()), [dict(each) for each in entry.cases], fault]
    return hashlib.sha256(json.dumps(material, default=str).encode()).hexdigest()
