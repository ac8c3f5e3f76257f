"""`dcrgw tpp report`: what the bank judged, check by check, as far as it tells the TPP whose request it was."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from dcrgw.cli.explain import show, told
from dcrgw.cli.options import with_options
from dcrgw.cli.tpp import options as opt
from dcrgw.cli.tpp.carrying_out import REFUSED, exit_statuses
from dcrgw.tpp import curl, prepared, setup, telling
from dcrgw.tpp.client import Outgoing
from dcrgw.tpp.curl import Left
from dcrgw.tpp.prepared import Moment, Prepared
from dcrgw.tpp.telling import Hope

TOLD = Hope(200, "told")


@click.command()
@with_options(*opt.TRANSPORT)
@click.argument("url")
def report(url: str, **given: Any) -> None:
    """Read the report about a request of yours: the URL that an error answer names.

    Only the certificate that sent the request, or one of the same issuer and subject, is answered.
    Exit status: 0 told, 1 refused, 2 wrong usage, 3 no answer.
    """
    with exit_statuses():
        options = opt.merged(given)
        bank, moment = setup.from_options(options), Moment()
        request = Prepared(Outgoing(url, method="GET", headers=moment.headers), {})
        click.echo(curl.command(request.outgoing, bank.transport, bank.server_ca, Left(None, None)) + "\n")
        if options["dry_run"]:
            return
        received = asyncio.run(prepared.send(bank, request, timeout_s=options["timeout"]))
        if received.status != TOLD.status:
            click.echo("\n".join(telling.answer(received, TOLD)))
            raise click.exceptions.Exit(REFUSED)
        try:
            lines = told(dict(received.members))
        except (KeyError, TypeError, ValueError):
            click.echo("this is no report of a gateway like this one\n" + telling.pretty(received.members), err=True)
            raise click.exceptions.Exit(REFUSED) from None
        show(lines)
