"""The last failures of the scripts, for those who look after them."""

from __future__ import annotations

from collections import deque

from dcrgw.ports.script_serving import ScriptError

_KEPT = 20
#: More scripts than any bank has; beyond, those that failed longest ago are forgotten.
_SCRIPTS = 1000


class Failures:
    """The last failures of each script."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._by_inum: dict[str, deque[ScriptError]] = {}

    def add(self, failure: ScriptError) -> None:
        """Keep one more."""
        of_script = self._by_inum.pop(failure.inum, None) or deque(maxlen=self._kept)
        self._by_inum[failure.inum] = of_script
        of_script.appendleft(failure)
        if len(self._by_inum) > _SCRIPTS:
            del self._by_inum[next(iter(self._by_inum))]

    def of(self, inum: str | None = None) -> tuple[ScriptError, ...]:
        """Those of one script, or of all, newest first."""
        if inum is not None:
            return tuple(self._by_inum.get(inum, ()))
        every = [failure for failures in self._by_inum.values() for failure in failures]
        return tuple(sorted(every, key=lambda failure: -failure.at))
