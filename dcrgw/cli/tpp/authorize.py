"""`dcrgw tpp par`, `authorize`: ask for a customer's grant, and take the answer that comes through the browser."""

from __future__ import annotations

import asyncio
import time
import webbrowser
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from dcrgw.cli.options import Option, with_options
from dcrgw.cli.tpp import options as opt
from dcrgw.cli.tpp.carrying_out import carry_out, discovered, exit_statuses
from dcrgw.tpp import answers, authorization, catching, grants, prepared, setup
from dcrgw.tpp.authorization import Authorization, NotAuthorized
from dcrgw.tpp.known_client import KnownClient
from dcrgw.tpp.prepared import Moment
from dcrgw.tpp.setup import Incomplete, Setup
from dcrgw.tpp.telling import Hope

PUSHED = Hope(201, "pushed")
_CATCH_S = 300.0

_REQUEST: tuple[Option, ...] = (
    click.option(
        "--scope", help="What is asked for; else openid, unless there are --details and no ID token beside the code."
    ),
    click.option("--details", metavar="JSON|@FILE", help="authorization_details (RFC 9396)."),
    click.option("--redirect-uri", multiple=True, help="Else the first that the client registered."),
    click.option("--signed", is_flag=True, help="Ask by a signed request object (RFC 9101)."),
)


@click.command()
@with_options(*opt.TRANSPORT, *opt.CLIENT, *opt.SIGNING, *_REQUEST, opt.AUTHORIZATION)
def par(**given: Any) -> None:
    """Push an authorization request (RFC 9126), and print the address for the customer's browser.

    Exit status: 0 pushed, 1 refused, 2 wrong usage, 3 no answer.
    """
    with exit_statuses():
        options = opt.merged(given)
        bank, known = discovered(setup.from_options(options), options), opt.named_client(options)
        if bank.pushed_endpoint is None:
            raise Incomplete("the bank's discovery document names no endpoint for pushed requests")
        asked = _asked(bank, known, options)
        request = grants.proven(
            asked.brought,
            "pushed request",
            bank.pushed_endpoint,
            bank,
            known,
            Moment(),
            method=options["method"],
            audience=options["assertion_audience"] or bank.issuer,
        )
        received = carry_out(bank, request, "par-request", PUSHED, options)
        if received is None:
            return
        uri = received.members.get("request_uri")
        if not isinstance(uri, str):
            raise NotAuthorized("the answer holds no request_uri")
        _keep(authorization.pushed(asked, uri), options)


@click.command()
@with_options(
    *opt.TRANSPORT,
    *opt.CLIENT,
    *opt.SIGNING,
    *_REQUEST,
    opt.AUTHORIZATION,
    click.option("--open", "opens", is_flag=True, help="Open the address in this machine's browser."),
    click.option("--catch", "catches", is_flag=True, help="Wait for the answer at an http redirect URI on loopback."),
    click.option("--redirected", metavar="URL", help="The address to which the customer's browser was sent."),
)
def authorize(**given: Any) -> None:
    """Send a customer to the bank, without pushing first; or take the answer to what was asked or pushed before.

    Exit status: 0 asked or answered, 1 refused, 2 wrong usage, 3 no answer.
    """
    with exit_statuses():
        options = opt.merged(given)
        path = opt.authorization_file(options)
        if options["redirected"]:
            _answered(authorization.load(path), options["redirected"], path, options)
            return
        bank, known = discovered(setup.from_options(options), options), opt.named_client(options)
        asked = _asked(bank, known, options)
        if options["catches"] and asked.wants_id_token:
            raise Incomplete("a browser keeps the answer with an ID token to itself: paste the address as --redirected")
        _keep(asked, options)
        go = partial(webbrowser.open, asked.address) if options["opens"] else _wait
        if options["catches"]:
            _answered(asked, _caught(asked, go), path, options)
        else:
            go()


def _asked(bank: Setup, known: KnownClient, options: dict[str, Any]) -> Authorization:
    details = _text(options["details"])
    if details is not None:
        authorization.details_of(details)
    asked = authorization.begin(bank, known, scope=options["scope"] or None, details=details)
    return authorization.signed(asked, bank, known, Moment()) if options["signed"] else asked


def _text(given: str | None) -> str | None:
    if given is None or not given.startswith("@"):
        return given
    try:
        return Path(given[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise click.UsageError(f"{given[1:]} cannot be read") from None


def _keep(asked: Authorization, options: dict[str, Any]) -> None:
    path = opt.authorization_file(options)
    try:
        authorization.save(path, asked)
    except OSError as error:
        raise click.UsageError(f"{path} cannot be written: {error.strerror}") from None
    click.echo(f"\nkept in {path}\nsend the customer's browser to\n\n  {asked.address}\n")


def _wait() -> None:
    """Somebody opens the address."""


def _caught(asked: Authorization, go: Callable[[], object]) -> str:
    try:
        return asyncio.run(catching.redirect(asked.redirect_uri, _CATCH_S, go))
    except TimeoutError:
        raise NotAuthorized(f"nobody came back within {_CATCH_S:g} seconds") from None
    except OSError as error:
        raise click.UsageError(f"{asked.redirect_uri} cannot be listened on: {error.strerror}") from None


def _answered(asked: Authorization, url: str, path: Path, options: dict[str, Any]) -> None:
    keys = None
    if asked.wants_id_token:
        request = answers.keys_request(asked)
        keys = asyncio.run(prepared.send(setup.from_options(options), request, timeout_s=options["timeout"])).body
    authorization.save(path, answers.answered(asked, url, keys, time.time()))
    click.echo("authorized: the code is kept; `dcrgw tpp token --authorized` redeems it")
