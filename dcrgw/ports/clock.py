"""The wall clock."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Tells the time that judgements use; durations are the adapters' own business (monotonic)."""

    def now(self) -> float:
        """Epoch seconds."""
        ...
