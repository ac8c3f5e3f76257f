"""Both ways to run scripts, chosen by each entry's mode."""

from __future__ import annotations

from collections.abc import Mapping

from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.scripting.inline import InlineRunner
from dcrgw.scripting.pool import WorkerRunner, WorkerSettings
from dcrgw.scripting.runner import Loaded, Runner
from dcrgw.scripting.template import Sink


class Runners:
    """Implements `dcrgw.scripting.runner.Runner`: `inline` in this process, everything else in workers."""

    def __init__(self, settings: WorkerSettings, on_event: Sink) -> None:
        self.workers = WorkerRunner(settings, on_event)
        self.inline = InlineRunner()

    @property
    def by_mode(self) -> Mapping[str, Runner]:
        """Each runner by the mode that it serves."""
        return {"worker": self.workers, "inline": self.inline}

    def start(self) -> None:
        """Start the workers' template now, before anything secret is read."""
        self.workers.start()

    async def load(self, entry: ScriptEntry, properties: Mapping[str, str]) -> Loaded:
        """A script, ready to be called. Raises: Misconfigured, Unavailable."""
        runner = self.inline if entry.mode == "inline" else self.workers
        return await runner.load(entry, properties)

    async def close(self) -> None:
        """End every worker."""
        await self.workers.close()
