"""`dcrgw tpp`: act as a TPP against any bank."""

from __future__ import annotations

import click

from dcrgw.cli.tpp.about_tokens import introspect, revoke
from dcrgw.cli.tpp.authorize import authorize, par
from dcrgw.cli.tpp.manage import delete, read, update
from dcrgw.cli.tpp.register import register
from dcrgw.cli.tpp.report import report
from dcrgw.cli.tpp.token import token


@click.group()
def tpp() -> None:
    """Act as a TPP against any bank."""


for command in (register, token, par, authorize, introspect, revoke, read, update, delete, report):
    tpp.add_command(command)
