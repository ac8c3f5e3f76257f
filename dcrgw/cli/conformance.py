"""`dcrgw conformance`: what a standard demands, played against any bank's registration endpoint."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from tempfile import gettempdir

import click

from dcrgw.compliance.conformance import loading, phone, rehearsing, running, telling, tester
from dcrgw.compliance.conformance.hooks import HookFailed
from dcrgw.compliance.conformance.loading import PackUnusable
from dcrgw.compliance.conformance.pack import Case, Pack
from dcrgw.compliance.conformance.playing import Played
from dcrgw.compliance.conformance.scene import Bank
from dcrgw.compliance.conformance.telling import Run
from dcrgw.compliance.conformance.tester import Tester, TesterUnusable
from dcrgw.tpp.credentials import CredentialsUnusable
from dcrgw.tpp.discovery import DiscoveryFailed
from dcrgw.tpp.setup import Incomplete
from dcrgw.tpp.trouble import ConnectionTrouble

FAILED, NO_ANSWER, INTERRUPTED = 1, 3, 130  # 2 is click's own, for wrong usage
_COLOURS = {"passed": "green", "failed": "red", "broken": "red", "warned": "yellow", "noted": "cyan", "skipped": "blue"}


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
    "--format", "form", type=click.Choice(["text", "json", "junit"]), default="text", show_default=True,
    help="For people, or for programs.",
)  # fmt: skip
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the report there.")
@click.option("--timeout", default=30.0, show_default=True, help="Seconds to wait for each answer.")
@click.option("--rate", default=5.0, show_default=True, help="Requests a second at most; 0 for no limit.")
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
    try:
        tests = tester.load(file, profile=found.profile, market=market)
        tests = tests.against(against) if against else tests
        if dry_run:
            asyncio.run(_rehearse(found, tests, only))
            return
        result = Run(found, tests.own.bank.registration_endpoint or tests.own.bank.well_known or "", time.time())
        _play(result, tests, only, timeout, 1 / rate if rate > 0 else 0.0, form, transcript)
    except (TesterUnusable, CredentialsUnusable, Incomplete) as error:
        raise click.UsageError(str(error)) from None
    except ConnectionTrouble as trouble:
        click.echo(f"no answer: {trouble}\n{trouble.advice}", err=True)
        sys.exit(NO_ANSWER)
    except (DiscoveryFailed, HookFailed) as failure:
        click.echo(str(failure), err=True)
        sys.exit(FAILED)
    _report(result, form, out)
    sys.exit(_status(result, strict))


def _play(
    result: Run, tests: Tester, only: tuple[str, ...], timeout: float, pause: float, form: str, transcript: bool
) -> None:
    def told(played: Played, done: int, planned: int) -> None:
        result.cases.append(played)
        if form == "text":
            _say(played, transcript)
        elif sys.stderr.isatty():
            click.echo(f"\r{done} of {planned} ", nl=done == planned, err=True)

    async def playing() -> None:
        async with phone.phone(tests, timeout_s=timeout, pause_s=pause) as opened:
            bank = await running.known(tests, opened)
            result.against = bank.tester.own.bank.registration_endpoint or result.against
            planned = _planned(result.pack, bank, only)
            async for played in running.run(result.pack, bank, planned, opened):
                told(played, len(result.cases) + 1, len(planned))

    try:
        asyncio.run(playing())
    except KeyboardInterrupt:
        result.interrupted = True


def _planned(pack: Pack, bank: Bank, only: tuple[str, ...]) -> list[running.Planned]:
    strangers = running.unmet_wishes(pack, bank, only)
    if strangers:
        raise click.UsageError(f"{pack.id} has no case {', '.join(strangers)}: see dcrgw conformance show {pack.id}")
    return running.plan(pack, bank, only)


async def _rehearse(pack: Pack, tests: Tester, only: tuple[str, ...]) -> None:
    folder = Path(gettempdir()) / f"dcrgw-conformance-{pack.id}"
    bank = Bank(tests)
    for each in _planned(pack, bank, only):
        async for line in rehearsing.rehearse(pack, bank, each, folder):
            click.echo(line)


def _say(played: Played, transcript: bool) -> None:
    word = click.style(f"{played.verdict:<8}", fg=_COLOURS[played.verdict])
    for index, line in enumerate(telling.as_text(played, whole=transcript)):
        click.echo(f"{word} {line}" if index == 0 else f"        {line}")


def _report(result: Run, form: str, out: Path | None) -> None:
    text = {"json": lambda: json.dumps(telling.as_json(result), indent=1), "junit": lambda: telling.as_junit(result)}
    if form in text and out is None:
        click.echo(text[form]())
    elif out is not None:
        content = text[form]() if form in text else _page(result)
        try:
            out.write_text(content + "\n", encoding="utf-8")
        except OSError as error:
            raise click.UsageError(f"{out} cannot be written: {error.strerror}") from None
    click.echo(result.sentence, err=form != "text")
    if result.left_behind:
        click.echo(f"left behind at the bank: {', '.join(map(telling.printable, result.left_behind))}", err=True)


def _page(result: Run) -> str:
    lines = [f"{p.verdict:<8} {line}" for p in result.cases for line in telling.as_text(p, whole=True)]
    return "\n".join([*lines, result.sentence])


def _status(result: Run, strict: bool) -> int:
    if result.interrupted:
        return INTERRUPTED
    if result.count("failed") or (strict and result.count("warned")):
        return FAILED
    return NO_ANSWER if result.count("broken") else 0


def _pack(named: str) -> Pack:
    try:
        return loading.load(named)
    except PackUnusable as error:
        raise click.UsageError(str(error)) from None
