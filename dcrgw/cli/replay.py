"""`dcrgw replay`: recorded decisions, decided again."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from dcrgw.cli import live, recorded
from dcrgw.cli.administration import PLACE_OPTIONS, Administration, Refused, connected
from dcrgw.cli.calm import calm_collector
from dcrgw.cli.options import with_options, write_file
from dcrgw.cli.replay_live import replay_live
from dcrgw.cli.rules import read_values, registered_script
from dcrgw.cli.tables import printable, shown_time
from dcrgw.cli.times import Moment
from dcrgw.compliance import sources, telling
from dcrgw.compliance.kept import text_of
from dcrgw.compliance.naming import Naming, Unnamed
from dcrgw.compliance.run import Result, Tally, compared
from dcrgw.compliance.settings import Rules, deciding
from dcrgw.compliance.sources import Found
from dcrgw.errors import GatewayError, Misconfigured

#: Exit codes: what a pipeline wants to know.
CHANGED, UNREADABLE = 1, 2
#: A run of so many has somebody who looks on wonder.
_LONG = 50
#: Decisions that one run takes from a record.
_MOST = 1_000_000


@click.command()
@click.argument("bundles", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--at", type=Moment(), help="Decide as of this time instead of the recorded one.")
@click.option(
    "--with", "others", metavar="RULES", multiple=True, help="Decide by these rules; may be given several times.",
)  # fmt: skip
@click.option(
    "--compare", nargs=2, metavar="A B", help="Decide by both rules and compare those, not the recorded decision."
)
@click.option(
    "--property", "properties", multiple=True, metavar="NAME=VALUE",
    help="What a script of --with or --compare reads; env:NAME and file:/path are references to secrets.",
)  # fmt: skip
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "junit", "html"]), default="text", show_default=True,
    help="For people, as JSON lines, as JUnit XML, or as one page.",
)  # fmt: skip
@click.option("--only-changes", is_flag=True, help="As text and JSON: leave out what comes out the same.")
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
    bundles: tuple[Path, ...], at: float | None, others: tuple[str, ...], compare: tuple[str, str] | None,
    properties: tuple[str, ...], form: str, only_changes: bool, out: Path | None, query: str | None,
    against: str | None, tpp: Path | None, market: str | None, timeout: float, rate: float, **place: Any,
) -> None:  # fmt: skip
    """Decide recorded requests again, from their BUNDLES (files, or folders of them) alone.

    Nothing is asked of anybody: keys, standings and stored state are the recorded ones. Where a question comes up that
    the recording does not answer, the decision is `unknown`. Exit code 1: a decision changes, or the client that it
    stores; 2: a bundle cannot be read.

    \b
    RULES are parts with commas between:
      obuk-3.4                   a profile's rules in the recorded market
      config/next.toml           a configuration: its markets, trust, scripts and detail types
      scripts/registration.py    a script, really run; also a manifest of scripts
      script=registration@3      a script of the running gateway's registry, at a revision or as it stands
      script=none                no scripts; script=recorded: what the recorded ones said (as without any)
      trust=roots.pem            another trust store or folder of them; also intermediates=, qualified=
    A script takes the place of the configuration's of its name, or stands alone.

    With --tpp what was recorded of registrations (create, read, update, delete) is sent to a bank instead: signed by
    the tester's key, with a fresh statement of the tester's hook, about a client that is registered for it and deleted
    afterwards; the answers are compared with the recorded decisions by status and error.
    """
    if tpp is not None:
        if at is not None or compare or others or properties or only_changes:
            raise click.UsageError("--at, --with, --compare and --only-changes are not for a live bank")
        found, count = _found(bundles, query, place, for_replay=False)
        replay_live(
            list(found), count, tpp, against=against, market=market, timeout=timeout, rate=rate, form=form, out=out
        )
        return
    if against is not None or market is not None:
        raise click.UsageError("--against and --market need --tpp: who sends the requests")
    if out is not None and form not in _WHOLE:
        raise click.UsageError("--out goes with --format junit and html")
    if only_changes and form in _WHOLE:
        raise click.UsageError("--only-changes goes with --format text and json")
    if compare and others:
        raise click.UsageError("--compare names both rules: leave --with out")
    naming = Naming(time.time(), at, read_values(properties), partial(registered_script, place))
    try:
        before = naming.rules(compare[:1]) if compare else None
        after = naming.rules(compare[1:] if compare else others or ("recorded",))
        found, count = _found(bundles, query, place, for_replay=form != "html")
    except (Unnamed, Misconfigured, Refused) as error:
        # Status 1 says that a decision changes, and nothing else.
        raise click.UsageError(getattr(error, "message", str(error))) from error
    decide_again(found, count, before, after, form, out, only_changes=only_changes)


def decide_again(
    found: Iterable[Found],
    count: int,
    before: Rules | None,
    after: Rules,
    form: str = "text",
    out: Path | None = None,
    *,
    only_changes: bool = False,
) -> None:
    """Decide all by both rules, tell what differs, and end the process where something does. Raises: UsageError."""
    try:
        tally, told = asyncio.run(_run(found, count, before, after, form, only_changes))
    except GatewayError as error:
        # A script that does not load: there is nothing to compare with.
        raise click.UsageError(str(error)) from error
    if told is not None:
        click.echo(told) if out is None else write_file(out, told)
    click.echo(tally.sentence, err=form != "text")
    if tally.unreadable:
        sys.exit(UNREADABLE)
    if tally.effects:
        sys.exit(CHANGED)


def _found(
    bundles: tuple[Path, ...], query: str | None, place: Mapping[str, Any], *, for_replay: bool
) -> tuple[Iterable[Found], int]:
    """The bundles that are meant, read one by one, and how many they are."""
    if (query is None) == (not bundles):
        raise click.UsageError("name bundles, or --from-record, one of them")
    if query is not None:
        asked = recorded.asked_in(query)
        lines = list(recorded.lines(connected(place), asked, _MOST))
        return (_from_record(connected(place), each["report_id"], each["imported"]) for each in lines), len(lines)
    return found_in_files(bundles, for_replay=for_replay)


def found_in_files(named: Sequence[Path], *, for_replay: bool = True) -> tuple[Iterable[Found], int]:
    """The bundles of files and folders, read one by one, and how many they are. Raises: UsageError for none."""
    files = sources.paths(named)
    if not files:
        raise click.UsageError(f"there is no *{sources.SUFFIX} in {', '.join(map(str, named))}")
    return sources.bundles_of(files, for_replay=for_replay), len(files)


def _from_record(api: Administration, report_id: str, imported: bool) -> Found:
    try:
        document = recorded.document(api, report_id)
    except Refused as refused:
        return Found(Path(report_id), None, refused.message)
    return replace(sources.found_in(text_of(document).encode(), Path(report_id)), imported=imported)


async def _run(
    found: Iterable[Found], count: int, before: Rules | None, after: Rules, form: str, only_changes: bool
) -> tuple[Tally, str | None]:
    """The numbers, and the one text at the end of forms that have one."""
    tally = Tally(_compared(before, after))
    kept: list[Result] = []
    is_silent = form in _WHOLE or only_changes
    show = {"text": _show, "json": _show_json}.get(form, kept.append)
    is_watched = count > _LONG and sys.stderr.isatty() and (is_silent or not sys.stdout.isatty())
    bar = click.progressbar(length=count, label="replaying", file=sys.stderr, hidden=not is_watched)
    async with AsyncExitStack() as ready:
        deciding_before = None if before is None else await ready.enter_async_context(deciding(before))
        deciding_after = await ready.enter_async_context(deciding(after))
        with calm_collector(), bar:
            async for result in compared(found, deciding_before, deciding_after):
                tally.count(result)
                if not only_changes or result.shift is None or result.shift:
                    show(result)
                bar.update(1)
    return tally, _WHOLE[form](kept, tally) if form in _WHOLE else None


def _compared(before: Rules | None, after: Rules) -> str:
    """What is compared with what, for who reads it later."""
    at = "" if after.at is None else f", as of {shown_time(after.at)}"
    was = "recorded" if before is None else before.named
    return "" if was == after.named == "recorded" and not at else f"{was} -> {after.named}{at}"


def _show_json(result: Result) -> None:
    click.echo(json.dumps(telling.as_json(result)))


def _show(result: Result) -> None:
    word, told, *lines = _lines(result)
    click.echo(f"{word} {printable(told)}")
    for line in lines:
        click.echo(f"            {printable(line)}")


def _lines(result: Result) -> list[str]:
    """How a result is called, and what there is to say of it."""
    name = result.found.path.name.removesuffix(sources.SUFFIX) + (" (imported)" if result.found.imported else "")
    differs = result.shift
    if differs is None:
        return [click.style("unreadable ", fg="yellow"), f"{name}: {result.fault}"]
    if not differs:
        return [click.style("same       ", fg="green"), f"{name}: {differs.after}"]
    word = click.style("changed    ", fg="red") if differs.is_effect else click.style("findings   ", fg="yellow")
    return [word, f"{name}: {differs.sentence}", *differs.lines]


def _html(results: list[Result], tally: Tally) -> str:
    from dcrgw.compliance.html import page_of_results

    return page_of_results(results, tally)


#: Forms that are one text at the end.
_WHOLE: Mapping[str, Callable[[list[Result], Tally], str]] = {"junit": telling.as_junit, "html": _html}
