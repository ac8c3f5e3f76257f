"""`dcrgw check-config`: judge a configuration as a start would, and say everything at once."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click

from dcrgw.config.documentation import configuration_schema
from dcrgw.config.faults import ConfigFault, ConfigurationRefused
from dcrgw.config.loading import load
from dcrgw.config.model import Settings
from dcrgw.config.printing import Effective, effective
from dcrgw.materials import open_materials


@click.command()
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    default=Path("config/dcrgw.toml"),
    show_default=True,
    help="The configuration file.",
)
@click.option(
    "--print", "print_", is_flag=True, help="Show every setting in force with its origin; no secret is shown."
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the configuration and do nothing else.")
def check_config(path: Path, print_: bool, schema: bool) -> None:
    """Judge a configuration without serving it: all that a start reads is opened, nothing is changed."""
    if schema:
        click.echo(configuration_schema(), nl=False)
        return
    try:
        settings = load(path)
        if print_:
            _show_settings(settings)
        warnings = open_materials(settings, time.time()).warnings
    except ConfigurationRefused as refused:
        _show("refused", refused.faults, "red")
        click.echo(f"{path} is refused: {_counted(len(refused.faults), 'fault')}.", err=True)
        sys.exit(1)
    _show("warning", warnings, "yellow")
    click.echo(f"{path} is sound: {_counted(len(settings.markets), 'market')}, {_counted(len(warnings), 'warning')}.")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _show(word: str, faults: Sequence[ConfigFault], colour: str) -> None:
    """Each fault on three lines; on a terminal as a table."""
    if faults and sys.stderr.isatty():
        _table(("Key", "Reason", "Fix"), [(f.key, f.reason, f.fix) for f in faults], colour, is_error=True)
        return
    for fault in faults:
        click.echo(f"{word}: {fault.key}\n  reason: {fault.reason}\n  fix:    {fault.fix or '-'}", err=True)


def _show_settings(settings: Settings) -> None:
    lines: list[Effective] = list(effective(settings))
    if sys.stdout.isatty():
        _table(("Key", "Value", "Origin"), [(line.key, line.value, line.origin) for line in lines], "cyan")
        return
    for line in lines:
        click.echo(f"{line.key} = {line.value}  ({line.origin})")


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]], colour: str, *, is_error: bool = False) -> None:
    # Imported here: rich is a third of the command's start, and most runs are in a pipeline.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*head, header_style=colour)
    for row in rows:
        table.add_row(*(Text(cell, overflow="fold") for cell in row))
    Console(stderr=is_error).print(table)
