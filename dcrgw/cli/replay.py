"""`dcrgw replay`: recorded decisions, decided again."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import datetime
from pathlib import Path

import click

from dcrgw.compliance import sources, telling
from dcrgw.compliance.run import Result, Tally, compared
from dcrgw.compliance.settings import Rules, rules_of
from dcrgw.errors import Misconfigured

#: Exit codes: what a pipeline wants to know.
CHANGED, UNREADABLE = 1, 2


class _Time(click.ParamType[float]):
    """RFC 3339 with an offset, or epoch seconds."""

    name = "time"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return float(value)
        except ValueError:
            pass
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is neither a time like 2026-11-22T12:00:00+00:00 nor epoch seconds", param, ctx)
        if moment.tzinfo is None:
            self.fail(f"{value!r} has no offset: add Z or +00:00", param, ctx)
        return moment.timestamp()


@click.command()
@click.argument("bundles", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--at", type=_Time(), help="Decide as of this time instead of the recorded one.")
@click.option(
    "--with", "other", metavar="RULES", default="recorded", show_default=True,
    help="Decide by these rules: a profile's name, or a configuration file.",
)  # fmt: skip
@click.option(
    "--compare", nargs=2, metavar="A B", help="Decide by both rules and compare those, not the recorded decision."
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "junit"]), default="text", show_default=True,
    help="For people, as JSON lines, or as JUnit XML.",
)  # fmt: skip
def replay(bundles: tuple[Path, ...], at: float | None, other: str, compare: tuple[str, str] | None, form: str) -> None:
    """Decide recorded requests again, from their BUNDLES (files, or folders of them) alone.

    Nothing is asked of anybody: keys, standings and stored state are the recorded ones, and a question that the
    recording does not answer ends as unavailable. Exit code 1: a decision changes; 2: a bundle cannot be read.
    """
    before, after = _rules(compare[0], at) if compare else None, _rules(compare[1] if compare else other, at)
    files = sources.paths(bundles)
    if not files:
        raise click.UsageError(f"there is no *{sources.SUFFIX} in {', '.join(map(str, bundles))}")
    tally = asyncio.run(_run(files, before, after, form))
    if tally.unreadable:
        sys.exit(UNREADABLE)
    if tally.decisions:
        sys.exit(CHANGED)


def _rules(named: str, at: float | None) -> Rules:
    try:
        return rules_of(named, at, time.time())
    except (ValueError, Misconfigured) as error:
        raise click.UsageError(str(error)) from error


async def _run(files: tuple[Path, ...], before: Rules | None, after: Rules, form: str) -> Tally:
    tally = Tally()
    kept: list[Result] = []
    show = {"text": _show, "json": _show_json, "junit": kept.append}[form]
    with click.progressbar(length=len(files), label="replaying", file=sys.stderr, hidden=not _is_long(files)) as bar:
        async for result in compared(sources.bundles_of(files), before, after):
            tally.count(result)
            show(result)
            bar.update(1)
    if form == "junit":
        click.echo(telling.as_junit(kept, tally))
    click.echo(tally.sentence, err=form != "text")
    return tally


def _show_json(result: Result) -> None:
    click.echo(json.dumps(telling.as_json(result)))


def _show(result: Result) -> None:
    name = result.found.path.name.removesuffix(sources.SUFFIX)
    differs = result.shift
    if differs is None:
        click.echo(f"{click.style('unreadable', fg='yellow')}  {name}: {result.fault}")
    elif not differs:
        click.echo(f"{click.style('same', fg='green')}        {name}: {differs.after}")
    else:
        word = click.style("changed", fg="red") if differs.is_decision else click.style("findings", fg="yellow")
        click.echo(f"{word}     {name}: {differs.before} -> {differs.after}")
        for each in differs.checks:
            said = each.description or each.detail
            click.echo(f"            {each.check}: {each.before or '-'} -> {each.after or '-'}{said and f' ({said})'}")


def _is_long(files: tuple[Path, ...]) -> bool:
    """Whether a person looks on who would wonder, and sees no other sign of life."""
    return len(files) > 50 and sys.stderr.isatty() and not sys.stdout.isatty()
