"""An operator's word that a change is to serve whatever recorded decisions say: kept before anything changes."""

from __future__ import annotations

from dataclasses import dataclass

from dcrgw.ports import Ports
from dcrgw.ports.registry import AuditRecord, Change


@dataclass(frozen=True, slots=True)
class Waiver:
    """Who lets which change past the gate, and why. `operation` is "reload" or "script"."""

    operation: str
    change: str
    author: str
    interaction_id: str = ""
    reason: str = ""


async def note(waiver: Waiver, ports: Ports) -> None:
    """Write the waiver's audit row. Raises: Unavailable; then the change must not be taken."""
    facts = {"change": waiver.change} | ({"reason": waiver.reason} if waiver.reason else {})
    await ports.registry.commit(
        Change(
            audit=AuditRecord(
                report_id=ports.randomness.report_id(),
                interaction_id=waiver.interaction_id,
                at=ports.clock.now(),
                operation=waiver.operation,
                market="",
                decision="anyway",
                author=waiver.author,
                facts=facts,
            )
        )
    )
