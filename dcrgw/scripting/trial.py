"""Trying one generation of a script on its cases: before it serves, and on its author's bench."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from dcrgw.core.scripts.cases import CaseRefused, ScriptCase, read_case
from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.core.scripts.trial import CaseRun, Trial
from dcrgw.core.scripts.types import TYPES
from dcrgw.core.strict_json import JsonValue
from dcrgw.errors import GatewayError, Misconfigured, Unavailable
from dcrgw.scripting import samples
from dcrgw.scripting.calls import MethodCall, ScriptFailed
from dcrgw.scripting.facts import facts_of_call
from dcrgw.scripting.runner import Capability, Loaded, Runner

#: How long one case may take; the gateway's own deadline where it tries a new generation.
DEADLINE_S = 5.0
#: What the directory says of the sample's TPP, unless a case says otherwise.
GOOD_STANDING: Mapping[str, JsonValue] = {
    "found": True,
    "software_id": samples.SOFTWARE_ID,
    "org_id": samples.ORG_ID,
    "organisation_active": True,
    "software_active": True,
    "software_roles": ["AISP", "PISP"],
    "authorisations": [["GB", "AISP", True], ["GB", "PISP", True]],
    "observed_at": samples.AT,
    "source": "sample",
}

#: Told of each case as it ends.
OnRun = Callable[[CaseRun], None]


async def load_and_try(
    entry: ScriptEntry,
    properties: Mapping[str, str],
    runner: Runner,
    *,
    deadline_s: float = DEADLINE_S,
    on_run: OnRun = lambda _run: None,
) -> tuple[Trial, Loaded | None]:
    """The trial of an entry and its generation, which is closed and None where it may not serve."""
    try:
        cases = list(cases_of(entry))
        loaded = await runner.load(entry, properties)
    except (Misconfigured, CaseRefused) as fault:
        return Trial(fault=str(fault)), None
    runs = []
    try:
        for case in cases:
            runs.append(await run_case(case, loaded, properties, runner, deadline_s))
            on_run(runs[-1])
    except BaseException:
        await loaded.close()
        raise
    trial = Trial(runs=tuple(runs))
    if trial.faults:
        await loaded.close()
        return trial, None
    return trial, loaded


def cases_of(entry: ScriptEntry) -> Iterator[ScriptCase]:
    """The cases of an entry. Raises: CaseRefused."""
    for i, each in enumerate(entry.cases):
        yield read_case(each, f"case {i + 1}")


async def run_case(
    case: ScriptCase, loaded: Loaded, properties: Mapping[str, str], runner: Runner, deadline_s: float = DEADLINE_S
) -> CaseRun:
    """One case. One with properties of its own is run by a generation of its own."""
    try:
        facts = facts_of(case, loaded.entry.type)
    except ValueError as fault:
        return CaseRun(case, failure=f"the case cannot be made: {fault}")
    if case.method not in loaded.methods:
        return CaseRun(case, failure=_no_method(case, loaded), facts=facts)
    if not case.properties:
        return await _run(case, loaded, facts, deadline_s)
    try:
        own = await runner.load(loaded.entry, {**properties, **case.properties})
    except Misconfigured as fault:
        return CaseRun(case, failure=str(fault), facts=facts)
    try:
        return await _run(case, own, facts, deadline_s)
    finally:
        await own.close()


def facts_of(case: ScriptCase, type_: str) -> Mapping[str, JsonValue]:
    """What the call is about. Raises: ValueError for a registration that cannot be."""
    if type_ != "client_registration" and case.facts is not None:
        return case.facts
    return {**facts_of_call(samples.call_of(case)), **(case.facts or {})} if type_ == "client_registration" else {}


async def _run(case: ScriptCase, loaded: Loaded, facts: Mapping[str, JsonValue], deadline_s: float) -> CaseRun:
    run = CaseRun(case, facts=facts)
    started = time.perf_counter()
    try:
        answer = await loaded.call(MethodCall(case.method, facts, f"case {case.name}"), _answers_of(case), deadline_s)
        run = replace(
            run,
            returned=answer.returned,
            changes=dict(answer.changes),
            refusal=None if answer.refusal is None else dict(answer.refusal),
            printed=answer.printed,
        )
    except ScriptFailed as failed:
        what = _unanswered(failed.failure) if failed.failure is not None else failed.what
        run = replace(run, failure=what, trace=failed.trace, printed=failed.printed)
    except Unavailable as unavailable:
        run = replace(run, failure=_unanswered(unavailable))
    return replace(run, took_s=time.perf_counter() - started)


def _unanswered(failure: GatewayError) -> str:
    if isinstance(failure, Unavailable):
        return f"{failure.dependency} did not answer: {failure.reason}"
    return f"a question of the script was refused: {failure}"


def _answers_of(case: ScriptCase) -> Capability:
    async def ask(name: str, arguments: Sequence[JsonValue]) -> JsonValue:
        given = case.answers.get(name)
        if isinstance(given, Mapping) and "fails" in given:
            raise Unavailable(name, str(given["fails"]))
        if name == "directory.standing":
            asked = dict(zip(("directory", "software_id", "org_id"), arguments, strict=False))
            named = {key: value for key, value in asked.items() if key != "directory" and value is not None}
            return {**GOOD_STANDING, **named, **(given if isinstance(given, Mapping) else {})}
        if given is None:
            raise Unavailable(name, f'the case gives no answer: add [answers."{name}"]')
        return dict(given) if isinstance(given, Mapping) else given

    return ask


def _no_method(case: ScriptCase, loaded: Loaded) -> str:
    type_ = TYPES.get(loaded.entry.type)
    if type_ is not None and type_.method(case.method) is not None:
        return f"the script has no {case.method}"
    known = ", ".join(method.name for method in type_.methods) if type_ is not None else ""
    return f"{case.method} is no method of the type {loaded.entry.type}: there are {known}"


async def put_away(loaded: Loaded | None) -> None:
    """Close a generation that was only tried; what its destroy says does not count."""
    if loaded is not None:
        with suppress(ScriptFailed):
            await loaded.close()
