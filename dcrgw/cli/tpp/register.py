"""`dcrgw tpp register`: become a client."""

from __future__ import annotations

from typing import Any

import click

from dcrgw.cli.options import with_options
from dcrgw.cli.tpp import options as opt
from dcrgw.cli.tpp.carrying_out import carry_out, exit_statuses, keep
from dcrgw.tpp import registration, setup
from dcrgw.tpp.known_client import KnownClient
from dcrgw.tpp.prepared import Moment
from dcrgw.tpp.telling import Hope

REGISTERED = Hope(201, "registered")


@click.command()
@with_options(
    *opt.TRANSPORT,
    opt.REGISTRATION_ENDPOINT,
    *opt.SIGNING,
    *opt.METADATA,
    opt.REQUEST_FILE,
    click.option("--save", type=opt.FILE, help="Keep the client there for the other commands; a sandbox does itself."),
)
def register(**given: Any) -> None:
    """Register a client: build, sign and send one request.

    Exit status: 0 registered, 1 refused, 2 wrong usage, 3 no answer.
    """
    with exit_statuses():
        options = opt.merged(given, wishes=True)
        bank = setup.from_options(options)
        received = carry_out(bank, registration.prepare(bank, Moment()), "registration-request", REGISTERED, options)
        if received is not None and received.members:
            keep(options["save"] or options.get("client"), KnownClient(bank.registration_endpoint, received.members))
