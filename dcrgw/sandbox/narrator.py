"""Tells a story step by step on the terminal: plain lines, with colour where there is a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

WARNING = "NOT FOR PRODUCTION: every key was made a moment ago and dies with this process"

#: Adds one line to the step that is told.
Line = Callable[[str], None]


class Narrator:
    """Numbers the steps and times them. `clock` tells seconds."""

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.perf_counter) -> None:
        self._console = console or Console(highlight=False)
        self._clock = clock
        self._steps = 0
        self._began = clock()

    def warn(self) -> None:
        """The loud word at the start."""
        self._say(f"dcrgw sandbox - {WARNING}", "bold red")

    @contextmanager
    def step(self, title: str) -> Iterator[Line]:
        """Tell one step. Its title and timing come when it is done, then its lines; a failed step says so."""
        self._steps += 1
        lines: list[str] = []
        began = self._clock()
        try:
            yield lines.append
        except BaseException:
            self._say(f"\n{self._steps}. {title} - FAILED", "bold red")
            self._say_all(lines)
            raise
        self._say(f"\n{self._steps}. {title} ({(self._clock() - began) * 1000:.0f} ms)", "bold")
        self._say_all(lines)

    def close(self, sentence: str) -> None:
        """The last line, with the time of the whole."""
        self._say(f"\n{sentence} ({self._clock() - self._began:.1f} s)", "bold green")

    def fail(self, sentence: str) -> None:
        """What went otherwise than told."""
        self._say(f"\n{sentence}", "bold red")

    def _say_all(self, lines: list[str]) -> None:
        for line in lines:
            self._say(f"   {line}", "")

    def _say(self, line: str, style: str) -> None:
        # Text, so that brackets in what others wrote are no markup; never wrapped, so that a pipe gets whole lines.
        self._console.print(Text(line, style=style), soft_wrap=True)
