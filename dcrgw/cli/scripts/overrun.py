"""What ends an author's script that does not end by itself, where it runs in this very process."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_TICK_S = 0.1


class Overran(BaseException):
    """The script's code ran for too long. No `except Exception` of a script catches it."""


@contextmanager
def ended_when_it_overruns(source_name: str, after_s: float) -> Iterator[None]:
    """Within, one stay in the code of the file `source_name` ends with `Overran` after `after_s` of processor time.

    Ctrl-C ends the process at once: no script can swallow it, and no loop of events need come round for it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's
        return
    watch = _Watch(source_name, after_s)
    alarm = signal.signal(signal.SIGPROF, watch)
    interrupt = signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, _TICK_S, _TICK_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, alarm)
        signal.signal(signal.SIGINT, interrupt)


class _Watch:
    """Counts the ticks that found the same call into the file under way."""

    def __init__(self, source_name: str, after_s: float) -> None:
        self._source_name, self._after_s = source_name, after_s
        self._call: FrameType | None = None
        self._ticks = 0

    def __call__(self, _signal: int, frame: FrameType | None) -> None:
        call = None
        while frame is not None:
            call = frame if frame.f_code.co_filename == self._source_name else call
            frame = frame.f_back
        self._ticks = self._ticks + 1 if call is self._call else 0
        self._call = call
        if call is not None and self._ticks * _TICK_S >= self._after_s:
            raise Overran(f"more than {self._after_s:g} s of processor time: it may never end")
