"""Changing scripts of the registry: add, update, replace, enable, disable, delete, rollback."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from dcrgw.cli.administration import connected
from dcrgw.cli.options import with_options
from dcrgw.cli.scripts.common import (
    ANYWAY,
    FILE,
    FORCE,
    PLACE,
    REASON,
    alter,
    ask,
    found,
    json_of,
    ordered,
    path_of,
    print_json,
    read_properties,
    text_of,
)
from dcrgw.errors import Misconfigured
from dcrgw.scripting.files import cases_beside

_MEMBERS = (
    click.option("--name", help="Its name: letters, digits and _ - : / ."),
    click.option("--description", help="What it is for."),
    click.option("--level", type=int, help="Order: the highest runs first."),
    click.option("--mode", type=click.Choice(["worker", "inline"]), help="Where it runs."),
    click.option("--market", "markets", multiple=True, help="Market that it serves; none means all."),
    click.option("--property", "properties", multiple=True, metavar="NAME=VALUE", help="What the script reads."),
    click.option("--hidden", multiple=True, metavar="NAME=VALUE", help="The same, and never shown again."),
)
_PLAIN = ("name", "description", "level", "mode")


@click.command()
@click.argument("file", type=FILE, required=False)
@click.option("--type", "type_", help="Its type.")
@click.option("--inum", help="Its inum; else one is made of type and name.")
@click.option("--entry", type=FILE, help="A JSON file with the whole entry, in place of the other options.")
@click.option("--disabled", is_flag=True, help="Tried, but not yet serving.")
@with_options(*_MEMBERS, REASON, FORCE, ANYWAY, *PLACE)
def add(
    file: Path | None, type_: str | None, inum: str | None, entry: Path | None, disabled: bool, **given: Any
) -> None:
    """Add a script from FILE, with the cases that lie beside it. It is tried before it is taken."""
    if entry is not None:
        members = json_of(entry)
    else:
        if file is None or type_ is None:
            raise click.UsageError("give FILE and --type, or --entry")
        properties = read_properties(given["properties"], given["hidden"])
        members = {"type": type_, "name": file.stem, "configuration_properties": [*properties.values()]}
        members |= _plain_members(given) | ({"inum": inum} if inum else {})
    if file is not None:
        members |= _of_file(file)
    if disabled:
        members["enabled"] = False
    api = connected(given)
    query = ordered(given)
    _tell(alter(api, "POST", "/scripts", query, members), given["as_json"])


@click.command()
@click.argument("script")
@click.option("--file", type=FILE, help="A new text, with the cases that lie beside it.")
@click.option("--remove-property", "removed", multiple=True, metavar="NAME", help="Property to take out.")
@with_options(*_MEMBERS, REASON, FORCE, ANYWAY, *PLACE)
def update(script: str, file: Path | None, removed: tuple[str, ...], **given: Any) -> None:
    """Change some of a script; what is not named stays as it is."""
    api = connected(given)
    line = found(api, script)
    change = _plain_members(given) | (_of_file(file) if file is not None else {})
    properties = read_properties(given["properties"], given["hidden"])
    before = ask(api, "GET", path_of(line))
    if properties or removed:
        change["configuration_properties"] = _merged(before["configuration_properties"], properties, removed)
    if not change:
        raise click.UsageError("nothing to change was named")
    query = ordered(given)
    answer = alter(api, "PATCH", path_of(line), query, change, if_match=before["revision"])
    _tell(answer, given["as_json"])


@click.command()
@click.argument("script")
@click.option("--entry", type=FILE, required=True, help="A JSON file with the whole entry, as `show --json` tells it.")
@with_options(REASON, FORCE, ANYWAY, *PLACE)
def replace(script: str, entry: Path, **given: Any) -> None:
    """Put a new state in a script's place; a hidden value that the file has as null stays."""
    api = connected(given)
    members = json_of(entry)
    line = found(api, script)
    revision = members.get("revision", line["revision"])
    query = ordered(given)
    _tell(alter(api, "PUT", path_of(line), query, members, if_match=revision), given["as_json"])


def _switch(name: str, summary: str) -> click.Command:
    @click.argument("script")
    @with_options(REASON, ANYWAY, *PLACE)
    def switch(script: str, **given: Any) -> None:
        api = connected(given)
        line = found(api, script)
        answer = alter(api, "POST", path_of(line, f"/{name}"), ordered(given), if_match=line["revision"])
        _tell(answer, given["as_json"])

    return click.command(name, help=summary)(switch)


enable = _switch("enable", "Let a script serve, once it has been tried.")
disable = _switch("disable", "Let a script serve no more; it is kept.")


@click.command()
@click.argument("script")
@click.option(
    "--held", metavar="MARK", help="The change that is meant, as `list` tells; else the one that is held now."
)
@with_options(REASON, *PLACE)
def accept(script: str, held: str | None, **given: Any) -> None:
    """Take the change of a script that the gate refused ([reload.gate]), as it was refused; it is kept who did."""
    api = connected(given)
    line = found(api, script)
    body = {"held": held or line["held"] or ""}
    _tell(alter(api, "POST", path_of(line, "/accept"), ordered(given), body), given["as_json"])


@click.command()
@click.argument("script")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_options(REASON, ANYWAY, *PLACE)
def delete(script: str, yes: bool, **given: Any) -> None:
    """Delete a script; its history stays, and `rollback` does not bring it back: add it anew."""
    api = connected(given)
    line = found(api, script)
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("say --yes")
        click.confirm(f"Delete {line['type']}/{line['name']}?", abort=True)
    answer = alter(api, "DELETE", path_of(line), ordered(given), if_match=line["revision"])
    if given["as_json"]:
        print_json(answer)
    else:
        click.echo(f"{line['type']}/{line['name']} ({line['inum']}) is deleted")


@click.command()
@click.argument("script")
@click.argument("revision", type=click.IntRange(1))
@with_options(REASON, FORCE, ANYWAY, *PLACE)
def rollback(script: str, revision: int, **given: Any) -> None:
    """Make an earlier revision the newest one, once it has been tried."""
    api = connected(given)
    line = found(api, script)
    query = ordered(given)
    body = {"revision": revision}
    _tell(alter(api, "POST", path_of(line, "/rollback"), query, body, if_match=line["revision"]), given["as_json"])


def _of_file(file: Path) -> dict[str, Any]:
    try:
        return {"text": text_of(file), "cases": [dict(each) for each in cases_beside(file)]}
    except Misconfigured as fault:
        raise click.ClickException(str(fault)) from None


def _plain_members(given: Mapping[str, Any]) -> dict[str, Any]:
    members = {name: given[name] for name in _PLAIN if given[name] is not None}
    return {**members, "markets": list(given["markets"])} if given["markets"] else members


def _merged(
    before: list[dict[str, Any]], changes: Mapping[str, dict[str, Any]], removed: tuple[str, ...]
) -> list[dict[str, Any]]:
    """The whole list, as a merge patch wants it; hidden values are null, and so stay."""
    kept = {each["value1"]: each for each in before if each["value1"] not in removed}
    for name, change in changes.items():
        old = kept.get(name, {})
        kept[name] = {**old, **change, "hide": bool(change["hide"] or old.get("hide"))}
    return list(kept.values())


def _tell(answer: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    what = f"{answer['type']}/{answer['name']} ({answer['inum']}) is at revision {answer['revision']}"
    click.echo(f"{what}: {answer['state']}")
