"""`dcrgw tpp introspect`, `revoke`: ask what a token is good for, and give it back."""

from __future__ import annotations

from typing import Any

import click

from dcrgw.cli.options import Option, with_options
from dcrgw.cli.tpp import options as opt
from dcrgw.cli.tpp.carrying_out import carry_out, discovered, exit_statuses
from dcrgw.tpp import credentials, grants, setup
from dcrgw.tpp.credentials import CredentialsUnusable
from dcrgw.tpp.prepared import Moment
from dcrgw.tpp.setup import Incomplete
from dcrgw.tpp.telling import Hope

TOLD, REVOKED = Hope(200, "told"), Hope(200, "revoked")

_TOKEN: Option = click.option("--token", metavar="env:NAME|file:PATH", required=True, help="Where the token is.")


@click.command()
@with_options(*opt.TRANSPORT, *opt.CLIENT, *opt.SIGNING, _TOKEN)
def introspect(**given: Any) -> None:
    """Ask the bank what one of the client's own tokens is good for (RFC 7662).

    Exit status: 0 told, 1 refused, 2 wrong usage, 3 no answer.
    """
    with exit_statuses():
        _send("introspection_endpoint", "introspect-request", TOLD, given)


@click.command()
@with_options(*opt.TRANSPORT, *opt.CLIENT, *opt.SIGNING, _TOKEN)
def revoke(**given: Any) -> None:
    """Give a token back (RFC 7009); with a refresh token the whole grant ends.

    Exit status: 0 revoked, 1 refused, 2 wrong usage, 3 no answer.
    """
    with exit_statuses():
        _send("revocation_endpoint", "revoke-request", REVOKED, given)


def _send(endpoint: str, name: str, hope: Hope, given: dict[str, Any]) -> None:
    options = opt.merged(given)
    bank, known = discovered(setup.from_options(options), options), opt.named_client(options)
    url = getattr(bank, endpoint)
    if url is None:
        raise Incomplete(f"the bank's discovery document names no {endpoint}")
    request = grants.proven(
        {"token": _token(options["token"])},
        name.replace("-", " "),
        url,
        bank,
        known,
        Moment(),
        method=options["method"],
        audience=options["assertion_audience"] or bank.issuer,
    )
    carry_out(bank, request, name, hope, options)


def _token(reference: str) -> str:
    found = credentials.secret(reference)
    try:
        return (found or b"").decode("ascii").strip()
    except UnicodeDecodeError:
        raise CredentialsUnusable("--token refers to what is no token") from None
