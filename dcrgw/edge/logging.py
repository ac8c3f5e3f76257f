"""One stream of structured events for ours and for the libraries', redacted, and never in the loop's way."""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Any, Literal, TextIO

import structlog

from dcrgw.edge.events import send_events_to
from dcrgw.edge.redaction import redact

_QUEUE_LENGTH = 10_000
#: How long the first event of a batch may wait for others. A thread that woke for each event would take the
#: interpreter from the loop each time, which costs a request more than rendering its event does.
_GATHER_S = 0.05


class LogStream:
    """The writing end, a thread of its own. Lines are given whole; at most `length` of them wait."""

    def __init__(self, stream: TextIO, length: int) -> None:
        self._stream = stream
        self._length = length
        self._waiting: SimpleQueue[str | None] = SimpleQueue()
        self._taken = 0
        self._written = 0
        self._ending = threading.Event()
        #: Events lost because whoever reads the log was too slow.
        self.dropped = 0
        self._writing = threading.Thread(target=self._write, name="dcrgw-log", daemon=True)
        self._writing.start()

    def take(self, line: str) -> None:
        """Have one line written soon, or count it as dropped."""
        if self._taken - self._written >= self._length:
            self.dropped += 1
            return
        self._taken += 1
        self._waiting.put(line)

    def stop(self, *, within_s: float = 5.0) -> None:
        """Write what waits, and end. A stream that nobody reads is given up after `within_s`."""
        root = logging.getLogger()
        for handler in [each for each in root.handlers if isinstance(each, _Foreign) and each.log is self]:
            root.removeHandler(handler)
            send_events_to(None)
        self._ending.set()
        self._waiting.put(None)
        self._writing.join(within_s)

    def _write(self) -> None:
        while (line := self._waiting.get()) is not None:
            self._ending.wait(_GATHER_S)
            lines, is_last = self._gathered(line)
            self._put_out(lines)
            self._written += len(lines)
            if is_last:
                return

    def _gathered(self, first: str) -> tuple[list[str], bool]:
        """All that waits now, and whether the end is among it."""
        lines = [first]
        while True:
            try:
                line = self._waiting.get_nowait()
            except Empty:
                return lines, False
            if line is None:
                return lines, True
            lines.append(line)

    def _put_out(self, lines: list[str]) -> None:
        try:
            self._stream.write("\n".join(lines) + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            # A full disk or a closed pipe must not end the thread: there may be room again for what comes.
            self.dropped += len(lines)


class _Foreign(logging.Handler):
    """The libraries' records, by way of the standard library."""

    def __init__(self, log: LogStream, render: Callable[[dict[str, Any]], str]) -> None:
        super().__init__()
        self.log, self._render = log, render

    def emit(self, record: logging.LogRecord) -> None:
        try:
            event = {"event": record.getMessage(), "level": record.levelname.lower(), "logger": record.name}
            if record.exc_info:
                event["exception"] = "".join(traceback.format_exception(*record.exc_info))
            self.log.take(self._render(event))
        except Exception:
            self.handleError(record)


def set_up_logging(
    style: Literal["json", "console"] = "json",
    *,
    stream: TextIO = sys.stdout,
    level: int = logging.INFO,
    queue_length: int = _QUEUE_LENGTH,
) -> LogStream:
    """Send every event of this process to `stream`, rendered and redacted where it happens, written by a thread."""
    written = LogStream(stream, queue_length)
    render = _in_console if style == "console" else _in_json
    root = logging.getLogger()
    root.handlers[:] = [_Foreign(written, render)]
    root.setLevel(level)

    def out(of_level: int, event: dict[str, Any]) -> None:
        if of_level >= level:
            written.take(render(event))

    # Our own events do not go by way of the standard library: there each was copied, queued and formatted twice.
    send_events_to(out)
    return written


#: Made once: `json.dumps` with any setting of its own makes an encoder for each call.
_to_json = json.JSONEncoder(ensure_ascii=True, sort_keys=True).encode
_to_console = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)


def _in_json(event: dict[str, Any]) -> str:
    return _to_json(_stamped(event))


def _in_console(event: dict[str, Any]) -> str:
    return str(_to_console(None, "", _stamped(event)))


def _stamped(event: dict[str, Any]) -> dict[str, Any]:
    """The event without secrets, and when it was."""
    stamped = redact(event)
    # After the redaction, which would only look for secrets in it.
    stamped["timestamp"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return stamped
