"""One stream of structured events for ours and for the libraries', redacted, and never in the loop's way."""

from __future__ import annotations

import logging
import queue
import sys
import threading
from collections.abc import Callable, Iterable
from logging.handlers import QueueHandler
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor

from dcrgw.edge.redaction import redact

_QUEUE_LENGTH = 10_000


class LogStream:
    """The writing end, a thread of its own."""

    def __init__(self, stream: TextIO, formatter: logging.Formatter, length: int) -> None:
        self._waiting: queue.Queue[logging.LogRecord | None] = queue.Queue(length)
        self.handler = _Dropping(self._waiting)
        self.handler.setFormatter(formatter)
        self._writer = logging.StreamHandler(stream)
        self._writer.setFormatter(logging.Formatter("%(message)s"))
        self._writing = threading.Thread(target=self._write, name="dcrgw-log", daemon=True)
        self._writing.start()

    @property
    def dropped(self) -> int:
        """Events lost because whoever reads the log was too slow."""
        return self.handler.dropped

    def stop(self, *, within_s: float = 5.0) -> None:
        """Write what waits, and end. A stream that nobody reads is given up after `within_s`."""
        logging.getLogger().removeHandler(self.handler)
        try:
            self._waiting.put(None, timeout=within_s)
        except queue.Full:
            return
        self._writing.join(within_s)

    def _write(self) -> None:
        while (record := self._waiting.get()) is not None:
            self._writer.handle(record)


class _Dropping(QueueHandler):
    """Hands records over, formatted, and counts those that there is no room for."""

    dropped = 0

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self.dropped += 1


def set_up_logging(
    style: Literal["json", "console"] = "json",
    *,
    stream: TextIO = sys.stdout,
    level: int = logging.INFO,
    queue_length: int = _QUEUE_LENGTH,
    extra: Iterable[Processor] = (),
) -> LogStream:
    """Send every event of this process to `stream`, rendered and redacted where it happens, written by a thread."""
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *extra,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *before,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=before,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            redact,
            _renderer(style),
        ],
    )
    written = LogStream(stream, formatter, queue_length)
    root = logging.getLogger()
    root.handlers[:] = [written.handler]
    root.setLevel(level)
    return written


def _renderer(style: str) -> Callable[[Any, str, EventDict], Any]:
    if style == "console":
        return structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    return structlog.processors.JSONRenderer(ensure_ascii=True, sort_keys=True)
