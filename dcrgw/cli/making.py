"""`dcrgw evidence make`: a bundle of a request and a certificate, or of a HAR file."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dcrgw.cli.options import CONFIG, with_options
from dcrgw.cli.times import Moment

if TYPE_CHECKING:
    from dcrgw.core.jose.keys import KeySet
    from dcrgw.core.market import Market
    from dcrgw.materials import Materials
    from dcrgw.ports import Ports

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@with_options(
    click.option("--request", "requests", type=_FILE, multiple=True, help="A request's body: a JWT, or JSON."),
    click.option("--har", type=_FILE, help="A HAR file: each POST to a market's registration endpoint in it."),
    click.option("--cert", type=_FILE, required=True, help="The caller's certificates, PEM or DER, leaf first."),
    click.option("--market", help="The market of the requests, where the configuration has several."),
    click.option("--at", type=Moment(), help="Judge as of this time instead of now."),
    click.option("--keys", multiple=True, metavar="DIRECTORY=FILE", help="A directory's key set from a file: offline."),
    click.option("--software-keys", type=_FILE, help="The software's key set from a file."),
    click.option(
        "--vouched", "is_vouched", is_flag=True, help="With --keys: the directory says that the TPP is active."
    ),
    click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="The folder."),
    CONFIG,
)
def make(
    requests: tuple[Path, ...], har: Path | None, cert: Path, market: str | None, at: float | None,
    keys: tuple[str, ...], software_keys: Path | None, is_vouched: bool, out: Path, path: Path,
) -> None:  # fmt: skip
    """Judge registration requests by a configuration, and write each decision as a bundle.

    Nothing is stored and no script runs. Key sets and directories are asked as the gateway would ask them; with --keys
    nobody is asked, not about revocation either, and what was not given ends as unavailable; --vouched takes the
    directory's word on the TPP as given.
    """
    from dcrgw.compliance import making
    from dcrgw.compliance.keeping import Closed, bundled
    from dcrgw.compliance.redaction import Withheld
    from dcrgw.compliance.sources import SUFFIX
    from dcrgw.config.loading import load
    from dcrgw.errors import Misconfigured
    from dcrgw.materials import open_materials

    if not requests and har is None:
        raise click.UsageError("name a --request, or a --har")
    when = time.time() if at is None else at
    try:
        materials = open_materials(load(path), time.time())
        chain = making.chain_of(cert.read_bytes())
        arrivals = [] if har is None else list(making.arrivals_of_har(har.read_bytes(), chain, materials.markets))
        if requests:
            chosen = _market(materials, market)
            arrivals += [making.arrival_of(each.read_bytes(), chain, materials.markets[chosen]) for each in requests]
        given = _given(keys, software_keys, materials)
        if is_vouched and given is None:
            raise click.UsageError("--vouched goes with --keys: the directory is asked otherwise")
    except (making.NotMade, Misconfigured) as error:
        raise click.ClickException(str(error)) from error
    if not arrivals:
        raise click.ClickException("no request in the HAR file goes to a market's registration endpoint")

    async def judged() -> list[Closed]:
        async with _ports(materials, given, when, is_vouched=is_vouched) as ports:
            return [await making.made(each, _judging(materials, each.market, given), ports) for each in arrivals]

    out.mkdir(parents=True, exist_ok=True)
    for closed in asyncio.run(judged()):
        target = out / f"{closed.report.report_id}{SUFFIX}"
        try:
            target.write_bytes(bundled(closed))
        except Withheld as withheld:
            raise click.ClickException(str(withheld)) from withheld
        failed = ", ".join(each.check.id for each in closed.report.findings.failures)
        click.echo(f"{target}: {closed.report.decision}{failed and f' ({failed})'}")


def _judging(materials: Materials, name: str, given: object) -> Market:
    """The market; with key sets from files without revocation, since nobody is asked. No server is told of it."""
    from dcrgw.core.certificates.revocation import RevocationPolicy

    market = replace(materials.markets[name], upstream=None)
    return market if given is None else replace(market, revocation=RevocationPolicy())


def _market(materials: Materials, named: str | None) -> str:
    names = list(materials.markets)
    if named is None and len(names) > 1:
        raise click.UsageError(f"name a --market: {', '.join(names)}")
    if named is not None and named not in names:
        raise click.UsageError(f"there is no market {named}: there are {', '.join(names)}")
    return named or names[0]


def _given(
    keys: tuple[str, ...], software_keys: Path | None, materials: Materials
) -> tuple[Mapping[str, KeySet], KeySet | None] | None:
    """The key sets of files; None where they are to be asked for."""
    if not keys and software_keys is None:
        return None
    found = {}
    for text in keys:
        directory, equals, name = text.partition("=")
        if not equals or directory not in materials.directories:
            raise click.UsageError(f"--keys is DIRECTORY=FILE, with one of {', '.join(materials.directories)}")
        found[directory] = _key_set(Path(name))
    return found, None if software_keys is None else _key_set(software_keys)


def _key_set(path: Path) -> KeySet:
    from dcrgw.core.jose.keys import KeySetUnusable, key_set

    try:
        return key_set(path.read_bytes(), source=f"file:{path.name}")
    except (OSError, KeySetUnusable) as error:
        raise click.ClickException(f"{path}: {error}") from error


@asynccontextmanager
async def _ports(
    materials: Materials,
    given: tuple[Mapping[str, KeySet], KeySet | None] | None,
    at: float,
    *,
    is_vouched: bool,
) -> AsyncIterator[Ports]:
    from dcrgw.adapters.clock import SystemClock
    from dcrgw.adapters.randomness import SystemRandomness
    from dcrgw.app import outgoing
    from dcrgw.app.parts import Parts
    from dcrgw.app.revocation import revocation
    from dcrgw.compliance import making
    from dcrgw.compliance.no_scripts import NoScripts
    from dcrgw.ports import Ports
    from dcrgw.ports.directory import Directories
    from dcrgw.ports.keysets import KeySets
    from dcrgw.ports.revocation import NoRevocation, Revocation

    async with AsyncExitStack() as opened:
        keysets: KeySets
        directories: Directories
        lists: Revocation
        if given is None:
            parts = Parts(SystemClock())
            opened.push_async_callback(parts.close)
            keysets = await outgoing.key_sets(materials, time.monotonic, parts)
            directories = await outgoing.directories(materials, time.monotonic, parts)
            lists = await revocation(materials, SystemClock(), parts)
        else:
            keysets, lists = making.GivenKeys(*given), NoRevocation()
            directories = making.VouchingDirectories(at) if is_vouched else making.NoDirectories()
        yield Ports(
            clock=making.FixedClock(at),
            randomness=SystemRandomness(),
            keysets=keysets,
            directories=directories,
            scripts=NoScripts(),
            registry=making.EmptyRegistry(),
            revocation=lists,
        )
