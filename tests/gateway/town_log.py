"""What a town writes while it runs."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

from dcrgw.edge.logging import set_up_logging


@pytest.fixture(scope="module", autouse=True)
def log() -> Iterator[io.StringIO]:
    """The log as `dcrgw run` writes it, into memory."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    written = set_up_logging("json", stream=stream)
    yield stream
    written.stop()
    root.handlers[:] = handlers
    root.setLevel(level)
