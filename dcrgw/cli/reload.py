"""`dcrgw reload`: let a running gateway read its configuration and files anew, and hear how it went."""

from __future__ import annotations

import sys
from typing import Any

import click

from dcrgw.cli.administration import PATIENT_S, PLACE_OPTIONS, Refused, connected
from dcrgw.cli.faults import show_faults
from dcrgw.cli.options import with_options
from dcrgw.config.faults import ConfigFault


@click.command()
@click.option(
    "--anyway", is_flag=True, help="Serve it whatever recorded decisions say ([reload.gate]); it is kept who did."
)
@click.option("--reason", default="", help="Why --anyway; it stands in the audit trail.")
@with_options(*PLACE_OPTIONS)
def reload(anyway: bool, reason: str, **given: Any) -> None:
    """Read the configuration and every file that it names anew, now.

    What is found is served if it is good as a whole; otherwise nothing changes, and the faults are those that
    check-config shows, or the recorded decisions that would change. Exit status: 0 done, 1 refused, 2 wrong usage,
    3 no answer.
    """
    if reason and not anyway:
        raise click.UsageError("--reason goes with --anyway")
    query = {"anyway": "true", **({"reason": reason} if reason else {})} if anyway else None
    try:
        answer = connected(given).ask("POST", "/reload", query, timeout_s=PATIENT_S)
    except Refused as refused:
        if "faults" not in refused.answer:
            raise
        show_faults("refused", [ConfigFault(**fault) for fault in refused.answer["faults"]], "red")
        click.echo(f"Nothing was changed: generation {refused.answer['generation']} serves on.", err=True)
        sys.exit(1)
    for change in answer["changes"]:
        click.echo(f"  {change}")
    click.echo(f"Generation {answer['generation']} serves.")
