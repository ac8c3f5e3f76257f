"""`dcrgw evidence`: the recorded decisions of a running gateway, and bundles made of files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from dcrgw.cli import recorded
from dcrgw.cli.administration import PLACE_OPTIONS, Refused, connected
from dcrgw.cli.explain import IMPORTED
from dcrgw.cli.making import make
from dcrgw.cli.options import with_options
from dcrgw.cli.tables import printable, show_rows, shown_time

_JSON = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
_COLUMNS = ("at", "market", "operation", "decision", "client", "organisation", "failed", "report", "judged")

#: Where a decision was made: here, or at the gateway whose bundle was imported.
_JUDGED = {False: "here", True: "elsewhere"}


@click.group()
def evidence() -> None:
    """Look through the decisions that a gateway recorded, and take them out as bundles.

    Exit status: 0 done, 1 refused, 2 wrong usage, 3 no answer.
    """


@evidence.command("list")
@with_options(
    *recorded.QUERY_OPTIONS,
    click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Most decisions shown."),
    *PLACE_OPTIONS,
    _JSON,
)
def list_(limit: int, as_json: bool, **given: Any) -> None:
    """List recorded decisions, newest first."""
    found = list(recorded.lines(connected(given), recorded.asked(given), limit))
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    show_rows(
        _COLUMNS,
        [
            (
                shown_time(each["at"]), each["market"], each["operation"], each["decision"], each["client_id"] or "-",
                each["org_id"] or "-", ", ".join(each["checks"]) or "-", each["report_id"], _JUDGED[each["imported"]],
            )
            for each in found
        ],
    )  # fmt: skip


@evidence.command()
@click.argument("report_id")
@with_options(*PLACE_OPTIONS, _JSON)
def show(report_id: str, as_json: bool, **given: Any) -> None:
    """Show what a decision rested on: request, certificates, and every question with its answer."""
    from dcrgw.compliance import bundle as bundles
    from dcrgw.compliance.decoding import as_text

    plain = recorded.document(connected(given), report_id)
    if as_json:
        click.echo(json.dumps(plain, indent=2))
        return
    if recorded.is_imported(connected(given), report_id):
        click.echo(IMPORTED[0])
    for line in as_text(bundles.read(json.dumps(plain).encode())):
        click.echo(printable(line))


@evidence.command()
@click.argument("report_ids", nargs=-1)
@with_options(
    *recorded.QUERY_OPTIONS,
    click.option("--limit", type=click.IntRange(1), default=1000, show_default=True, help="Most bundles written."),
    click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("bundles"), show_default=True,
                 help="The folder; made when it is not there."),
    *PLACE_OPTIONS,
)  # fmt: skip
def export(report_ids: tuple[str, ...], limit: int, out: Path, **given: Any) -> None:
    """Write decisions as bundle files: those of REPORT_IDS, or all that match."""
    from dcrgw.compliance.kept import text_of
    from dcrgw.compliance.sources import SUFFIX

    wanted = report_ids or [
        each["report_id"] for each in recorded.lines(connected(given), recorded.asked(given), limit)
    ]
    out.mkdir(parents=True, exist_ok=True)
    written = 0
    for report_id in wanted:
        try:
            document = recorded.document(connected(given), report_id)
        except Refused as refused:
            if report_ids:
                raise
            # Purged meanwhile, or one with a private key that is in memory alone.
            click.echo(f"{report_id}: {refused.message}", err=True)
            continue
        (out / f"{report_id}{SUFFIX}").write_text(text_of(document))
        written += 1
    click.echo(f"{written} bundles in {out}")


@evidence.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@with_options(*PLACE_OPTIONS)
def import_(files: tuple[Path, ...], **given: Any) -> None:
    """Put bundle FILES, or folders of them, into a gateway's record, beside what it decided itself."""
    from dcrgw.compliance.sources import bundles_of, paths

    refused = False
    for found in bundles_of(paths(files)):
        said = found.fault or _imported(found.path, given)
        refused |= bool(said)
        click.echo(printable(f"{found.path}: {said or 'imported'}"), err=bool(said))
    if refused:
        sys.exit(1)


def _imported(path: Path, given: dict[str, Any]) -> str:
    """Why the gateway did not take a bundle; empty where it did. Raises: ClickException where none answers."""
    try:
        connected(given).ask("POST", "/evidence", body=json.loads(path.read_bytes()))
    except Refused as refused:
        return refused.message
    return ""


@evidence.command()
@with_options(
    *recorded.QUERY_OPTIONS,
    click.option("--yes", is_flag=True, help="Do not ask."),
    *PLACE_OPTIONS,
)
def purge(yes: bool, **given: Any) -> None:
    """Remove recorded decisions that match; without a criterion all of them."""
    query = recorded.asked(given)
    told = ", ".join(f"{name} {value}" for name, value in query.items()) or "ALL recorded decisions"
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("a purge cannot be undone: say --yes")
        click.confirm(f"Remove {told}?", abort=True)
    answer = connected(given).ask("POST", "/evidence/purge", query or {"all": "true"})
    click.echo(f"{answer['purged']} removed")


evidence.add_command(make)
