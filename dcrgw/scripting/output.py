"""What a script prints and logs, kept to a length."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable

#: How much of what one call writes is kept.
MOST_CHARACTERS = 16_000
_CUT = "\n(cut off here)\n"


class CappedText(io.TextIOBase):
    """A text stream that hands on the first characters of each call and drops the rest without complaint."""

    def __init__(self, put: Callable[[str], object]) -> None:
        self._put = put
        self._left = MOST_CHARACTERS

    def begin(self) -> None:
        """A new call begins: it may write as much as the one before."""
        self._left = MOST_CHARACTERS

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, text: str) -> int:
        """Hand on what there is still room for."""
        if self._left > 0:
            kept = text if len(text) <= self._left else text[: self._left] + _CUT
            self._left -= len(text)
            self._put(kept)
        return len(text)


def log_to(stream: io.TextIOBase, logger: logging.Logger) -> None:
    """Write a logger's records to `stream`, from INFO on."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
