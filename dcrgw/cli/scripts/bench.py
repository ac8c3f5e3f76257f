"""`dcrgw scripts test`: a script on its cases, offline where a file is named."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, redirect_stdout
from pathlib import Path
from typing import Any

import click

from dcrgw.cli.administration import connected
from dcrgw.cli.options import with_options
from dcrgw.cli.scripts.common import FILE, PLACE, ask, found, path_of, plain, plain_lines, print_json, read_properties
from dcrgw.cli.scripts.overrun import ended_when_it_overruns
from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.core.scripts.trial import CaseRun, Trial
from dcrgw.endpoints.script_views import told_trial
from dcrgw.errors import GatewayError
from dcrgw.scripting.execution import own_trace
from dcrgw.scripting.hiring import WorkerSettings
from dcrgw.scripting.inline import InlineRunner
from dcrgw.scripting.pool import WorkerRunner
from dcrgw.scripting.runner import Loaded, Runner
from dcrgw.scripting.testing import entry_of, made_cases
from dcrgw.scripting.trial import DEADLINE_S, cases_of, put_away, run_case

#: Nobody who looks at a breakpoint is to be interrupted.
_DEBUGGING_S = 24 * 3600.0


@click.command()
@click.argument("script")
@click.option("--cases", type=FILE, help="Folder of the cases; else FILE's NAME.cases/ or NAME.cases.toml.")
@click.option("--type", "type_", help="The FILE's type; else its class tells.")
@click.option("--property", "properties", multiple=True, metavar="NAME=VALUE", help="What the FILE reads.")
@click.option("--worker", is_flag=True, help="Run FILE in a confined worker, as the gateway does.")
@click.option("--debug", is_flag=True, help="Without deadlines: breakpoint() in FILE stops here.")
@click.option("--attach", type=click.IntRange(1, 65535), metavar="PORT", help="Wait for a debugger (needs debugpy).")
@with_options(*PLACE)
def test(script: str, as_json: bool, **given: Any) -> None:
    """Run a script on its cases: outcome, changes, log and time of each.

    A file is tried here and now, and no gateway is asked; it needs no cases: then some are made. Any other SCRIPT is
    tried by the gateway, as it stands.
    """
    file = Path(script)
    if file.suffix == ".py" or file.is_file():
        told = _offline(file, given)
    else:
        api = connected(given)
        told = ask(api, "POST", path_of(found(api, script), "/test"))
    if as_json:
        print_json(told)
    else:
        _show(told)
    if not told["passed"]:
        sys.exit(1)


def _offline(file: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    properties = {name: each["value2"] for name, each in read_properties(given["properties"], ()).items()}
    debugging = given["debug"] or given["attach"] is not None
    if debugging and given["worker"]:
        raise click.UsageError("--debug runs in this process: leave --worker out")
    if given["attach"] is not None:
        _wait_for_debugger(given["attach"])
    runner: Runner = WorkerRunner(WorkerSettings(), _tell_event) if given["worker"] else InlineRunner()
    try:
        entry = entry_of(file, type=given["type_"], properties=properties, cases=given["cases"])
        with ExitStack() as around:
            if not debugging:  # a debugger needs its terminal, and time
                # What init prints is for the author, and no part of the answer.
                around.enter_context(redirect_stdout(sys.stderr))
            if not (debugging or given["worker"]):
                around.enter_context(ended_when_it_overruns(entry.source_name, DEADLINE_S))
            trial = asyncio.run(_tried(entry, properties, runner, _DEBUGGING_S if debugging else DEADLINE_S))
    except GatewayError as fault:
        trial = Trial(fault=str(fault))
        _show_cause(file, fault)
    told = told_trial(trial)
    for run, case in zip(trial.runs, told["cases"], strict=True):
        case["before"] = {name: run.facts.get(name) for name in run.changes}
    return told


def _show_cause(file: Path, fault: GatewayError) -> None:
    """What the script raised while it was loaded, with its own frames: the author's alone, on standard error."""
    if fault.__cause__ is not None and fault.__cause__.__traceback__ is not None:
        click.echo(plain_lines(own_trace(fault.__cause__, str(file))), err=True)


async def _tried(entry: ScriptEntry, properties: Mapping[str, str], runner: Runner, deadline_s: float) -> Trial:
    loaded: Loaded | None = None
    try:
        loaded = await runner.load(entry, properties)
        cases = tuple(cases_of(entry)) or made_cases(entry.type, loaded.methods)
        runs: Sequence[CaseRun] = [await run_case(case, loaded, properties, runner, deadline_s) for case in cases]
        return Trial(runs=tuple(runs))
    finally:
        await put_away(loaded)
        await runner.close()


def _wait_for_debugger(port: int) -> None:
    if importlib.util.find_spec("debugpy") is None:
        raise click.ClickException("--attach needs debugpy: pip install debugpy")
    debugpy = importlib.import_module("debugpy")
    debugpy.listen(("127.0.0.1", port))
    click.echo(f"waiting for a debugger at 127.0.0.1:{port}", err=True)
    debugpy.wait_for_client()


def _tell_event(name: str, **fields: Any) -> None:
    """The pool's events are for a gateway's log; here only what went wrong is of interest."""
    if "why" in fields or "error" in fields:
        click.echo(f"{name}: {fields.get('why') or fields.get('error')}", err=True)


def _show(told: Mapping[str, Any]) -> None:
    cases = told["cases"]
    for case in cases:
        mark = "FAIL" if case["problems"] else "ok"
        click.echo(f"{mark:<5} {plain(case['name'])}: {case['outcome']} in {case['took_ms']:.1f} ms")
        _show_case(case)
    if not cases:
        for fault in told["faults"]:
            click.echo(f"FAIL  {plain(fault)}")
    held = sum(not case["problems"] for case in cases)
    click.echo(f"{held} of {len(cases)} cases hold" if cases else "no case was run")


def _show_case(case: Mapping[str, Any]) -> None:
    before = case.get("before", {})
    for name, after in case["changes"].items():
        for line in _difference(name, before.get(name), after):
            click.echo(f"      {plain(line)}")
    if case["refusal"]:
        click.echo(f"      refusal: {plain(_short(case['refusal']))}")
    elif case["returned"] not in (None, True):
        click.echo(f"      returned: {plain(_short(case['returned']))}")
    for label, text in (("log", case["log"]), ("trace", case["trace"])):
        for line in plain_lines(text).splitlines():
            click.echo(f"      {label}: {line}")
    for problem in case["problems"]:
        click.echo(f"      problem: {plain(problem)}")


def _difference(name: str, before: Any, after: Any) -> list[str]:
    """Lines with - and + for what changed, member by member."""
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        removed = [] if before is None else [f"- {name}: {_short(before)}"]
        return [*removed, f"+ {name}: {_short(after)}"]
    lines: list[str] = []
    for member in {**before, **after}:
        old, new = before.get(member), after.get(member)
        if old == new:
            continue
        lines += [f"- {name}.{member}: {_short(old)}"] if member in before else []
        lines += [f"+ {name}.{member}: {_short(new)}"] if member in after else []
    return lines


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else text[:297] + "..."
