"""One request from the command line: shown, left for curl, sent, its answer told, and the exit status of it all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from dcrgw.cli.tpp.options import folder
from dcrgw.tpp import curl, discovery, grants, known_client, prepared, private_file, telling
from dcrgw.tpp.authorization import AuthorizationUnusable, NotAuthorized
from dcrgw.tpp.client import FORM, Answer
from dcrgw.tpp.credentials import CredentialsUnusable
from dcrgw.tpp.curl import Left
from dcrgw.tpp.discovery import DiscoveryFailed
from dcrgw.tpp.known_client import ClientUnusable, KnownClient
from dcrgw.tpp.prepared import Moment, Prepared
from dcrgw.tpp.requests import JSON
from dcrgw.tpp.sandbox_index import SandboxUnusable
from dcrgw.tpp.setup import Incomplete, Setup
from dcrgw.tpp.telling import Hope
from dcrgw.tpp.trouble import ConnectionTrouble

DONE, REFUSED, NO_ANSWER = 0, 1, 3  # 2 is click's own, for wrong usage

GRANTED = Hope(200, "granted")

_SUFFIXES = {JSON: "json", FORM: "form"}


@contextmanager
def exit_statuses() -> Iterator[None]:
    """What ends a command early, as sentence and exit status."""
    try:
        yield
    except (CredentialsUnusable, SandboxUnusable, ClientUnusable, Incomplete, AuthorizationUnusable) as error:
        raise click.UsageError(str(error)) from None
    except ConnectionTrouble as trouble:
        click.echo(f"\nno answer: {trouble}\n{trouble.advice}", err=True)
        raise click.exceptions.Exit(NO_ANSWER) from None
    except (DiscoveryFailed, NotAuthorized) as failure:
        click.echo(f"\n{failure}", err=True)
        raise click.exceptions.Exit(REFUSED) from None


def carry_out(setup: Setup, request: Prepared, name: str, hope: Hope, options: dict[str, Any]) -> Answer | None:
    """The answer as hoped for, or None for a dry run; `name` is that of the files left for curl.

    Ends the command where the answer is another. Raises: ConnectionTrouble, CredentialsUnusable.
    """
    if options["dry_run"]:
        for title, members in request.shown.items():
            click.echo(f"{title}\n{telling.pretty(members)}")
    left = _left(request, name, options)
    click.echo(curl.command(request.outgoing, setup.transport, setup.server_ca, left))
    if options["dry_run"]:
        return None
    received = asyncio.run(prepared.send(setup, request, timeout_s=options["timeout"]))
    click.echo("\n" + "\n".join(telling.answer(received, hope)))
    if received.status != hope.status:
        raise click.exceptions.Exit(REFUSED)
    return received


def fetch_token(
    setup: Setup,
    known: KnownClient,
    options: dict[str, Any],
    *,
    scope: str | None,
    form: Mapping[str, str] = grants.OWN_RIGHT,
) -> tuple[Answer | None, str]:
    """The answer of the token endpoint, and the token in it; a dry run has none and a placeholder."""
    found = _with_token_endpoint(setup, options)
    request = grants.prepare(
        found,
        known,
        Moment(),
        method=options["method"],
        scope=scope,
        audience=options["assertion_audience"],
        form=form,
    )
    received = carry_out(found, request, "token-request", GRANTED, options)
    if received is None:
        return None, "TOKEN"
    token = received.members.get("access_token")
    if not isinstance(token, str):
        click.echo("the answer holds no access_token", err=True)
        raise click.exceptions.Exit(REFUSED)
    return received, token


def keep(path: Path | None, known: KnownClient) -> None:
    """Save what is known of a client now, and say where; what was registered stays so if that fails."""
    if path is None:
        click.echo("\nkept nowhere: --save FILE keeps what reading, updating and deleting it needs")
        return
    try:
        known_client.save(path, known)
    except OSError as error:
        click.echo(f"{path} cannot be written: {error.strerror}", err=True)
        return
    click.echo(f"\nkept in {path}")


def _with_token_endpoint(setup: Setup, options: dict[str, Any]) -> Setup:
    return setup if setup.token_endpoint is not None else discovered(setup, options)


def discovered(setup: Setup, options: dict[str, Any]) -> Setup:
    """The setup with what the bank's discovery document says. Raises: Incomplete, DiscoveryFailed."""
    request = discovery.prepare(setup, Moment())
    if options["dry_run"]:
        raise Incomplete("a dry run asks nobody, so it cannot learn where the bank's endpoints are")
    return discovery.learnt(setup, asyncio.run(prepared.send(setup, request, timeout_s=options["timeout"])))


def _left(request: Prepared, name: str, options: dict[str, Any]) -> Left:
    """The files that the curl line names, for their owner only: tokens and secrets stand in them."""
    outgoing, place = request.outgoing, folder(options)
    body = headers = None
    if outgoing.body:
        given = options.get("request_file") if name != "token-request" else None
        body = given or place / f"{name}.{_SUFFIXES.get(outgoing.media_type or '', 'jwt')}"
        _write(body, outgoing.body)
    if outgoing.secret_headers:
        headers = place / f"{name}.headers"
        _write(headers, "".join(f"{n}: {v}\n" for n, v in outgoing.secret_headers.items()).encode())
    return Left(body, headers)


def _write(path: Path, content: bytes) -> None:
    try:
        private_file.write(path, content)
    except OSError as error:
        raise click.UsageError(f"{path} cannot be written: {error.strerror}") from None
