"""`dcrgw customers`: the file of customers who may sign in on the gateway's own pages."""

from __future__ import annotations

import os
import sys
import uuid
from pathlib import Path

import click

from dcrgw.adapters.customers import Entry, login_of, read_customers, written
from dcrgw.adapters.passwords import MAX_LENGTH, hashed
from dcrgw.core.authorization.interaction import Customer
from dcrgw.errors import Misconfigured

#: NIST SP 800-63B §3.1.1.2 asks for 15 where nothing else proves a person, and for 8 at the least.
_LEAST_LENGTH = 8

_FILE = click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path),
    default=Path("config/customers.toml"),
    show_default=True,
    help="The customers file, `consent.customers` in the configuration.",
)


@click.group()
def customers() -> None:
    """Keep the file of customers who sign in on the gateway's own pages. The gateway reads it at its start."""


@customers.command("list")
@_FILE
def list_(path: Path) -> None:
    """Everybody in the file."""
    for entry in _read(path):
        markets = f"  {' '.join(sorted(entry.markets))}" if entry.markets else ""
        click.echo(f"{entry.login}  {entry.customer.sub}  {entry.customer.name}{markets}")


@customers.command()
@click.argument("login")
@click.option("--name", required=True, help="What pages call the customer.")
@click.option("--sub", help="What tokens call the customer; a random one unless given.")
@click.option("--market", "markets", multiple=True, help="Only in this market; repeat for several.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input, not from the terminal.")
@_FILE
def add(path: Path, login: str, name: str, sub: str | None, markets: tuple[str, ...], password_stdin: bool) -> None:
    """Enter a customer. The password is asked for twice and never shown; only its hash is kept."""
    known = _read(path) if path.exists() else ()
    if login_of(login) in {entry.login for entry in known}:
        raise click.ClickException(f"{path} has a customer {login_of(login)} already: remove the table, then add it")
    sub = sub or uuid.uuid4().hex
    if sub in {entry.customer.sub for entry in known}:
        raise click.ClickException(f"{path} has a customer with this sub already")
    password = _password(password_stdin)
    entry = Entry(login_of(login), Customer(sub, name), hashed(password), frozenset(markets))
    # A new file is for its owner alone.
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a", encoding="utf-8") as file:
            file.write(f"\n{written(entry)}" if known else written(entry))
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written ({error.strerror})") from None
    click.echo(f"{entry.login} is in {path}; the gateway takes it over at its next start")


def _password(from_stdin: bool) -> str:
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    if not _LEAST_LENGTH <= len(password) <= MAX_LENGTH:
        raise click.ClickException(f"a password has {_LEAST_LENGTH} to {MAX_LENGTH} characters")
    return password


def _read(path: Path) -> tuple[Entry, ...]:
    try:
        return read_customers(path)
    except Misconfigured as refused:
        raise click.ClickException(str(refused)) from None
