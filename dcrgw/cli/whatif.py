"""`dcrgw whatif`: every wrong neighbour of a good registration, and whether each is refused for what is wrong."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dcrgw.cli.options import write_file
from dcrgw.cli.tables import printable

if TYPE_CHECKING:
    from dcrgw.compliance.whatif import Workshop


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people, or as JSON lines.",
)
@click.option("--all", "is_all", is_flag=True, help="Show the cases that came out as expected too.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write each case as a bundle here.")
def whatif(bundle: Path, form: str, is_all: bool, out: Path | None) -> None:  # fmt: skip
    """Spoil the registration or update of BUNDLE in every way that there is, one at a time.

    Each case is signed anew by throwaway keys, so that it reaches its own check. Nobody is asked and nothing is
    stored. Exit code 1: a fault was not found by its own check; 2: the bundle is no good start.
    """
    from dcrgw.compliance import sources
    from dcrgw.compliance.whatif import NoGoodStart, Workshop

    found = next(iter(sources.bundles_of([bundle])))
    if found.bundle is None:
        raise click.UsageError(f"{bundle}: {found.fault}")
    try:
        workshop = Workshop(found.bundle)
        asyncio.run(workshop.prove())
    except NoGoodStart as error:
        raise click.UsageError(f"{bundle}: {error}") from error
    if not asyncio.run(_run(workshop, form, is_all, out)):
        sys.exit(1)


async def _run(workshop: Workshop, form: str, is_all: bool, out: Path | None) -> bool:
    from dcrgw.compliance.coverage import Coverage
    from dcrgw.compliance.keeping import bundled
    from dcrgw.compliance.redaction import Withheld
    from dcrgw.compliance.sources import SUFFIX
    from dcrgw.compliance.whatif_faults import faults

    coverage = Coverage()
    for number, fault in enumerate(faults(workshop.draft())):
        outcome = await workshop.run(fault)
        coverage.count(outcome)
        if out is not None:
            try:
                write_file(out / f"{number:04d}{SUFFIX}", bundled(outcome.closed))
            except Withheld as withheld:
                click.echo(f"not written, {fault.name}: {withheld}", err=True)
        told = {
            "case": fault.name,
            "expected": sorted(fault.expected),
            "decision": outcome.closed.report.decision,
            "failed": list(outcome.failed),
            "as_expected": outcome.is_as_expected,
        }
        if form == "json":
            click.echo(json.dumps(told))
        elif is_all or not outcome.is_as_expected:
            word = click.style("found ", fg="green") if outcome.is_as_expected else click.style("MISSED", fg="red")
            said = f"{fault.name}: {outcome.closed.report.decision} {', '.join(outcome.failed)}"
            click.echo(f"{word}  {printable(said)}")
    click.echo(coverage.sentence, err=form == "json")
    if form == "text":
        for stage, (planted, whole) in coverage.stages.items():
            click.echo(f"  {stage:<10} {len(planted):>3} of {len(whole)} checks refused a case")
        click.echo(f"apply, and refused none: {', '.join(sorted(coverage.unplanted)) or '-'}")
        click.echo(f"do not apply to such a request here: {', '.join(sorted(coverage.idle)) or '-'}")
    return coverage.missed == 0
