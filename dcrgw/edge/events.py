"""Where the edge says what happened: one function, so that tests and metrics can listen too."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import structlog

#: Called with the event's name and its fields, never from another thread. `error` may hold an exception.
Sink = Callable[..., None]

#: Events that mean that the bank has to look; everything else is the outside world being itself.
_LOUD = frozenset({"accept_failed", "connection_failed", "loop_stalled", "drain_forced"})


def log_event(event: str, /, *, error: BaseException | None = None, **fields: Any) -> None:
    """Write one structured event. `error` is our own failure and is logged with its traceback."""
    loud = error is not None or event in _LOUD
    level = logging.ERROR if loud else logging.INFO
    structlog.get_logger("dcrgw.edge").log(level, event, **fields, **({"exc_info": error} if error else {}))
