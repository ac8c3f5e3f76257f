"""Sees when the event loop stands still, from a thread, since nothing in the loop could."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from types import TracebackType

from dcrgw.edge.events import Sink, log_event


class Watchdog:
    """While entered, reports `loop_stalled` with the loop's stack once for each time it stands for `stall_s`."""

    def __init__(self, *, stall_s: float = 5.0, on_event: Sink = log_event) -> None:
        self._stall_s = stall_s
        self._on_event = on_event
        self._beat = 0.0
        self._reported = False
        self._ended = threading.Event()
        #: How often the loop stood still, for metrics.
        self.stalls = 0

    def __enter__(self) -> Watchdog:
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        self._pulse()
        self._watching = threading.Thread(target=self._watch, name="dcrgw-watchdog", daemon=True)
        self._watching.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._timer.cancel()
        self._watching.join()

    def _pulse(self) -> None:
        self._beat = time.monotonic()
        self._reported = False
        self._timer = self._loop.call_later(self._stall_s / 4, self._pulse)

    def _watch(self) -> None:
        while not self._ended.wait(self._stall_s / 4):
            stood_s = time.monotonic() - self._beat
            if stood_s >= self._stall_s and not self._reported:
                self._reported = True
                self.stalls += 1
                self._on_event("loop_stalled", stood_s=round(stood_s, 1), stack=self._stack())

    def _stack(self) -> str:
        frame = sys._current_frames().get(self._thread_id)
        return "".join(traceback.format_stack(frame)) if frame is not None else ""
