"""`dcrgw replay`: recorded decisions, decided again."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from dcrgw.cli import live, recorded
from dcrgw.cli.administration import PLACE_OPTIONS, Administration, Refused, connected
from dcrgw.cli.calm import calm_collector
from dcrgw.cli.options import with_options
from dcrgw.cli.replay_live import replay_live
from dcrgw.cli.times import Moment
from dcrgw.compliance import sources, telling
from dcrgw.compliance.kept import text_of
from dcrgw.compliance.run import Result, Tally, compared
from dcrgw.compliance.settings import Rules, rules_of
from dcrgw.compliance.sources import Found
from dcrgw.errors import Misconfigured

#: Exit codes: what a pipeline wants to know.
CHANGED, UNREADABLE = 1, 2
#: Decisions that one run takes from a record.
_MOST = 1_000_000


@click.command()
@click.argument("bundles", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--at", type=Moment(), help="Decide as of this time instead of the recorded one.")
@click.option(
    "--with", "other", metavar="RULES", default="recorded", show_default=True,
    help="Decide by these rules: a profile's name, or a configuration file.",
)  # fmt: skip
@click.option(
    "--compare", nargs=2, metavar="A B", help="Decide by both rules and compare those, not the recorded decision."
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "junit", "html"]), default="text", show_default=True,
    help="For people, as JSON lines, as JUnit XML, or as one page.",
)  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write junit or html to this file.")
@click.option(
    "--from-record", "query", metavar="QUERY",
    help="Take the bundles from a gateway's record: all, or NAME=VALUE,... as in `dcrgw evidence list`.",
)  # fmt: skip
@click.option("--against", metavar="URL", help="Send the requests to this bank, in the tester's name (with --tpp).")
@click.option(
    "--tpp", "tpp", type=click.Path(dir_okay=False, path_type=Path),
    help="Who sends them: a tester's file as for `dcrgw conformance`, or a sandbox.json.",
)  # fmt: skip
@click.option("--market", metavar="NAME", help="Of that sandbox; else the first of the bundle's profile.")
@with_options(*live.PACE, *PLACE_OPTIONS)
def replay(
    bundles: tuple[Path, ...], at: float | None, other: str, compare: tuple[str, str] | None, form: str,
    out: Path | None, query: str | None, against: str | None, tpp: Path | None, market: str | None, timeout: float,
    rate: float, **place: Any,
) -> None:  # fmt: skip
    """Decide recorded requests again, from their BUNDLES (files, or folders of them) alone.

    Nothing is asked of anybody: keys, standings and stored state are the recorded ones, and a question that the
    recording does not answer ends as unavailable. Exit code 1: a decision changes; 2: a bundle cannot be read.

    With --tpp what was recorded of registrations (create, read, update, delete) is sent to a bank instead: signed by
    the tester's key, with a fresh statement of the tester's hook, about a client that is registered for it and deleted
    afterwards; the answers are compared with the recorded decisions by status and error.
    """
    if tpp is not None:
        if at is not None or compare or other != "recorded":
            raise click.UsageError("--at, --with and --compare are not for a live bank")
        found, count = _found(bundles, query, place, for_replay=False)
        replay_live(
            list(found), count, tpp, against=against, market=market, timeout=timeout, rate=rate, form=form, out=out
        )
        return
    if against is not None or market is not None:
        raise click.UsageError("--against and --market need --tpp: who sends the requests")
    before, after = _rules(compare[0], at) if compare else None, _rules(compare[1] if compare else other, at)
    found, count = _found(bundles, query, place, for_replay=form != "html")
    tally, told = asyncio.run(_run(found, count, before, after, form))
    if told is not None:
        click.echo(told) if out is None else out.write_text(told)
    click.echo(tally.sentence, err=form != "text")
    if tally.unreadable:
        sys.exit(UNREADABLE)
    if tally.decisions:
        sys.exit(CHANGED)


def _rules(named: str, at: float | None) -> Rules:
    try:
        return rules_of(named, at, time.time())
    except (ValueError, Misconfigured) as error:
        raise click.UsageError(str(error)) from error


def _found(
    bundles: tuple[Path, ...], query: str | None, place: Mapping[str, Any], *, for_replay: bool
) -> tuple[Iterable[Found], int]:
    """The bundles that are meant, read one by one, and how many they are."""
    if (query is None) == (not bundles):
        raise click.UsageError("name bundles, or --from-record, one of them")
    if query is not None:
        asked = recorded.asked_in(query)
        ids = [each["report_id"] for each in recorded.lines(connected(place), asked, _MOST)]
        return (_from_record(connected(place), each) for each in ids), len(ids)
    files = sources.paths(bundles)
    if not files:
        raise click.UsageError(f"there is no *{sources.SUFFIX} in {', '.join(map(str, bundles))}")
    return sources.bundles_of(files, for_replay=for_replay), len(files)


def _from_record(api: Administration, report_id: str) -> Found:
    try:
        document = recorded.document(api, report_id)
    except Refused as refused:
        return Found(Path(report_id), None, refused.message)
    return sources.found_in(text_of(document).encode(), Path(report_id))


async def _run(
    found: Iterable[Found], count: int, before: Rules | None, after: Rules, form: str
) -> tuple[Tally, str | None]:
    """The numbers, and the one text at the end of forms that have one."""
    tally = Tally()
    kept: list[Result] = []
    show = {"text": _show, "json": _show_json}.get(form, kept.append)
    bar = click.progressbar(length=count, label="replaying", file=sys.stderr, hidden=not _is_long(count))
    with calm_collector(), bar:
        async for result in compared(found, before, after):
            tally.count(result)
            show(result)
            bar.update(1)
    return tally, _WHOLE[form](kept, tally) if form in _WHOLE else None


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


def _html(results: list[Result], tally: Tally) -> str:
    from dcrgw.compliance.html import page_of_results

    return page_of_results(results, tally)


#: Forms that are one text at the end.
_WHOLE: Mapping[str, Callable[[list[Result], Tally], str]] = {"junit": telling.as_junit, "html": _html}


def _is_long(count: int) -> bool:
    """Whether a person looks on who would wonder, and sees no other sign of life."""
    return count > 50 and sys.stderr.isatty() and not sys.stdout.isatty()
