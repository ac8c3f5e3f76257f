"""`dcrgw tpp token`: get an access token."""

from __future__ import annotations

from typing import Any

import click

from dcrgw.cli.options import with_options
from dcrgw.cli.tpp import options as opt
from dcrgw.cli.tpp.carrying_out import exit_statuses, fetch_token
from dcrgw.tpp import authorization, grants, private_file, setup


@click.command()
@with_options(
    *opt.TRANSPORT,
    *opt.CLIENT,
    *opt.SIGNING,
    click.option("--scope", help="Else whatever the bank gives."),
    click.option("--authorized", "by", flag_value="code", help="For the code of a customer's authorization."),
    click.option("--refresh", "by", flag_value="refresh", help="By the refresh token that came with it."),
    click.option("--details", metavar="JSON", help="Fewer authorization_details than were granted."),
    opt.AUTHORIZATION,
    click.option("--save", type=opt.FILE, help="Write the token there, for --token file:FILE."),
)
def token(**given: Any) -> None:
    """Get an access token: for the client itself, or for what a customer granted.

    Exit status: 0 granted, 1 refused, 2 wrong usage, 3 no answer.
    """
    with exit_statuses():
        options = opt.merged(given)
        asked = authorization.load(opt.authorization_file(options)) if options["by"] else None
        form = dict(grants.OWN_RIGHT)
        if asked is not None:
            form = asked.redemption if options["by"] == "code" else asked.renewal
        if options["details"]:
            form["authorization_details"] = options["details"]
        bank, known = setup.from_options(options), opt.named_client(options)
        received, value = fetch_token(bank, known, options, scope=options["scope"], form=form)
        if received is None:
            return
        try:
            if asked is not None:
                authorization.save(opt.authorization_file(options), asked.granted(received))
            if options["save"]:
                private_file.write(options["save"], value.encode() + b"\n")
        except OSError as error:
            raise click.UsageError(f"{error.filename} cannot be written: {error.strerror}") from None
