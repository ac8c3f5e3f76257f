"""What the commands about stores share: passwords by reference, refusals, and how files are written."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from dcrgw.adapters.keystore_files import KeystoreRefused
from dcrgw.cli.tables import tell
from dcrgw.config.secrets import SecretReference
from dcrgw.errors import GatewayError
from dcrgw.tpp import private_file

FILE = click.Path(path_type=Path)


class _Reference(click.ParamType[SecretReference]):
    """env:NAME, file:/path or credential:NAME; never the secret itself."""

    name = "reference"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> SecretReference:
        if isinstance(value, SecretReference):
            return value
        try:
            reference = SecretReference.parse(str(value), Path.cwd())
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if reference.is_literal:
            # Without the value: whoever typed a password here shall not read it again in a log.
            self.fail("a secret is not written here: use env:NAME, file:/path or credential:NAME", param, ctx)
        return reference


def password_option(flag: str, of: str, *, name: str | None = None) -> Callable[[Any], Any]:
    """An option for a password's reference, under its own name or another."""
    names = (flag, name) if name is not None else (flag,)
    return click.option(
        *names, type=_Reference(), metavar="REFERENCE", help=f"Password of {of}: env:NAME or file:/path."
    )


force_option = click.option("--force", is_flag=True, help="Write over a file that is there already.")


@contextmanager
def refusals() -> Iterator[None]:
    """Shows what is refused with its reason and its fix, and ends with status 1."""
    try:
        yield
    except KeystoreRefused as refused:
        tell(f"refused: {refused.path}\n  reason: {refused.reason}\n  fix:    {refused.fix}", err=True)
        sys.exit(1)
    except GatewayError as failure:
        tell(f"refused: {failure}", err=True)
        sys.exit(1)
    except OSError as error:
        click.echo(f"refused: {error.filename or 'a file'}\n  reason: {error.strerror}", err=True)
        sys.exit(1)


def secret(reference: SecretReference | None) -> bytes | None:
    """The bytes of a password; None without a reference. Raises: SecretUnresolved."""
    return reference.resolve().get_secret_value().encode() if reference is not None else None


def with_password(path: Path, reference: SecretReference | None, open_: Callable[[bytes | None], Any]) -> Any:
    """What `open_` gives with the password; on a terminal it is asked for where one is needed and none was named."""
    if reference is not None or not sys.stdin.isatty():
        return open_(secret(reference))
    try:
        return open_(None)
    except KeystoreRefused as refused:
        if "password" not in refused.reason:
            raise
        return open_(str(click.prompt(f"Password of {path}", hide_input=True, err=True)).encode())


def new_password(path: Path, reference: SecretReference | None) -> bytes:
    """The password of a store that is to be made; asked for twice on a terminal. Raises: UsageError without any."""
    if reference is not None:
        return secret(reference) or b""
    if not sys.stdin.isatty():
        raise click.UsageError("--new-password is missing: env:NAME or file:/path")
    chosen = click.prompt(f"New password of {path}", hide_input=True, confirmation_prompt=True, err=True)
    return str(chosen).encode()


def write_private(path: Path, content: bytes, *, force: bool) -> None:
    """Write what holds a key. Raises: KeystoreRefused for a file that is there."""
    try:
        private_file.write(path, content, replaces=force)
    except FileExistsError:
        fix = "choose another name, or --force"
        raise KeystoreRefused(path, "is there already and may hold the only copy of a key", fix) from None
    click.echo(f"wrote {path} (mode 0600)")


def write_public(path: Path, content: bytes, *, force: bool) -> None:
    """Write what everybody may read. Raises: KeystoreRefused for a file that is there."""
    if path.exists() and not force:
        raise KeystoreRefused(path, "is there already", "choose another name, or --force")
    private_file.write(path, content)
    path.chmod(0o644)
    click.echo(f"wrote {path}")
