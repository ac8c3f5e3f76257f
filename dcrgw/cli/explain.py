"""`dcrgw explain`: why the sandbox's gateway decided as it did, check by check."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import urlopen

import click
from rich.console import Console
from rich.text import Text

from dcrgw.core.checks import Verdict

_STYLES = {Verdict.PASSED: "green", Verdict.FAILED: "bold red", Verdict.SKIPPED: "dim", Verdict.UNKNOWN: "yellow"}


@click.command()
@click.option(
    "--sandbox", "folder", type=click.Path(path_type=Path), default=Path("var/sandbox"), show_default=True,
    help="The folder of a running sandbox.",
)  # fmt: skip
@click.argument("report_id", default="last")
def explain(folder: Path, report_id: str) -> None:
    """Show why a request was decided as it was: the last one, or the one of REPORT_ID."""
    console = Console(highlight=False)
    for text, style in told(fetch(folder, report_id)):
        console.print(Text(text, style=style), soft_wrap=True)


def fetch(folder: Path, report_id: str) -> dict[str, Any]:
    """The report, from the management API that sandbox.json names. Raises: ClickException with the reason."""
    try:
        index = json.loads((folder / "sandbox.json").read_text())
        management = index["directory_endpoints"]["management"]
    except FileNotFoundError:
        raise click.ClickException(f"no sandbox runs in {folder}: start one with `dcrgw sandbox`") from None
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise click.ClickException(f"{folder / 'sandbox.json'} cannot be read: {error}") from error
    if not str(management).startswith("http://127.0.0.1:"):
        raise click.ClickException("sandbox.json names a management API that is not on this machine")
    try:
        with urlopen(f"{management}/reports/{quote(report_id, safe='')}", timeout=10) as answer:  # noqa: S310 - loopback
            report: dict[str, Any] = json.load(answer)
            return report
    except HTTPError as error:
        sentence = "the gateway remembers no such report" if error.code == 404 else f"it answered {error.code}"
        raise click.ClickException(f"{sentence}; `dcrgw explain` without an id shows the last one") from error
    except (URLError, OSError, ValueError) as error:
        raise click.ClickException(f"the sandbox does not answer: {error}") from error


def told(report: dict[str, Any]) -> list[tuple[str, str]]:
    """The report as lines, each with its style: the request, every finding, the decision."""
    lines = [
        (f"report {report['report_id']}: {report['operation']} in market {report['market'] or '-'}", "bold"),
        *((f"  {name}: {value}", "") for name, value in report["facts"].items()),
        ("", ""),
    ]
    for finding in report["findings"]:
        lines.append((f"{finding['verdict']:<8}{finding['check']}  ({finding['spec']})", _STYLES[finding["verdict"]]))
        lines.extend((f"        {text}", "") for text in _words(finding) if text)
    counts = Counter(finding["verdict"] for finding in report["findings"])
    counted = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    style = "bold red" if counts[Verdict.FAILED] or counts[Verdict.UNKNOWN] else "bold green"
    return [*lines, ("", ""), (f"decision: {report['decision']} ({counted})", style)]


def _words(finding: dict[str, Any]) -> list[str]:
    """What to read beside the id: why it was skipped; the rule and what went against it."""
    if finding["verdict"] in (Verdict.PASSED, Verdict.SKIPPED):
        return [finding["detail"]]
    return [finding["rule"], finding["description"], finding["detail"]]
