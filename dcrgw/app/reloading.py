"""Changes while the gateway runs: seen, built into a new generation aside, swapped in, or refused and told why."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from dcrgw.app.calendar import LOOK_S, Calendar
from dcrgw.app.generation import Generation, Lasting
from dcrgw.config.faults import ConfigFault, ConfigurationRefused
from dcrgw.config.model import Settings
from dcrgw.config.printing import effective
from dcrgw.config.profiles import forget_profiles
from dcrgw.config.restarting import restart_faults
from dcrgw.edge.events import Sink, log_event
from dcrgw.endpoints.reloading import Reloaded
from dcrgw.errors import Misconfigured, Unavailable
from dcrgw.materials import Materials, open_materials
from dcrgw.materials.watching import digests, is_changed, stamps, watched_files, widened

#: What changed must stay as it is for so long (or one interval) before it is read: its writer may not be done.
SETTLE_S = 0.5
COMPONENT = "configuration"

Seen = Mapping[Path, str]
#: Why what was opened may not serve, by recorded decisions; empty where it may.
Gate = Callable[[Materials], Awaitable[tuple[ConfigFault, ...]]]


class Reloading:
    """Keeps the serving generation. `read` gives the settings anew; `swap` lets listeners serve a new generation.

    `gate` judges what is about to serve.
    """

    def __init__(
        self,
        first: Generation,
        seen: Seen,
        lasting: Lasting,
        read: Callable[[], Settings],
        swap: Callable[[Generation], None],
        gate: Gate,
        on_event: Sink = log_event,
    ) -> None:
        self.generation = first
        self._calendar = Calendar(lasting.clock, lasting.health, on_event)
        self._calendar.look(first.materials)
        self._lasting, self._read, self._swap, self._on_event = lasting, read, swap, on_event
        self._gate = gate
        self._one_at_a_time = asyncio.Lock()
        self._poked = asyncio.Event()
        self._seen = self._served = seen
        #: Files that only refused settings name: when they change, what was refused may be good.
        self._wanted: frozenset[Path] = frozenset()
        #: The last attempt failed for what may be over soon, or read what may have been written over since.
        self._again = False
        self._retiring: asyncio.TaskGroup | None = None

    def poke(self) -> None:
        """Read everything anew soon: for a signal's handler."""
        self._poked.set()

    async def watch(self) -> None:
        """Look for changes until cancelled, and see old generations off."""
        async with asyncio.TaskGroup() as self._retiring:
            while True:
                try:
                    self._calendar.look(self.generation.materials)
                    if await self._due():
                        await self.reload()
                except Exception as error:
                    # A bug of ours must not end the watch; it is told, and the next look may go better.
                    self._on_event("reload_failed", error=error)

    async def reload(self, anyway: bool = False) -> Reloaded:
        """Read everything anew, and serve it if it is good. One at a time; requests are served meanwhile.

        `anyway`: recorded decisions are not asked.
        """
        async with self._one_at_a_time:
            try:
                return await self._reload(anyway)
            finally:
                # While keys that go were looked for, another may have sealed (`Generation.build`).
                self._lasting.sealer.renew(self.generation.materials.sealing_keys)

    async def _reload(self, anyway: bool) -> Reloaded:
        started = time.monotonic()
        before = await asyncio.to_thread(stamps, self._files())
        try:
            fresh, seen = await self._build(anyway)
        except (Misconfigured, Unavailable) as failure:
            is_written = before != await asyncio.to_thread(stamps, before)
            self._again = is_written or isinstance(failure, Unavailable)
            return self._refused(_faults_of(failure))
        self._again = False
        changes = (*_changes(self.generation.materials, fresh.materials), *_changed_files(self._served, seen))
        self._take(fresh, seen)
        took_ms = round((time.monotonic() - started) * 1000)
        self._on_event(
            "reloaded",
            generation=fresh.number,
            changes=changes,
            renewed=fresh.parts.renewed,
            took_ms=took_ms,
            **({"anyway": True} if anyway else {}),
        )
        for warning in fresh.materials.warnings:
            self._on_event("configuration_warning", setting=warning.key, reason=warning.reason, fix=warning.fix)
        return Reloaded(fresh.number, changes=changes)

    async def _build(self, anyway: bool) -> tuple[Generation, Seen]:
        """Raises: ConfigurationRefused, Misconfigured, Unavailable."""
        # What is seen is seen before it is read: what changes in between is found different at the next look.
        seen = self._seen = await asyncio.to_thread(digests, self._files())
        settings = await asyncio.to_thread(self._read_anew)
        self._wanted = watched_files(settings)
        serving = self.generation.materials
        faults = restart_faults(serving.settings, settings)
        if faults:
            raise ConfigurationRefused(settings.source, faults)
        seen = self._seen = await asyncio.to_thread(widened, seen, self._wanted)
        materials = await asyncio.to_thread(open_materials, settings, self._lasting.clock.now(), serving=serving)
        number = self.generation.number + 1
        fresh = await Generation.build(number, materials, self._lasting, self.generation)
        async with AsyncExitStack() as failing:
            failing.push_async_callback(fresh.parts.close)
            # Last, since it takes longest.
            if not anyway and (refused := await self._gate(materials)):
                raise ConfigurationRefused(settings.source, refused)
            failing.pop_all()
        return fresh, seen

    def _read_anew(self) -> Settings:
        forget_profiles()
        return self._read()

    def _take(self, fresh: Generation, seen: Seen) -> None:
        """From one request to the next: nothing here waits."""
        former, self.generation = self.generation, fresh
        self._served = seen
        self._swap(fresh)
        self._tell_health("", ())
        self._calendar.look(fresh.materials, anew=True)
        if self._retiring is not None:
            self._retiring.create_task(self._see_off(former), name=f"retire generation {former.number}")

    async def _see_off(self, former: Generation) -> None:
        try:
            await former.retire()
        except Exception as error:
            # What does not close is lost, but must not take the watch with it.
            self._on_event("retirement_failed", generation=former.number, error=error)

    def _refused(self, faults: tuple[ConfigFault, ...]) -> Reloaded:
        number = self.generation.number
        told = tuple(str(fault) for fault in faults)
        self._on_event("reload_refused", generation=number, faults=told)
        self._tell_health(f"a change was refused for {len(told)} fault(s); generation {number} serves on", told)
        return Reloaded(number, faults)

    def _tell_health(self, reason: str, details: tuple[str, ...]) -> None:
        # What serves is sound: a slip of the pen in a file must not take every gateway off the load balancer at once.
        self._lasting.health.set(COMPONENT, True, reason or f"generation {self.generation.number}", details)

    async def _due(self) -> bool:
        """Wait for the next look; True when something changed and has settled, or somebody asked."""
        interval_s = self.generation.materials.settings.reload.interval_s
        with suppress(TimeoutError):
            async with asyncio.timeout(min(interval_s or LOOK_S, LOOK_S)):
                await self._poked.wait()
        if self._poked.is_set():
            self._poked.clear()
            return True
        if not interval_s:
            return False
        now = await asyncio.to_thread(digests, self._files())
        if not is_changed(self._seen, now):
            return self._again
        return await self._settled(now)

    async def _settled(self, now: Seen) -> bool:
        while True:
            await asyncio.sleep(min(SETTLE_S, self.generation.materials.settings.reload.interval_s))
            later = await asyncio.to_thread(digests, now)
            if later == now:
                return is_changed(self._seen, now)
            now = later

    def _files(self) -> frozenset[Path]:
        return watched_files(self.generation.materials.settings) | self._wanted


def _faults_of(failure: Misconfigured | Unavailable) -> tuple[ConfigFault, ...]:
    match failure:
        case ConfigurationRefused():
            return failure.faults
        case Unavailable():
            return (ConfigFault(failure.dependency, failure.reason, "it is tried again"),)
        case _:
            return (ConfigFault(COMPONENT, str(failure)),)


def _changes(before: Materials, after: Materials) -> list[str]:
    """The settings that differ, old and new; secrets show as their references, and what is not set as a dash."""
    was = {line.key: line.value for line in effective(before.settings)}
    now = {line.key: line.value for line in effective(after.settings)}
    both = {key: (was.get(key, "-"), now.get(key, "-")) for key in {**was, **now}}
    return [f"{key}: {before} -> {after}" for key, (before, after) in both.items() if before != after]


def _changed_files(before: Seen, after: Seen) -> list[str]:
    return sorted(str(path) for path in after if path in before and before[path] != after[path])
