"""`dcrgw scripts`: look after the bank's interception scripts, and try them offline."""

from __future__ import annotations

import click

from dcrgw.cli.scripts.bench import test
from dcrgw.cli.scripts.changing import accept, add, delete, disable, enable, replace, rollback, update
from dcrgw.cli.scripts.exchanging import export, import_
from dcrgw.cli.scripts.looking import diff, errors, history, list_, show


@click.group()
def scripts() -> None:
    """Look after the bank's interception scripts, and try them offline.

    A SCRIPT is an inum, or TYPE/NAME, or the name alone where one script has it. Exit status: 0 done, 1 refused or a
    case does not hold, 2 wrong usage, 3 no answer.
    """


for _command in (
    *(list_, show, add, update, replace, enable, disable, accept, delete),
    *(test, import_, export, history, diff, rollback, errors),
):
    scripts.add_command(_command)
