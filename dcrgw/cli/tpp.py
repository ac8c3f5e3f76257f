"""`dcrgw tpp`: act as a TPP against any bank."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from dcrgw.core.jose.algorithms import ALGORITHMS
from dcrgw.tpp import curl, registration, requests, sandbox_index, telling
from dcrgw.tpp.credentials import CredentialsUnusable, Transport
from dcrgw.tpp.registration import Incomplete, Prepared, Setup
from dcrgw.tpp.requests import LEAVE_OUT, Wish
from dcrgw.tpp.sandbox_index import SandboxUnusable
from dcrgw.tpp.trouble import ConnectionTrouble

REGISTERED, REFUSED, NO_ANSWER = 0, 1, 3  # 2 is click's own, for wrong usage

_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)

F = TypeVar("F", bound=Callable[..., Any])

#: What every command needs that connects: who we are, and whom we trust.
_TRANSPORT_OPTIONS = (
    click.option("--sandbox", type=_FOLDER, help="A running sandbox's folder; all else is then known from there."),
    click.option("--market", metavar="NAME", help="One of the sandbox's markets."),
    click.option("--as", "as_tpp", metavar="NAME", help="Another of the sandbox's TPPs: obwac, revoked."),
    click.option("--cert", type=_FILE, help="Transport certificate with its intermediates, PEM."),
    click.option("--key", type=_FILE, help="Its private key, PEM, unless in the same file."),
    click.option("--pkcs12", type=_FILE, help="Both as PKCS#12, in place of --cert and --key."),
    click.option("--password", metavar="env:NAME|file:PATH", help="Where the keys' password is."),
    click.option("--server-ca", type=_FILE, help="CA of the bank's server, PEM; else the system's."),
)

_REGISTRATION_OPTIONS = (
    click.option("--registration-endpoint", metavar="URL", help="Where the bank registers clients."),
    click.option("--signing-key", type=_FILE, help="Private key that signs the request, PEM."),
    click.option("--kid", help="The key's name in the software's key set."),
    click.option("--alg", type=click.Choice(list(ALGORITHMS)), help="Else the key's usual algorithm."),
    click.option("--ssa", type=_FILE, help="The software statement, a file with the compact JWS."),
    click.option("--audience", help="The bank's name, for the request's aud."),
    click.option("--redirect-uri", multiple=True, help="May be repeated; else all of the statement's."),
    click.option("--scope", help="Else what the statement's roles are for."),
    click.option("--auth-method", help="token_endpoint_auth_method; else tls_client_auth."),
    click.option("--claim", multiple=True, metavar="NAME=VALUE", help="Set a claim, as JSON or text; NAME drops it."),
    click.option("--media-type", default=requests.JOSE, show_default=True, help="Of a signed request."),
    click.option("--json", "as_json", is_flag=True, help="Send plain RFC 7591 JSON, unsigned."),
    click.option("--request-file", type=_FILE, help="Where to leave the request's body for curl."),
    click.option("--timeout", default=30.0, show_default=True, help="Seconds to wait for the answer."),
    click.option("--dry-run", is_flag=True, help="Show the request decoded and send nothing."),
)


@click.group()
def tpp() -> None:
    """Act as a TPP against any bank."""


def with_options(*options: Callable[[Any], Any]) -> Callable[[F], F]:
    """A decorator that gives a command these options, in this order."""

    def decorate(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


@tpp.command()
@with_options(*_TRANSPORT_OPTIONS, *_REGISTRATION_OPTIONS)
def register(**given: Any) -> None:
    """Register a client: build, sign and send one request.

    Exit status: 0 registered, 1 refused, 2 wrong usage, 3 no answer.
    """
    try:
        options = _merged(given)
        prepared = registration.prepare(
            _setup(options), now=time.time(), jti=str(uuid.uuid4()), interaction_id=str(uuid.uuid4())
        )
        if options["dry_run"]:
            _show(prepared)
        _leave_for_curl(prepared, options)
        if not options["dry_run"]:
            _send(prepared, options["timeout"])
    except (CredentialsUnusable, SandboxUnusable, Incomplete) as error:
        raise click.UsageError(str(error)) from None


def _merged(given: dict[str, Any]) -> dict[str, Any]:
    """The options as given, and what the sandbox knows for those that are not."""
    if given["sandbox"] is None:
        if given["market"] or given["as_tpp"]:
            raise click.UsageError("--market and --as choose within a --sandbox")
        return given
    known = sandbox_index.options(given["sandbox"], market=given["market"], tpp=given["as_tpp"])
    if given["pkcs12"] or given["cert"]:
        known = {name: value for name, value in known.items() if name not in ("cert", "key")}
    return {**given, **{name: value for name, value in known.items() if not given[name]}}


def _setup(options: dict[str, Any]) -> Setup:
    if not options["registration_endpoint"]:
        raise click.UsageError("--registration-endpoint or --sandbox says where to register")
    return Setup(
        registration_endpoint=options["registration_endpoint"],
        transport=Transport(options["cert"], options["key"], options["pkcs12"], options["password"]),
        server_ca=options["server_ca"],
        statement=options["ssa"],
        signing_key=options["signing_key"],
        kid=options["kid"],
        alg=options["alg"],
        wish=Wish(
            audience=options["audience"],
            redirect_uris=tuple(options["redirect_uri"]),
            scope=options["scope"],
            auth_method=options["auth_method"],
            claims=dict(_claim(text) for text in options["claim"]),
        ),
        media_type=options["media_type"],
        as_json=options["as_json"],
    )


def _claim(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not separator:
        return name, LEAVE_OUT
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _show(prepared: Prepared) -> None:
    if prepared.header:
        click.echo(f"request header\n{telling.pretty(prepared.header)}")
    click.echo(f"request claims\n{telling.pretty(prepared.claims)}")
    if prepared.statement:
        header = prepared.statement.token.header
        named = {"typ": header.typ, "alg": header.alg, "kid": header.kid}
        click.echo(f"software statement header\n{telling.pretty(named)}")
        click.echo(f"software statement claims\n{telling.pretty(prepared.statement.claims)}")


def _leave_for_curl(prepared: Prepared, options: dict[str, Any]) -> None:
    suffix = "json" if prepared.setup.as_json else "jwt"
    body = options["request_file"] or (options["sandbox"] or Path()) / f"registration-request.{suffix}"
    try:
        body.write_bytes(prepared.outgoing.body)
    except OSError as error:
        raise click.UsageError(f"{body} cannot be written: {error.strerror}") from None
    click.echo(curl.command(prepared.outgoing, prepared.setup.transport, prepared.setup.server_ca, body))


def _send(prepared: Prepared, timeout_s: float) -> None:
    try:
        received = asyncio.run(registration.send(prepared, timeout_s=timeout_s))
    except ConnectionTrouble as trouble:
        click.echo(f"\nno answer: {trouble}\n{trouble.advice}", err=True)
        raise click.exceptions.Exit(NO_ANSWER) from None
    click.echo("\n" + "\n".join(telling.answer(received)))
    raise click.exceptions.Exit(REGISTERED if received.status == 201 else REFUSED)
