"""`dcrgw tpp token`: get an access token."""

from __future__ import annotations

from typing import Any

import click

from dcrgw.cli.options import with_options
from dcrgw.cli.tpp import options as opt
from dcrgw.cli.tpp.carrying_out import exit_statuses, fetch_token
from dcrgw.tpp import private_file, setup


@click.command()
@with_options(
    *opt.TRANSPORT,
    *opt.CLIENT,
    *opt.SIGNING,
    click.option("--scope", help="Else whatever the bank gives."),
    click.option("--save", type=opt.FILE, help="Write the token there, for --token file:FILE."),
)
def token(**given: Any) -> None:
    """Get an access token for a client: the client credentials grant.

    Exit status: 0 granted, 1 refused, 2 wrong usage, 3 no answer.
    """
    with exit_statuses():
        options = opt.merged(given)
        received, value = fetch_token(
            setup.from_options(options), opt.named_client(options), options, scope=options["scope"]
        )
        if received is not None and options["save"]:
            try:
                private_file.write(options["save"], value.encode() + b"\n")
            except OSError as error:
                raise click.UsageError(f"{options['save']} cannot be written: {error.strerror}") from None
