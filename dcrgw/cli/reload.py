"""`dcrgw reload`: let a running gateway read its configuration and files anew, and hear how it went."""

from __future__ import annotations

import sys
from typing import Any

import click

from dcrgw.cli.administration import PLACE_OPTIONS, Refused, connected
from dcrgw.cli.faults import show_faults
from dcrgw.cli.options import with_options
from dcrgw.config.faults import ConfigFault


@click.command()
@with_options(*PLACE_OPTIONS)
def reload(**given: Any) -> None:
    """Read the configuration and every file that it names anew, now.

    What is found is served if it is good as a whole; otherwise nothing changes, and the faults are those that
    check-config shows. Exit status: 0 done, 1 refused, 2 wrong usage, 3 no answer.
    """
    try:
        answer = connected(given).ask("POST", "/reload")
    except Refused as refused:
        if "faults" not in refused.answer:
            raise
        show_faults("refused", [ConfigFault(**fault) for fault in refused.answer["faults"]], "red")
        click.echo(f"Nothing was changed: generation {refused.answer['generation']} serves on.", err=True)
        sys.exit(1)
    for change in answer["changes"]:
        click.echo(f"  {change}")
    click.echo(f"Generation {answer['generation']} serves.")
