"""Both ways to run scripts, chosen by each entry's mode."""

from __future__ import annotations

from collections.abc import Mapping

from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.scripting.hiring import WorkerSettings
from dcrgw.scripting.inline import InlineRunner
from dcrgw.scripting.pool import WorkerRunner
from dcrgw.scripting.runner import Loaded
from dcrgw.scripting.template import Sink


class Runners:
    """Implements `dcrgw.scripting.runner.Runner`: `inline` in this process, everything else in workers."""

    def __init__(self, settings: WorkerSettings, on_event: Sink) -> None:
        self.workers = WorkerRunner(settings, on_event)
        self.inline = InlineRunner(on_event)

    def start(self) -> None:
        """Start the workers' template now, before anything secret is read."""
        self.workers.start()

    async def load(self, entry: ScriptEntry, properties: Mapping[str, str]) -> Loaded:
        """A script, ready to be called. Raises: Misconfigured, Unavailable."""
        if entry.mode == "inline":
            return await self.inline.load(entry, properties)
        return await self.workers.load(entry, properties)

    async def close(self) -> None:
        """End every worker."""
        await self.workers.close()
