"""Where the edge says what happened: one function, so that tests and metrics can listen too."""

from __future__ import annotations

import logging
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from dcrgw.edge.redaction import redact

#: Called with the event's name and its fields; `error` may hold an exception. The watchdog calls from its own thread.
Sink = Callable[..., None]

#: Events that mean that the bank has to look; everything else is the outside world being itself.
_LOUD = frozenset(
    {"accept_failed", "certificate_expired", "connection_failed", "drain_forced", "loop_stalled", "reload_refused"}
)
#: Events that mean that the bank has to look one of these days.
_WARNING = frozenset(
    {
        "certificate_expires",
        "configuration_warning",
        "errand_refused",
        "errands_overdue",
        "errands_stranded",
        "gate_refused",
    }
)


#: Takes one event with all its fields: a level of `logging`, and the fields with `event`, `level` and `logger`.
Out = Callable[[int, dict[str, Any]], None]


def _to_stderr(_level: int, event: dict[str, Any]) -> None:
    """Where events go before anybody has said where to."""
    print(redact(event), file=sys.stderr)  # noqa: T201 - the last resort


_out: Out = _to_stderr


def send_events_to(out: Out | None) -> None:
    """Let all events go there from now on; None: to the standard error stream, one dict a line."""
    global _out
    _out = out or _to_stderr


def log_event(event: str, /, *, error: BaseException | None = None, **fields: Any) -> None:
    """Write one structured event. `error` is our own failure and is logged with its traceback."""
    loud = error is not None or event in _LOUD
    level = logging.ERROR if loud else logging.WARNING if event in _WARNING else logging.INFO
    if error is not None:
        # As text, here: a renderer that formats it itself may print the locals of every frame, secrets among them.
        fields["exception"] = "".join(traceback.format_exception(error))
    fields |= {"event": event, "level": logging.getLevelName(level).lower(), "logger": "dcrgw.edge"}
    _out(level, fields)


class Throttle:
    """A sink for what anybody can cause without a certificate, so that it cannot wash other events away.

    Lets `per_second` events of each name through and tells with the next how many it kept back.
    """

    def __init__(self, sink: Sink, *, per_second: int = 20, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._sink = sink
        self._per_second = per_second
        self._monotonic = monotonic
        self._second: dict[str, int] = {}
        self._told: dict[str, int] = {}
        self._kept_back: dict[str, int] = {}

    def __call__(self, event: str, /, **fields: Any) -> None:
        second = int(self._monotonic())
        if self._second.get(event) != second:
            self._second[event], self._told[event] = second, 0
        if self._told[event] >= self._per_second:
            self._kept_back[event] = self._kept_back.get(event, 0) + 1
            return
        self._told[event] += 1
        kept_back = self._kept_back.pop(event, 0)
        self._sink(event, **fields, **({"kept_back": kept_back} if kept_back else {}))
