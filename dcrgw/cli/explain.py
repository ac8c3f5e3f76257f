"""`dcrgw explain`: why a gateway decided as it did, check by check."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
from rich.console import Console
from rich.text import Text

from dcrgw.cli import recorded
from dcrgw.cli.administration import PLACE_OPTIONS, Administration, Refused, connected
from dcrgw.cli.options import with_options, write_file
from dcrgw.cli.tables import printable
from dcrgw.core.checks import Verdict

_STYLES = {Verdict.PASSED: "green", Verdict.FAILED: "bold red", Verdict.SKIPPED: "dim", Verdict.UNKNOWN: "yellow"}

#: What stands over a decision that the gateway did not judge itself.
IMPORTED = ("imported: judged elsewhere, not by this gateway", "bold yellow")


@click.command()
@click.option(
    "--sandbox", "folder", type=click.Path(path_type=Path), default=Path("var/sandbox"), show_default=True,
    help="The folder of a running sandbox, unless another gateway is named.",
)  # fmt: skip
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write one page with all the evidence.")
@with_options(*PLACE_OPTIONS)
@click.argument("report_id", default="last")
@click.pass_context
def explain(context: click.Context, /, folder: Path, html: Path | None, report_id: str, **place: Any) -> None:
    """Show why a request was decided as it was: the last one, or the one of REPORT_ID."""
    named = [name for name in ("socket", "path", "url") if _is_given(context, name)]
    if not named:
        place |= {"socket": _sandbox_socket(folder)}
    report = _fetch(lambda: connected(place), report_id)
    if html is not None:
        from dcrgw.compliance import bundle as bundles
        from dcrgw.compliance.html import page_of_bundle

        plain = recorded.document(connected(place), report["report_id"])
        write_file(html, page_of_bundle(bundles.read(json.dumps(plain).encode()), imported=report["imported"]))
        click.echo(f"{html}: {report['operation']} in market {report['market']}, {report['decision']}")
        return
    show(told(report))


def show(lines: list[tuple[str, str]]) -> None:
    """Print lines, each in its style, without anything that drives a terminal."""
    console = Console(highlight=False)
    for text, style in lines:
        console.print(Text(printable(text), style=style), soft_wrap=True)


def _is_given(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) not in (None, click.core.ParameterSource.DEFAULT)


def _sandbox_socket(folder: Path) -> Path:
    place = folder / "admin.sock"
    if not place.exists():
        raise click.ClickException(
            f"no sandbox runs in {folder}: start one with `dcrgw sandbox`, or name a gateway by --config or --socket"
        )
    return place


def _fetch(api: Callable[[], Administration], report_id: str) -> dict[str, Any]:
    try:
        return api().ask("GET", f"/reports/{quote(report_id, safe='')}")
    except Refused as refused:
        if refused.status != 404:
            raise
        raise Refused(
            404, "the gateway knows no such report; `dcrgw explain` without an id shows the last one"
        ) from None


def told(report: dict[str, Any]) -> list[tuple[str, str]]:
    """The report as lines, each with its style: the request, every finding, the decision. A TPP's has no details."""
    lines = [
        (f"report {report['report_id']}: {report['operation']} in market {report['market'] or '-'}", "bold"),
        *([IMPORTED] if report.get("imported") else []),
        *((f"  {name}: {value}", "") for name, value in report["facts"].items()),
        *((f"  key of the {key['of']}: {key['kid']}, {_key(key)}", "") for key in report.get("keys", [])),
        *((f"  decided by {name}: {value}", "") for name, value in report.get("generations", {}).items()),
        ("", ""),
    ]
    for finding in report["findings"]:
        lines.append((f"{finding['verdict']:<8}{finding['check']}  ({finding['spec']})", _STYLES[finding["verdict"]]))
        lines.extend((f"        {text}", "") for text in _words(finding) if text)
    lines += _timed(report.get("timings", []))
    counts = Counter(finding["verdict"] for finding in report["findings"])
    counted = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    style = "bold red" if counts[Verdict.FAILED] or counts[Verdict.UNKNOWN] else "bold green"
    # Once more at the end, where a terminal stands: they are a few among more than a hundred.
    against = [each for each in report["findings"] if each["verdict"] in (Verdict.FAILED, Verdict.UNKNOWN)]
    again = [(f"  {each['check']}: {each['description'] or each['verdict']}", "bold red") for each in against]
    return [*lines, ("", ""), (f"decision: {report['decision']} ({counted})", style), *again]


def _timed(timings: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """How long each question took, and each judging between them with the stages that it settled."""
    lines = [("", ""), ("how long it took, in milliseconds from the first question on", "")] if timings else []
    for each in timings:
        settled = f": {', '.join(each['stages'])}" if each.get("stages") else ""
        lines.append((f"  {each['at_ms']:9.3f}  took {each['took_ms']:9.3f}  {each['what']}{settled}", "dim"))
    return lines


def _key(key: dict[str, Any]) -> str:
    return f"{'found' if key['found'] else 'NOT found'} at {key['url'] or 'no URL'}"


def _words(finding: dict[str, Any]) -> list[str]:
    """What to read beside the id: why it was skipped; the rule and what went against it."""
    if finding["verdict"] in (Verdict.PASSED, Verdict.SKIPPED):
        return [finding.get("detail", "")]
    return [finding["rule"], finding["description"], finding.get("detail", "")]
