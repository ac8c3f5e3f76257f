"""Where decisions go when they are over: into memory, and into the record where recording is on."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress

from dcrgw.adapters.decision_file import Bounds, DecisionFile
from dcrgw.adapters.sealer import Sealer
from dcrgw.app.naming import Names
from dcrgw.compliance.desk import Desk, Hidden
from dcrgw.compliance.recorder import Recorder, Told
from dcrgw.edge.events import log_event
from dcrgw.edge.health import Health
from dcrgw.endpoints.recent import Recent
from dcrgw.materials import Materials

_COMPONENT = "record"


async def decisions_of(
    materials: Materials,
    sealer: Sealer,
    recent: Recent,
    health: Health,
    opened: AsyncExitStack,
    names: Names,
    hidden: Hidden,
) -> Desk:
    """The decisions of a gateway, stopped when `opened` closes; `names` are those of its generations.

    Raises: Misconfigured, Unavailable.
    """
    recording = materials.settings.recording
    if not recording.enabled:
        found = Desk(recent, names=names.of, hidden=hidden)
    else:
        file = DecisionFile(
            materials.settings.record_path,
            sealer,
            Bounds(recording.max_age_s, recording.max_bytes),
        )
        await asyncio.to_thread(file.prepare)
        loop = asyncio.get_running_loop()
        recorder = Recorder(
            file,
            room=recording.queue,
            on_change=lambda told: _tell_later(loop, told, health),
        )
        recorder.start()
        _tell(Told({}, ""), health)
        found = Desk(recent, file, recorder, names.of, hidden)
    opened.push_async_callback(found.stop)
    return found


def _tell_later(loop: asyncio.AbstractEventLoop, told: Told, health: Health) -> None:
    """The recorder speaks from its own thread, perhaps after the loop's end."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(_tell, told, health)


def _tell(told: Told, health: Health) -> None:
    """A record that has trouble costs evidence, not service: we stay ready, and say what was lost."""
    words = [f"{count} {why}" for why, count in sorted(told.lost.items())]
    reason = f"not kept: {', '.join(words)}" if words else ""
    health.set(_COMPONENT, True, "; ".join(filter(None, (reason, told.trouble))))
    if words or told.trouble:
        log_event("recording_lost", lost=dict(told.lost), reason=told.trouble)
