"""The last failures of the scripts, for those who look after them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScriptFailure:
    """One failed call. `at` is epoch seconds; `trace` are the script's own frames; secrets are taken out of both."""

    inum: str
    name: str
    generation: int
    revision: int
    method: str
    at: float
    what: str
    trace: str = ""
    printed: str = ""
    report_id: str = ""
    interaction_id: str = ""


class Failures:
    """The last `kept` failures of each script, newest first."""

    def __init__(self, kept: int = 20) -> None:
        self._kept = kept
        self._by_inum: dict[str, deque[ScriptFailure]] = {}

    def add(self, failure: ScriptFailure) -> None:
        """Keep one more."""
        self._by_inum.setdefault(failure.inum, deque(maxlen=self._kept)).appendleft(failure)

    def of(self, inum: str | None = None) -> tuple[ScriptFailure, ...]:
        """Those of one script, or of all."""
        if inum is not None:
            return tuple(self._by_inum.get(inum, ()))
        every = [failure for failures in self._by_inum.values() for failure in failures]
        return tuple(sorted(every, key=lambda failure: -failure.at))

    def forget(self, inum: str) -> None:
        """The script is gone, or works again."""
        self._by_inum.pop(inum, None)
