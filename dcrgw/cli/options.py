"""Options that several commands share, and the way to give a command many."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
Option = Callable[[Any], Any]

#: The gateway's own settings; a command takes it as `path`.
CONFIG: Option = click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    default=Path("config/dcrgw.toml"),
    show_default=True,
    help="The gateway's configuration file.",
)


def with_options(*options: Option) -> Callable[[F], F]:
    """A decorator that gives a command these options, in this order."""

    def decorate(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def write_file(path: Path, content: str | bytes) -> None:
    """Write what a command was asked for. Raises: UsageError where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode(errors="replace") if isinstance(content, str) else content)
    except OSError as error:
        raise click.UsageError(f"{path} cannot be written: {error.strerror}") from None
