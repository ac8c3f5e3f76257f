"""A run against a live bank: told as it goes, reported at its end, with an exit status for pipelines."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from dcrgw.cli.options import Option
from dcrgw.compliance.conformance import phone, telling
from dcrgw.compliance.conformance.hooks import HookFailed
from dcrgw.compliance.conformance.loading import PackUnusable
from dcrgw.compliance.conformance.phone import Phone
from dcrgw.compliance.conformance.playing import Played
from dcrgw.compliance.conformance.telling import Run
from dcrgw.compliance.conformance.tester import Tester, TesterUnusable
from dcrgw.tpp.credentials import CredentialsUnusable
from dcrgw.tpp.discovery import DiscoveryFailed
from dcrgw.tpp.setup import Incomplete
from dcrgw.tpp.trouble import ConnectionTrouble

FAILED, NO_ANSWER, INTERRUPTED = 1, 3, 130  # 2 is click's own, for wrong usage
_COLOURS = {"passed": "green", "failed": "red", "broken": "red", "warned": "yellow", "noted": "cyan", "skipped": "blue"}

#: How a bank is spoken to.
PACE: tuple[Option, ...] = (
    click.option("--timeout", default=30.0, show_default=True, help="Seconds to wait for each answer."),
    click.option("--rate", default=5.0, show_default=True, help="Requests a second at most; 0 for no limit."),
)


@contextmanager
def exit_statuses() -> Iterator[None]:
    """What ends a run before it began, as sentence and exit status."""
    try:
        yield
    except (TesterUnusable, PackUnusable, CredentialsUnusable, Incomplete) as error:
        raise click.UsageError(str(error)) from None
    except ConnectionTrouble as trouble:
        click.echo(f"no answer: {telling.printable(trouble)}\n{trouble.advice}", err=True)
        sys.exit(NO_ANSWER)
    except (DiscoveryFailed, HookFailed) as failure:
        click.echo(telling.printable(failure), err=True)
        sys.exit(FAILED)


def carry_out(
    result: Run,
    tests: Tester,
    play: Callable[[Phone], AsyncIterator[tuple[Played, int]]],
    *,
    timeout: float,
    rate: float,
    form: str,
    transcript: bool,
) -> None:
    """Play to the end, or to Ctrl-C. `play` gives each case as it ends, and how many there are."""

    async def playing() -> None:
        pause = 1 / rate if rate > 0 else 0.0
        async with phone.phone(tests, timeout_s=timeout, pause_s=pause) as opened:
            async for played, planned in play(opened):
                result.cases.append(played)
                _progress(played, len(result.cases), planned, form, transcript)

    try:
        asyncio.run(playing())
    except KeyboardInterrupt:
        result.interrupted = True


def _progress(played: Played, done: int, planned: int, form: str, transcript: bool) -> None:
    if form == "text":
        _say(played, transcript)
    elif sys.stderr.isatty():
        click.echo(f"\r{done} of {planned} ", nl=done == planned, err=True)


def _say(played: Played, transcript: bool) -> None:
    word = click.style(f"{played.verdict:<8}", fg=_COLOURS[played.verdict])
    for index, line in enumerate(telling.as_text(played, whole=transcript)):
        click.echo(f"{word} {line}" if index == 0 else f"        {line}")


def report(result: Run, form: str, out: Path | None) -> None:
    """Write the report where it is wanted, and how it all ended."""
    text = {
        "json": lambda: json.dumps(telling.as_json(result), indent=1),
        "junit": lambda: telling.as_junit(result),
        "html": lambda: _html(result),
    }
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


def _html(result: Run) -> str:
    from dcrgw.compliance.conformance.page import page_of_run

    return page_of_run(result)


def _page(result: Run) -> str:
    lines = [f"{p.verdict:<8} {line}" for p in result.cases for line in telling.as_text(p, whole=True)]
    return "\n".join([*lines, result.sentence])


def status(result: Run, strict: bool = False) -> int:
    """The exit status: 0 where all is as it should be."""
    if result.interrupted:
        return INTERRUPTED
    if result.count("failed") or (strict and result.count("warned")):
        return FAILED
    return NO_ANSWER if result.count("broken") else 0
