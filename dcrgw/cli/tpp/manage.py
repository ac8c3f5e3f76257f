"""`dcrgw tpp read`, `update`, `delete`: what a client may do with its own registration."""

from __future__ import annotations

from typing import Any

import click

from dcrgw.cli.options import Option, with_options
from dcrgw.cli.tpp import options as opt
from dcrgw.cli.tpp.carrying_out import carry_out, exit_statuses, fetch_token, keep
from dcrgw.tpp import credentials, management, setup
from dcrgw.tpp.client import Answer
from dcrgw.tpp.credentials import CredentialsUnusable
from dcrgw.tpp.known_client import KnownClient
from dcrgw.tpp.prepared import Moment
from dcrgw.tpp.setup import Setup
from dcrgw.tpp.telling import Hope

READ, UPDATED, DELETED = Hope(200, "read"), Hope(200, "updated"), Hope(204, "deleted")

_TOKEN: tuple[Option, ...] = (
    opt.REGISTRATION_ENDPOINT,
    click.option(
        "--token", metavar="env:NAME|file:PATH",
        help="Where the token is; else the registration access token, else one is fetched.",
    ),
    click.option("--token-scope", help="Scope of a fetched token; else whatever the bank gives."),
)  # fmt: skip


@click.command()
@with_options(*opt.TRANSPORT, *opt.CLIENT, *_TOKEN, *opt.SIGNING)
def read(**given: Any) -> None:
    """Read a client's registration.

    Exit status: 0 read, 1 refused, 2 wrong usage, 3 no answer.
    """
    with exit_statuses():
        options = opt.merged(given)
        bank, known = setup.from_options(options), opt.named_client(options)
        request = management.read(known, _token(bank, known, options), Moment())
        _keep(carry_out(bank, request, "read-request", READ, options), known, options)


@click.command()
@with_options(
    *opt.TRANSPORT,
    *opt.CLIENT,
    *_TOKEN,
    *opt.SIGNING,
    *opt.METADATA,
    opt.REQUEST_FILE,
    click.option("--if-match", metavar="ETAG", help="Replace this version only."),
)
def update(**given: Any) -> None:
    """Replace a client's registration: what is registered stays, but for what the options say.

    Exit status: 0 updated, 1 refused, 2 wrong usage, 3 no answer.
    """
    with exit_statuses():
        options = opt.merged(given)
        bank, known = setup.from_options(options), opt.named_client(options)
        token = _token(bank, known, options)
        request = management.update(bank, known, token, Moment(), if_match=options["if_match"])
        _keep(carry_out(bank, request, "update-request", UPDATED, options), known, options)


@click.command()
@with_options(*opt.TRANSPORT, *opt.CLIENT, *_TOKEN, *opt.SIGNING)
def delete(**given: Any) -> None:
    """End a client's registration.

    Exit status: 0 deleted, 1 refused, 2 wrong usage, 3 no answer.
    """
    with exit_statuses():
        options = opt.merged(given)
        bank, known = setup.from_options(options), opt.named_client(options)
        request = management.delete(known, _token(bank, known, options), Moment())
        carry_out(bank, request, "delete-request", DELETED, options)


def _token(bank: Setup, known: KnownClient, options: dict[str, Any]) -> str:
    """The token that is given, else the one that the bank gave with the registration, else a fresh one."""
    given = credentials.secret(options["token"])
    if given is not None:
        try:
            return given.decode("ascii").strip()
        except UnicodeDecodeError:
            raise CredentialsUnusable("--token refers to what is no token") from None
    if known.registration_access_token is not None:
        return known.registration_access_token
    return fetch_token(bank, known, options, scope=options["token_scope"])[1]


def _keep(received: Answer | None, known: KnownClient, options: dict[str, Any]) -> None:
    """What the bank told anew: tokens and secrets may have changed with it (RFC 7592 §3)."""
    if received is not None and received.members and options["client"] and not options["client_id"]:
        keep(options["client"], known.learnt(received))
