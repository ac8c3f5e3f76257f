"""`dcrgw conformance`: what a standard demands, played against any bank's registration endpoint."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import mkdtemp

import click

from dcrgw.cli import live
from dcrgw.cli.options import with_options
from dcrgw.compliance.conformance import loading, rehearsing, running, tester
from dcrgw.compliance.conformance.loading import PackUnusable
from dcrgw.compliance.conformance.pack import Case, Pack
from dcrgw.compliance.conformance.phone import Phone
from dcrgw.compliance.conformance.playing import Played
from dcrgw.compliance.conformance.scene import Bank
from dcrgw.compliance.conformance.telling import Run
from dcrgw.compliance.conformance.tester import Tester


@click.group()
def conformance() -> None:
    """Play a standard's demands against any bank's registration endpoint."""


@conformance.command("list")
def list_() -> None:
    """List the packs that are shipped."""
    for name in loading.names():
        pack = loading.load(name)
        click.echo(f"{name:<14} {len(pack.case):>4} cases  {pack.title}")


@conformance.command()
@click.argument("pack")
@click.option("--case", "only", multiple=True, metavar="ID", help="These cases alone, with their steps.")
def show(pack: str, only: tuple[str, ...]) -> None:
    """Show what a PACK demands, each case with its clause. PACK is a name, or a file."""
    found = _pack(pack)
    click.echo(f"{found.id}: {found.title}\n")
    for case in found.case:
        if not only or case.id in only:
            _show(found, case, whole=bool(only))


def _show(pack: Pack, case: Case, *, whole: bool) -> None:
    words = {f"${{values.{name}}}": str(value) for name, value in pack.values.items()}
    lines = [f"{case.id} ({case.severity})", f"    {case.title}", f"    see {case.clause}"]
    if case.needs:
        lines.append(f"    needs {', '.join(case.needs)}")
    for step in case.steps if whole else ():
        said = step.model_dump(mode="json", by_alias=True, exclude_unset=True)
        lines.append(f"    {json.dumps(said, ensure_ascii=False)}")
    text = "\n".join(lines)
    for reference, value in words.items():
        text = text.replace(reference, value)
    click.echo(text)


@conformance.command()
@click.argument("pack")
@click.option("--against", metavar="URL", help="The bank's registration endpoint, or its discovery document.")
@click.option(
    "--tpp", "file", type=click.Path(dir_okay=False, path_type=Path), required=True,
    help="Who tests, and with what: a TOML file, or a running sandbox's sandbox.json.",
)  # fmt: skip
@click.option("--market", metavar="NAME", help="Of a sandbox; else the first market of the pack's profile.")
@click.option("--case", "only", multiple=True, metavar="ID", help="These cases, or those that begin so.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "junit", "html"]), default="text",
    show_default=True, help="For people, for programs, or as one page.",
)  # fmt: skip
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the report there.")
@with_options(*live.PACE)
@click.option("--strict", is_flag=True, help="What should be otherwise fails the run too.")
@click.option("--transcript", is_flag=True, help="Show every request and answer of what did not pass.")
@click.option("--dry-run", is_flag=True, help="Send nothing: show each request as a curl line.")
def run(
    pack: str, against: str | None, file: Path, market: str | None, only: tuple[str, ...], form: str, out: Path | None,
    timeout: float, rate: float, strict: bool, transcript: bool, dry_run: bool,
) -> None:  # fmt: skip
    """Play the cases of a PACK (a name, or a file) one after the other; what one registers is deleted at its end.

    Exit status: 0 as the standard demands, 1 not so, 2 wrong usage, 3 no answer, 130 interrupted.
    """
    found = _pack(pack)
    with live.exit_statuses():
        tests = tester.load(file, profile=found.profile, market=market)
        tests = tests.against(against) if against else tests
        if dry_run:
            asyncio.run(_rehearse(found, tests, only))
            return
        result = Run(found, tests.own.bank.registration_endpoint or tests.own.bank.well_known or "", time.time())

        async def play(opened: Phone) -> AsyncIterator[tuple[Played, int]]:
            bank = await running.known(tests, opened)
            result.against = bank.tester.own.bank.registration_endpoint or result.against
            planned = _planned(found, bank, only)
            async for played in running.run(found, bank, planned, opened):
                yield played, len(planned)

        live.carry_out(result, tests, play, timeout=timeout, rate=rate, form=form, transcript=transcript)
    live.report(result, form, out)
    sys.exit(live.status(result, strict))


def _planned(pack: Pack, bank: Bank, only: tuple[str, ...]) -> list[running.Planned]:
    strangers = running.unmet_wishes(pack, bank, only)
    if strangers:
        raise click.UsageError(f"{pack.id} has no case {', '.join(strangers)}: see dcrgw conformance show {pack.id}")
    return running.plan(pack, bank, only)


async def _rehearse(pack: Pack, tests: Tester, only: tuple[str, ...]) -> None:
    folder = Path(mkdtemp(prefix=f"dcrgw-conformance-{pack.id}-"))
    # Nobody is asked where the bank's endpoints are.
    places = {"registration_endpoint": "https://REGISTRATION-ENDPOINT", "token_endpoint": "https://TOKEN-ENDPOINT"}
    bank = Bank(tests.knowing(**places))
    for each in _planned(pack, bank, only):
        async for line in rehearsing.rehearse(pack, bank, each, folder):
            click.echo(line)


def _pack(named: str) -> Pack:
    try:
        return loading.load(named)
    except PackUnusable as error:
        raise click.UsageError(str(error)) from None
