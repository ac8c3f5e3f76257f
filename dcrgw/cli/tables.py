"""How commands show rows and times to a person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime


def show_table(head: Sequence[str], rows: Iterable[Sequence[str]], colour: str, *, is_error: bool = False) -> None:
    """Print rows of text below a head, folded to the terminal's width."""
    # Imported here: rich is a third of a command's start, and most runs are in a pipeline.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*head, header_style=colour)
    for row in rows:
        table.add_row(*(Text(cell, overflow="fold") for cell in row))
    Console(stderr=is_error).print(table)


def shown_time(at: float) -> str:
    """A Unix time in UTC, to the second (RFC 3339)."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
