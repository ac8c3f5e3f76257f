"""`dcrgw keys`: our own signature keys in the registry, while the gateway runs or not."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from dcrgw.adapters.sealer import Sealer
from dcrgw.adapters.signing_keys import SigningKeys, StoredKey
from dcrgw.cli.options import CONFIG
from dcrgw.cli.tables import shown_time
from dcrgw.config.loading import load
from dcrgw.config.sections.keeping import SigningSettings
from dcrgw.errors import GatewayError, Misconfigured
from dcrgw.materials import open_sealing_keys


@click.group()
def keys() -> None:
    """Show and rotate the gateway's own signature keys; a running gateway sees it at its next answer."""


@keys.command("list")
@CONFIG
def list_(path: Path) -> None:
    """Every key with its state: current signs, next is published to sign next, retired only proves."""
    _run(path, lambda _stored, _signing: None)


@keys.command()
@CONFIG
def rotate(path: Path) -> None:
    """Let the next key sign, and publish the one that signed for `signing.retired_s` more."""
    _run(path, lambda stored, signing: stored.rotate(signing.alg, time.time(), signing.retired_s))


@keys.command()
@click.argument("kid")
@CONFIG
def retire(kid: str, path: Path) -> None:
    """Publish a key no longer, at once: for one that may be in wrong hands. Another takes its place."""
    _run(path, lambda stored, signing: stored.retire(kid, signing.alg, time.time()))


@keys.command()
@CONFIG
def purge(path: Path) -> None:
    """Forget the keys that are no longer published."""
    _run(path, lambda stored, _signing: stored.purge(time.time()))


def _run(path: Path, action: Callable[[SigningKeys, SigningSettings], Any]) -> None:
    """Open the keys, do one thing, show what there is then."""
    try:
        stored, signing = _open(path)
        action(stored, signing)
        now = time.time()
        for key in stored.all():
            click.echo(_line(key, now))
    except GatewayError as failure:
        click.echo(f"dcrgw keys: {failure}", err=True)
        sys.exit(1)


def _open(path: Path) -> tuple[SigningKeys, SigningSettings]:
    settings = load(path)
    signing = settings.signing
    if signing.keystore is not None or signing.key is not None or signing.hsm_key is not None:
        raise Misconfigured("the signature key is the operator's own: rotate it where [signing] names it")
    sealing_keys = open_sealing_keys(settings, time.time())
    if not sealing_keys:
        raise Misconfigured("no keys are kept without registry.sealing_keys")
    if not settings.registry.path.exists():
        raise Misconfigured(
            f"{settings.registry.path} does not exist: the gateway makes it, with its keys, at its start"
        )
    return SigningKeys(settings.registry.path, Sealer(sealing_keys)), signing


def _line(key: StoredKey, now: float) -> str:
    until = ""
    if key.published_until is not None:
        until = f"  published until {shown_time(key.published_until)}" if key.is_published(now) else "  not published"
    return f"{key.kid}  {key.alg}  {key.state:<8}since {shown_time(key.since)}{until}"
