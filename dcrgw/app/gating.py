"""The gate before every change of the running gateway: configuration, files that it names, scripts of either home."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from dcrgw.compliance import gate
from dcrgw.compliance.carrying import Serving
from dcrgw.compliance.gate import Document, Terms, Weighed
from dcrgw.compliance.replay import OPERATIONS
from dcrgw.compliance.scripted import ScriptSet
from dcrgw.config.faults import ConfigFault
from dcrgw.config.sections.running import GateSettings
from dcrgw.edge.events import Sink
from dcrgw.materials import Materials
from dcrgw.materials.scripts import worker_settings
from dcrgw.ports.decisions import DecisionQuery, Decisions
from dcrgw.scripting.prepared import Prepared

KEY = "reload.gate"
_PAGE = 500


class Gatekeeper:
    """Tries changes, one at a time, by the terms of what serves: a change that loosens them is judged by them yet.

    `scripts` are those that serve. `serving` gives what serves now.
    """

    def __init__(
        self,
        serving: Callable[[], Materials],
        scripts: Callable[[], Sequence[Prepared]],
        decisions: Decisions,
        on_event: Sink,
    ) -> None:
        self._serving, self._scripts, self._decisions, self._on_event = serving, scripts, decisions, on_event
        self._one_at_a_time = asyncio.Lock()

    async def configuration(self, fresh: Materials) -> tuple[ConfigFault, ...]:
        """Why another configuration may not serve; empty where it may."""
        async with self._one_at_a_time:
            scripts = self._scripts()
            faults = await self._weigh("configuration", scripts, fresh, scripts)
            while not faults and scripts != self._scripts():
                scripts = self._scripts()
                faults = await self._weigh("configuration", scripts, fresh, scripts)
        fix = "see `dcrgw replay --compare`; take it all the same with `dcrgw reload --anyway`"
        return tuple(ConfigFault(KEY, fault, "" if i else fix) for i, fault in enumerate(faults))

    async def scripts(self, name: str, before: Sequence[Prepared], after: Sequence[Prepared]) -> tuple[str, ...]:
        """Why other scripts may not serve; empty where they may. `name` is the one that changes."""
        async with self._one_at_a_time:
            return await self._weigh(f"script {name}", before, self._serving(), after)

    async def _weigh(
        self, change: str, before: Sequence[Prepared], fresh: Materials, after: Sequence[Prepared]
    ) -> tuple[str, ...]:
        serving = self._serving()
        settings = serving.settings.reload.gate
        if not settings.is_on:
            return ()
        weighed = await gate.weigh(
            _whole("what serves", serving, before),
            _whole(change, fresh, after),
            _terms(settings),
            self._recorded,
            self._on_event,
        )
        self._tell(change, weighed)
        return weighed.faults

    def _tell(self, change: str, weighed: Weighed) -> None:
        event = "gate_refused" if weighed.faults else "gate_passed"
        counted: dict[str, Any] = {"decided": weighed.decided, "repeated": weighed.repeated}
        counted |= {"changed": weighed.changed, "took_s": weighed.took_s}
        self._on_event(event, change=change, **counted, faults=list(weighed.faults))

    async def _recorded(self, most: int) -> AsyncIterator[Document]:
        """The last decisions of each operation that were made here: a thousand tokens say nothing of registrations."""
        for operation in OPERATIONS:
            left, after = most, None
            while left > 0:
                lines = await self._decisions.search(
                    DecisionQuery(operation=operation, imported=False, after=after, limit=min(left, _PAGE))
                )
                for line in lines:
                    document = await self._decisions.document(line.report_id)
                    if document is not None:  # purged meanwhile
                        yield line.report_id, document
                if not lines:
                    break
                left, after = left - len(lines), (lines[-1].at, lines[-1].report_id)


def _whole(named: str, materials: Materials, scripts: Sequence[Prepared]) -> Serving:
    section = materials.settings.scripting
    found = ScriptSet.of_gateway(
        scripts, materials.detail_types, workers=worker_settings(section), deadline_s=section.deadline_s
    )
    return Serving(named, materials.markets, found)


def _terms(settings: GateSettings) -> Terms:
    return Terms(settings.bundles, settings.recorded, settings.allowed_changes, settings.deadline_s)
