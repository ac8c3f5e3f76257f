"""Janssen's entries in and out: import, export."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from dcrgw.cli.administration import PLACE_OPTIONS, connected
from dcrgw.cli.options import with_options
from dcrgw.cli.scripts.common import ANYWAY, FILE, FORCE, REASON, alter, ask, found, listed, ordered, path_of, text_of
from dcrgw.core.scripts.entry import ScriptEntry, inum_of
from dcrgw.core.scripts.entry_json import EntryRefused, read_entry
from dcrgw.core.scripts.janssen import from_janssen, to_janssen
from dcrgw.core.strict_json import JsonRefused, loads
from dcrgw.errors import Misconfigured
from dcrgw.scripting.files import cases_beside, read_text

_LARGEST = 16 * 1024 * 1024


@click.command("import")
@click.argument("file", type=FILE)
@click.option("--check", is_flag=True, help="Only judge the file; no gateway is asked.")
@with_options(REASON, FORCE, ANYWAY, *PLACE_OPTIONS)
def import_(file: Path, check: bool, **given: Any) -> None:
    """Take scripts from a JSON file of Janssen's: an entry, a list of them, or the answer of its API.

    A `script` of `_file NAME` is read from beside the file. An entry whose inum is known here takes its place.
    """
    failed = False
    api = None if check else connected(given)
    for label, members in _entries_of(file):
        try:
            entry, present = _read(members, file.parent, label)
        except (EntryRefused, Misconfigured, click.ClickException) as refused:
            failed = True
            faults = refused.faults if isinstance(refused, EntryRefused) else (getattr(refused, "message", refused),)
            for fault in faults:
                click.echo(f"{label}: {fault}", err=True)
            continue
        if api is None:
            click.echo(f"{label}: {entry.type}/{entry.name} ({entry.inum}) can be imported")
            continue
        known = {line["inum"]: line for line in listed(api)}
        query = ordered(given, f"import of {file.name}")
        line = known.get(entry.inum)
        if line is None:
            answer = alter(api, "POST", "/scripts", query, present)
        else:
            answer = alter(api, "PUT", path_of(line), query, present, if_match=line["revision"])
        click.echo(f"{label}: {entry.type}/{entry.name} ({entry.inum}) is at revision {answer['revision']}")
    if failed:
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("scripts", nargs=-1)
@click.option("--file", "file", type=FILE, help="A script's file, offline: its entry is made of the options.")
@click.option("--type", "type_", default="client_registration", show_default=True, help="Type of the --file.")
@click.option("--output", type=FILE, help="Where to write; else standard output.")
@with_options(*PLACE_OPTIONS)
def export(scripts: tuple[str, ...], file: Path | None, type_: str, output: Path | None, **given: Any) -> None:
    """Write scripts as Janssen's JSON: those named, else all. Hidden values are left out, and named."""
    exported: list[dict[str, Any]] = []
    left_out: list[str] = []
    if file is not None:
        entry = ScriptEntry(inum_of(type_, file.stem), name=file.stem, type=type_, text=text_of(file))
        exported.append(to_janssen(entry)[0])
    else:
        api = connected(given)
        for line in [found(api, script) for script in scripts] or listed(api):
            answer = ask(api, "GET", path_of(line, "/export"))
            exported.append(answer["script"])
            left_out += [f"{line['name']}: {name}" for name in answer["left_out"]]
    text = json.dumps(exported[0] if len(exported) == 1 and (scripts or file) else exported, indent=2) + "\n"
    if output is not None:
        output.write_text(text, encoding="utf-8")
    else:
        click.echo(text, nl=False)
    for each in left_out:
        click.echo(f"left out, since it is hidden: {each}", err=True)


def _entries_of(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(label, members) of every entry in a file. Raises: ClickException."""
    try:
        whole = loads(read_text(file, _LARGEST).encode(), max_depth=24)
    except JsonRefused as refused:
        raise click.ClickException(f"{file} {refused}") from None
    except Misconfigured as fault:
        raise click.ClickException(str(fault)) from None
    # The answer of Janssen's GET is a page: {"start", "totalEntriesCount", "entries": [...]}.
    entries = whole.get("entries", whole) if isinstance(whole, dict) else whole
    entries = entries if isinstance(entries, list) else [entries]
    if not entries:
        raise click.ClickException(f"{file} holds no script")
    for i, each in enumerate(entries):
        if not isinstance(each, dict):
            raise click.ClickException(f"{file}: entry {i + 1} is not an object")
        yield f"{file.name}, {each.get('name') or f'entry {i + 1}'}", each


def _read(given: dict[str, Any], folder: Path, label: str) -> tuple[ScriptEntry, dict[str, Any]]:
    """The entry and what to send. Raises: EntryRefused, Misconfigured."""
    imported = from_janssen(given)
    for warning in imported.warnings:
        click.echo(f"warning: {label}: {warning}", err=True)
    members: dict[str, Any] = dict(imported.members)
    if imported.file is not None:
        path = folder / imported.file
        # A file from elsewhere says what is read here, and sent: nothing but what came with it.
        if not path.resolve().is_relative_to(folder.resolve()):
            raise click.ClickException(f"{imported.file} does not lie beside the file: copy it there, and name it so")
        members["text"] = text_of(path)
        members["cases"] = [dict(each) for each in cases_beside(path)]
    return read_entry(members), members
