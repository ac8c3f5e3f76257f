"""`dcrgw keystore show`: what a store holds, without a secret."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click

from dcrgw.adapters import keystores
from dcrgw.adapters.keystore_files import Format, read_file, recognise
from dcrgw.cli.keystore.options import FILE, password_option, refusals, with_password
from dcrgw.cli.keystore.telling import told_certificate, told_key
from dcrgw.cli.tables import tell
from dcrgw.config.secrets import SecretReference


@click.command()
@click.argument("file", type=FILE)
@password_option("--password", "the store, or of an encrypted key")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
def show(file: Path, password: SecretReference | None, as_json: bool) -> None:
    """Show the entries of FILE: PKCS#12, JKS or PEM, told apart by content."""
    with refusals():
        format_ = recognise(read_file(file))
        entries = with_password(file, password, lambda secret: keystores.entries_of(file, secret))
    told = [_told(entry, time.time()) for entry in entries]
    if as_json:
        click.echo(json.dumps({"file": str(file), "format": format_, "entries": told}, indent=2))
        return
    click.echo(f"{file}: {format_}, {_counted(len(told))}")
    for entry in told:
        tell(f"\n{entry['alias'] or '(no name)'}: {entry['holds']}")
        for certificate in entry["certificates"]:
            for name, value in certificate.items():
                tell(f"  {name:<14}{', '.join(value) if isinstance(value, list) else value}")
    if format_ is Format.JKS:
        click.echo("\nJKS guards its keys weakly: dcrgw keystore convert makes PKCS#12 of it.", err=True)


def _told(entry: keystores.Entry, at: float) -> dict[str, Any]:
    key = f"a private key, {told_key(entry.key)}" if entry.key is not None else ""
    held = [*([key] if key else []), *([_certificates(len(entry.certificates))] if entry.certificates else [])]
    certificates = [told_certificate(each, at) for each in entry.certificates]
    return {"alias": entry.alias, "holds": " and ".join(held), "certificates": certificates}


def _certificates(number: int) -> str:
    return "1 certificate" if number == 1 else f"{number} certificates"


def _counted(number: int) -> str:
    return "1 entry" if number == 1 else f"{number} entries"
