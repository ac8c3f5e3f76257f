"""`dcrgw check-config`: judge a configuration as a start would, and say everything at once."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from dcrgw.cli.faults import show_faults
from dcrgw.cli.options import CONFIG
from dcrgw.cli.tables import show_table
from dcrgw.config.documentation import configuration_schema
from dcrgw.config.faults import ConfigurationRefused
from dcrgw.config.loading import load
from dcrgw.config.model import Settings
from dcrgw.config.printing import Effective, effective
from dcrgw.materials import open_materials


@click.command()
@CONFIG
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
        show_faults("refused", refused.faults, "red")
        click.echo(f"{path} is refused: {_counted(len(refused.faults), 'fault')}.", err=True)
        sys.exit(1)
    show_faults("warning", warnings, "yellow")
    click.echo(f"{path} is sound: {_counted(len(settings.markets), 'market')}, {_counted(len(warnings), 'warning')}.")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _show_settings(settings: Settings) -> None:
    lines: list[Effective] = list(effective(settings))
    if sys.stdout.isatty():
        show_table(("Key", "Value", "Origin"), [(line.key, line.value, line.origin) for line in lines], "cyan")
        return
    for line in lines:
        click.echo(f"{line.key} = {line.value}  ({line.origin})")
