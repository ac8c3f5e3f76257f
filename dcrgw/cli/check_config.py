"""`dcrgw check-config`: judge a configuration as a start would, and by recorded decisions; say everything at once."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
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
from dcrgw.core.market import Market
from dcrgw.errors import Misconfigured
from dcrgw.materials import open_materials


@click.command()
@CONFIG
@click.option(
    "--print", "print_", is_flag=True, help="Show every setting in force with its origin; no secret is shown."
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the configuration and do nothing else.")
@click.option(
    "--against", "bundles", multiple=True, type=click.Path(path_type=Path, exists=True),
    help="Bundles, or folders of them, that must be decided as they were recorded; may be given several times.",
)  # fmt: skip
def check_config(path: Path, print_: bool, schema: bool, bundles: tuple[Path, ...]) -> None:
    """Judge a configuration without serving it: all that a start reads is opened, nothing is changed.

    With --against recorded requests are decided anew by its markets, trust, scripts and detail types, as by `dcrgw
    replay --with`. Exit status: 0 sound, 1 refused or a decision changes, 2 wrong usage or an unreadable bundle.
    """
    if schema:
        click.echo(configuration_schema(), nl=False)
        return
    try:
        settings = load(path)
        if print_:
            _show_settings(settings)
        materials = open_materials(settings, time.time())
    except ConfigurationRefused as refused:
        show_faults("refused", refused.faults, "red")
        click.echo(f"{path} is refused: {_counted(len(refused.faults), 'fault')}.", err=True)
        sys.exit(1)
    warnings, markets = materials.warnings, materials.markets
    show_faults("warning", warnings, "yellow")
    click.echo(f"{path} is sound: {_counted(len(settings.markets), 'market')}, {_counted(len(warnings), 'warning')}.")
    if bundles:
        _decide_again(settings, markets, bundles)


def _decide_again(settings: Settings, markets: Mapping[str, Market], bundles: tuple[Path, ...]) -> None:
    """Tell what the configuration decides otherwise than it was recorded."""
    # Only here: to judge a configuration alone takes none of it.
    from dcrgw.cli.replay import decide_again, found_in_files
    from dcrgw.compliance.naming import scripts_of_settings
    from dcrgw.compliance.settings import Rules

    try:
        scripts = scripts_of_settings(settings, time.time())
    except Misconfigured as fault:
        raise click.UsageError(str(fault)) from None
    decide_again(*found_in_files(bundles), None, Rules(str(settings.source), markets=markets, scripts=scripts))


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _show_settings(settings: Settings) -> None:
    lines: list[Effective] = list(effective(settings))
    if sys.stdout.isatty():
        show_table(("Key", "Value", "Origin"), [(line.key, line.value, line.origin) for line in lines], "cyan")
        return
    for line in lines:
        click.echo(f"{line.key} = {line.value}  ({line.origin})")
