"""Looking at scripts: list, show, history, diff, errors."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from dcrgw.cli.administration import Refused, connected
from dcrgw.cli.options import with_options
from dcrgw.cli.scripts.common import PLACE, ask, found, listed, path_of, plain, plain_lines, print_json
from dcrgw.cli.tables import show_table, shown_time
from dcrgw.core.scripts.entry_checks import INUM

_COLUMNS = ("type", "name", "inum", "level", "mode", "enabled", "revision", "home", "state")


@click.command("list")
@click.option("--type", "type_", help="Only of this type.")
@with_options(*PLACE)
def list_(type_: str | None, as_json: bool, **given: Any) -> None:
    """List the scripts of configuration and registry, in the order in which they run."""
    lines = listed(connected(given), type_)
    if as_json:
        print_json(lines)
        return
    _table(_COLUMNS, [[_told(line[name]) for name in _COLUMNS] for line in lines])


@click.command()
@click.argument("script")
@click.option("--text", "only_text", is_flag=True, help="Only the script's text.")
@click.option("--revision", type=click.IntRange(1), help="As it was at this revision; else as it stands.")
@with_options(*PLACE)
def show(script: str, only_text: bool, revision: int | None, as_json: bool, **given: Any) -> None:
    """Show one script, all but its hidden values."""
    api = connected(given)
    query = {"revision": revision} if revision is not None else None
    entry = ask(api, "GET", path_of(found(api, script)), query)
    if as_json:
        print_json(entry)
        return
    if not only_text:
        for name, value in entry.items():
            if name not in ("text", "cases", "module_properties", "configuration_properties"):
                click.echo(f"{name}: {plain(_told(value))}")
        for name in ("module_properties", "configuration_properties"):
            for each in entry[name]:
                value = "(hidden)" if each["value2"] is None else each["value2"]
                click.echo(f"{name}: {plain(each['value1'])} = {plain(value)}")
        click.echo(f"cases: {', '.join(plain(each.get('name', '?')) for each in entry['cases']) or '-'}\n")
    click.echo(entry["text"] if only_text else plain_lines(entry["text"]))


@click.command()
@click.argument("script")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Most rows shown.")
@with_options(*PLACE)
def history(script: str, limit: int, as_json: bool, **given: Any) -> None:
    """Show every revision of a script, newest first; of a deleted one by its inum."""
    api = connected(given)
    rows = ask(api, "GET", _path_of_any(api, script, "/history"), {"limit": limit})["history"]
    if as_json:
        print_json(rows)
        return
    cells = [[str(r["revision"]), shown_time(r["at"]), r["change"], r["author"], r["reason"] or "-"] for r in rows]
    _table(("revision", "at", "change", "author", "why"), cells)


@click.command()
@click.argument("script")
@click.option("--from", "old", type=click.IntRange(1), help="Revision; else the last but one.")
@click.option("--to", "new", type=click.IntRange(1), help="Revision; else the last.")
@with_options(*PLACE)
def diff(script: str, old: int | None, new: int | None, as_json: bool, **given: Any) -> None:
    """Show what two revisions of a script differ in; of hidden values only that they differ."""
    api = connected(given)
    query = {name: value for name, value in (("from", old), ("to", new)) if value is not None}
    answer = ask(api, "GET", _path_of_any(api, script, "/diff"), query)
    if as_json:
        print_json(answer)
        return
    for each in answer["members"]:
        if each["member"] == "cases":
            click.echo(plain_lines(_changed_lines(each["from"], each["to"])))
            continue
        click.echo(f"{plain(each['member'])}: {plain(_told(each['from']))} -> {plain(_told(each['to']))}")
    click.echo(plain_lines(answer["text"]), nl=bool(answer["text"]))


@click.command()
@click.argument("script", required=False)
@with_options(*PLACE)
def errors(script: str | None, as_json: bool, **given: Any) -> None:
    """Show the last failures of all scripts, or of one, newest first."""
    api = connected(given)
    path = "/scripts/errors" if script is None else path_of(found(api, script), "/errors")
    rows = ask(api, "GET", path)["errors"]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        generation = f", generation {row['generation']}" if row["generation"] is not None else ""
        request = f", request {row['interaction_id']}" if row["interaction_id"] else ""
        click.echo(f"{shown_time(row['at'])}  {plain(row['name'])} ({row['inum']}{generation}{request})")
        for text in (row["what"], row["trace"]):
            for line in plain_lines(text).splitlines():
                click.echo(f"    {line}")


def _path_of_any(api: Any, script: str, verb: str) -> str:
    """The path of a script, also of one that was deleted and is known by its inum alone."""
    lines = [line for line in listed(api) if script in (line["inum"], line["name"], f"{line['type']}/{line['name']}")]
    if lines or INUM.fullmatch(script):
        return path_of(found(api, script) if lines else {"inum": script}, verb)
    raise Refused(404, f"there is no script {script}; a deleted one is named by its inum")


def _changed_lines(old: object, new: object) -> str:
    """Cases as they are written, the changed ones with their lines marked."""
    before, after = (json.dumps(each, indent=2, ensure_ascii=False).splitlines() for each in (old, new))
    return "\n".join(difflib.unified_diff(before, after, "cases before", "cases after", lineterm=""))


def _told(value: object) -> str:
    if value is None or value == [] or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on a terminal; elsewhere lines with tabs, ready for cut and awk."""
    cells = [[plain(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in cells:
            click.echo("\t".join(row))
        return
    show_table(head, cells, "bold")
