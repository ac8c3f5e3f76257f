"""How commands show rows and times to a person."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import click


def show_table(head: Sequence[str], rows: Iterable[Sequence[str]], colour: str, *, is_error: bool = False) -> None:
    """Print rows of text below a head, folded to the terminal's width."""
    # Imported here: rich is a third of a command's start, and most runs are in a pipeline.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*head, header_style=colour)
    for row in rows:
        table.add_row(*(Text(_printable_lines(cell), overflow="fold") for cell in row))
    Console(stderr=is_error).print(table)


def show_rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on a terminal; elsewhere lines with tabs, ready for cut and awk."""
    plain = [[printable(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in plain:
            click.echo("\t".join(row))
        return
    show_table(head, plain, "bold")


def printable(text: str) -> str:
    """What a TPP chose may stand in it: no escape sequence of theirs reaches a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)


def tell(text: str, *, err: bool = False) -> None:
    """Print lines in which a stranger's words may stand: a certificate's subject, a file's alias, a server's answer."""
    click.echo(_printable_lines(text), err=err)


def _printable_lines(text: str) -> str:
    return "\n".join(printable(line) for line in text.split("\n"))


def shown_time(at: float) -> str:
    """A Unix time in UTC, to the second (RFC 3339)."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
