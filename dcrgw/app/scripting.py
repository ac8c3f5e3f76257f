"""The bank's scripts at run time: their processes, and the host that the flows know."""

from __future__ import annotations

from collections.abc import Mapping

from dcrgw.config.model import ScriptingSettings, ScriptSettings, Settings
from dcrgw.edge.events import Sink
from dcrgw.edge.redaction import redact_text
from dcrgw.materials import Materials
from dcrgw.ports.clock import Clock
from dcrgw.scripting.host import ScriptHost
from dcrgw.scripting.loader import entry_of_file
from dcrgw.scripting.pool import WorkerSettings
from dcrgw.scripting.runners import Runners


class Scripting:
    """Made before any secret is read, since the scripts' processes must not have seen one."""

    def __init__(self, settings: Settings, clock: Clock, on_event: Sink) -> None:
        section = settings.scripting
        self.runners = Runners(worker_settings(section), on_event)
        self.host = ScriptHost(on_event=on_event, redact=redact_text, deadline_s=section.deadline_s, now=clock.now)
        if any(script.enabled and script.mode == "worker" for script in settings.scripts):
            self.runners.start()

    async def load(self, materials: Materials) -> None:
        """Load what the settings name, and serve it. Raises: Misconfigured for the first that does not load."""
        loaded = []
        for script in materials.settings.scripts:
            if script.enabled:
                entry = entry_of_file(script.name, script.file, **_more(script))
                loaded.append(await self.runners.load(entry, _properties(materials, script)))
        self.host.swap(loaded)

    async def close(self) -> None:
        """Put every script away and end every process."""
        await self.host.close()
        await self.runners.close()


def worker_settings(section: ScriptingSettings) -> WorkerSettings:
    """How worker processes are kept, by the settings."""
    return WorkerSettings(
        memory_bytes=section.memory_bytes,
        cpu_s=section.cpu_s,
        load_s=section.load_s,
        count=section.workers,
        most=max(section.workers, section.most_workers),
        calls=section.calls_per_worker,
    )


def _more(script: ScriptSettings) -> Mapping[str, object]:
    return {
        "type": script.type,
        "level": script.level,
        "mode": script.mode,
        "markets": tuple(script.markets),
    }


def _properties(materials: Materials, script: ScriptSettings) -> dict[str, str]:
    secrets = materials.script_properties[script.name]
    return {name: value.get_secret_value() for name, value in secrets.items()}
