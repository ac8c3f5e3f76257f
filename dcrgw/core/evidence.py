"""The journal: every question that a decision put to the world outside, and the answer it got.

A decision is a function of the request, the certificate chain, the configuration and this journal.
Entries hold the values themselves, by reference; writing them to a file is the compliance bench's work.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One question to one port. `answer` is what the port returned or the exception that it raised."""

    port: str
    question: tuple[Any, ...]
    answer: Any


@dataclass(slots=True)
class Journal:
    """An ordered list of entries, for one request."""

    entries: list[Entry] = field(default_factory=list)

    def note(self, port: str, question: tuple[Any, ...], answer: Any) -> None:
        """Append one entry."""
        self.entries.append(Entry(port, question, answer))
