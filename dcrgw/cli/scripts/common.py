"""What the commands of `dcrgw scripts` share: which script is meant, and how properties are written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from dcrgw.cli.administration import PATIENT_S, PLACE_OPTIONS, Administration, Refused
from dcrgw.core.strict_json import JsonRefused, loads_object
from dcrgw.errors import Misconfigured
from dcrgw.scripting.files import read_text

FILE = click.Path(path_type=Path)
JSON = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
REASON = click.option("--reason", default="", help="Why; it stands in the history.")
FORCE = click.option(
    "--force-disabled", is_flag=True, help="Store it disabled and untried, whatever is wrong with its text."
)
ANYWAY = click.option(
    "--anyway", is_flag=True, help="Take it whatever recorded decisions say ([reload.gate]); it is kept who did."
)
PLACE = (*PLACE_OPTIONS, JSON)
_LARGEST_ENTRY = 1024 * 1024


def found(api: Administration, script: str) -> dict[str, Any]:
    """The line of the one script that is meant. Raises: Refused."""
    lines = listed(api)
    names = [
        line for line in lines if script in (line["inum"], f"{line['type']}/{line['name']}") or script == line["name"]
    ]
    exact = [line for line in names if script == line["inum"]] or names
    if len(exact) != 1:
        several = ", ".join(f"{line['type']}/{line['name']}" for line in exact)
        raise Refused(404, f"several scripts have this name: {several}" if exact else f"there is no script {script}")
    return exact[0]


def listed(api: Administration, type_: str | None = None) -> list[dict[str, Any]]:
    """Every script's line, in the order in which they run."""
    lines: list[dict[str, Any]] = api.ask("GET", "/scripts", {"type": type_} if type_ else None)["scripts"]
    return lines


def path_of(line: Mapping[str, Any], verb: str = "") -> str:
    """The administration's path of a script."""
    return f"/scripts/{quote(line['inum'], safe='@!')}{verb}"


def ordered(given: Mapping[str, Any], reason: str = "") -> dict[str, Any]:
    """The query of a change, of the options' values; `reason` where none was given."""
    told = given["reason"] or reason
    flags = {name: "true" for name in ("force_disabled", "anyway") if given.get(name)}
    return {**({"reason": told} if told else {}), **flags}


def alter(api: Administration, *question: Any, **more: Any) -> dict[str, Any]:
    """The answer to a change, which may be tried for minutes. Raises: as `ask`."""
    return ask(api, *question, timeout_s=PATIENT_S, **more)


def faults_of(refused: Refused) -> str:
    """Everything that a refusal says, a line each."""
    told = [each.get("detail", "") for each in refused.answer.get("errors", [])]
    return "\n  ".join(told) if len(told) > 1 else str(refused)


def ask(api: Administration, *question: Any, **more: Any) -> dict[str, Any]:
    """The administration's answer. Raises: ClickException with every fault, not only the first."""
    try:
        return api.ask(*question, **more)
    except Refused as refused:
        raise Refused(refused.status, faults_of(refused), refused.answer) from None


def read_properties(given: Sequence[str], hidden: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Properties by name, of NAME=VALUE texts; those of `hidden` are marked so."""
    found: dict[str, dict[str, Any]] = {}
    for hide, texts in ((False, given), (True, hidden)):
        for text in texts:
            name, equals, value = text.partition("=")
            if not name or not equals:
                raise click.UsageError("a property is written NAME=VALUE")
            found[name] = {"value1": name, "value2": value, "hide": hide}
    return found


def text_of(path: Path) -> str:
    """A script's file. Raises: ClickException."""
    try:
        return read_text(path)
    except Misconfigured as fault:
        raise click.ClickException(str(fault)) from None


def json_of(path: Path) -> dict[str, Any]:
    """A file of one JSON object. Raises: ClickException."""
    try:
        return loads_object(read_text(path, _LARGEST_ENTRY).encode(), max_depth=24)
    except JsonRefused as refused:
        raise click.ClickException(f"{path} {refused}") from None
    except Misconfigured as fault:
        raise click.ClickException(str(fault)) from None


def print_json(value: Any) -> None:
    """For other programs."""
    click.echo(json.dumps(value, indent=2))


def plain(text: object) -> str:
    """No escape sequence of a script's reaches a terminal."""
    return "".join(each if each.isprintable() else "?" for each in str(text))


def plain_lines(text: str) -> str:
    """The same for several lines."""
    return "\n".join(plain(line.expandtabs()) for line in text.splitlines())
