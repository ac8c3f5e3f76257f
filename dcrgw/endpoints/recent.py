"""The last decisions with their evidence, in memory."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from dcrgw.core.checks import Report
from dcrgw.core.evidence import Evidence


@dataclass(slots=True)
class Recent:
    """Every judged request enters when its journal is opened, newest last; it may still be under way."""

    kept: deque[tuple[Report, Evidence]] = field(default_factory=lambda: deque(maxlen=256))

    def find(self, report_id: str | None = None) -> tuple[Report, Evidence] | None:
        """One decision by its report id, or the newest."""
        if report_id is None:
            return self.kept[-1] if self.kept else None
        return next((pair for pair in reversed(self.kept) if pair[0].report_id == report_id), None)
