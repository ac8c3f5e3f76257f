"""The system's wall clock."""

from __future__ import annotations

import time


class SystemClock:
    """Implements `dcrgw.ports.clock.Clock`."""

    def now(self) -> float:
        """Epoch seconds."""
        return time.time()
