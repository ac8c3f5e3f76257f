"""How one generation of a script comes into a new worker process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.errors import Misconfigured, Unavailable
from dcrgw.scripting.process import Worker, WorkerLost
from dcrgw.scripting.template import Sink, Template
from dcrgw.scripting.veil import Veil
from dcrgw.scripting.worker.confinement import Limits


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """How worker processes are kept. Each script has `count` of them, and under load up to `most`."""

    memory_bytes: int = 256 * 1024 * 1024
    cpu_s: float = 4.0
    load_s: float = 10.0
    count: int = 1
    most: int = 4
    calls: int = 20_000


@dataclass(frozen=True, slots=True)
class Hiring:
    """Makes workers of one generation of one script."""

    entry: ScriptEntry
    properties: Mapping[str, str] = field(repr=False)
    settings: WorkerSettings
    template: Template
    on_event: Sink
    veil: Veil

    async def worker(self) -> Worker:
        """A worker with the script in it. Raises: Misconfigured, Unavailable."""
        worker = await Worker.hire(self.template, Limits(self.settings.memory_bytes), self._readable(), self.veil)
        try:
            async with asyncio.timeout(self.settings.load_s):
                await worker.load(self._order())
        except TimeoutError:
            if worker.pid is None:
                self.template.give_up("the template process forks no more")
                raise Unavailable("scripts", "the template process did not answer") from None
            what = f"loading took more than {self.settings.load_s:g} s and was ended"
            raise Misconfigured(self.entry.sentence(what)) from None
        except WorkerLost as lost:
            raise Misconfigured(self.entry.sentence(f"loading got no answer: {lost.how}")) from None
        finally:
            if printed := worker.printed():
                self.on_event("script_printed", script=self.entry.name, method="init", text=printed)
            if not worker.is_loaded:
                worker.kill()
                worker.release()
        return worker

    def _order(self) -> dict[str, Any]:
        # The text and the resolved properties: what the entry itself says of them may be references.
        entry = replace(self.entry, module_properties=(), configuration_properties=(), cases=())
        return {"load": asdict(entry), "properties": dict(self.properties), "cpu_s": self.settings.load_s}

    def _readable(self) -> Sequence[str]:
        return [str(Path(self.entry.file).absolute().parent)] if self.entry.file else []
