"""A circuit breaker: after a few failures nothing is asked for a while, then one probe decides."""

from __future__ import annotations

import math
from collections.abc import Callable


class Breaker:
    """Counts the failures of one endpoint in a row. Closed: ask. Open: wait. Half open: one asks, the rest wait.

    Every `admit` that said 0 is followed by exactly one `succeeded`, `failed` or `abandoned`. Times are monotonic.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        tolerated: int = 3,
        first_pause_s: float = 5.0,
        longest_pause_s: float = 60.0,
    ) -> None:
        self._clock = clock
        self._tolerated = tolerated
        self._first_pause_s = first_pause_s
        self._longest_pause_s = longest_pause_s
        self._failures = 0
        self._closed_at = -math.inf
        self._probing = False
        self.last_error: str | None = None
        self.last_success_at: float | None = None

    @property
    def is_open(self) -> bool:
        """True while nothing, or one probe at most, is asked."""
        return self._failures >= self._tolerated

    def admit(self) -> float:
        """0 when the caller may ask now, else the seconds to wait."""
        wait_s = self._closed_at - self._clock()
        if wait_s > 0:
            return wait_s
        if not self.is_open:
            return 0.0
        if self._probing:
            return self._first_pause_s
        self._probing = True
        return 0.0

    def succeeded(self) -> None:
        """The endpoint answered as it should."""
        self._failures, self._probing, self.last_error = 0, False, None
        self._closed_at = -math.inf
        self.last_success_at = self._clock()

    def failed(self, error: str, *, retry_after_s: float | None = None, at_once: bool = False) -> None:
        """It did not. An endpoint that named its own pause gets it, up to the longest; `at_once` opens at this one."""
        self.last_error = error
        if self.is_open and not self._probing:
            return  # asked before it opened: a hundred at once are one outage, not a hundred
        self._probing = False
        self._failures += 1
        if at_once or retry_after_s is not None:
            self._failures = max(self._failures, self._tolerated)
        if self.is_open:
            doubled = self._first_pause_s * 2.0 ** min(self._failures - self._tolerated, 16)
            pause_s = min(max(doubled, retry_after_s or 0.0), self._longest_pause_s)
            self._closed_at = self._clock() + pause_s

    def abandoned(self) -> None:
        """The caller gave up before it knew."""
        self._probing = False
