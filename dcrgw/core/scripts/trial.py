"""What came of trying a script on its cases, and what of it is not as the cases say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dcrgw.core.scripts.cases import ScriptCase, Table
from dcrgw.core.strict_json import JsonValue


@dataclass(frozen=True, slots=True)
class CaseRun:
    """One case as it went. `failure` is why there is no answer; `took_s` are wall-clock seconds."""

    case: ScriptCase
    returned: JsonValue = None
    changes: Table = field(default_factory=dict)
    refusal: Table | None = None
    failure: str | None = None
    trace: str = ""
    printed: str = ""
    took_s: float = 0.0
    #: What the call was about, for showing what changed.
    facts: Table = field(default_factory=dict, repr=False)

    @property
    def outcome(self) -> str:
        """`failed` without an answer; `refused` for a declared refusal and for False; else `passed`."""
        if self.failure is not None:
            return "failed"
        return "refused" if self.refusal is not None or self.returned is False else "passed"

    @property
    def problems(self) -> tuple[str, ...]:
        """What is not as the case expects; empty where the case holds."""
        return tuple(_problems(self))


@dataclass(frozen=True, slots=True)
class Trial:
    """One generation tried: `fault` says why it did not even load, with the line; else `runs` are its cases."""

    fault: str | None = None
    runs: tuple[CaseRun, ...] = ()

    @property
    def faults(self) -> tuple[str, ...]:
        """Why the generation may not serve; empty where it may."""
        if self.fault is not None:
            return (self.fault,)
        return tuple(f"case {run.case.name}: {problem}" for run in self.runs for problem in run.problems)


def _problems(run: CaseRun) -> Iterator[str]:
    expect = run.case.expect
    if run.failure is not None and expect.outcome != "failed":
        yield run.failure
        return
    wanted = expect.outcome or ("refused" if expect.refusal is not None else None)
    if wanted is not None and run.outcome != wanted:
        yield f"the outcome is {run.outcome}, not {wanted}"
    if expect.returned is not None and not _same(run.returned, expect.returned[0]):
        yield f"{run.case.method} returned {_brief(run.returned)}, not {_brief(expect.returned[0])}"
    if expect.changes is not None:
        yield from _change_problems(run.changes, expect.changes)
    for name, value in (expect.refusal or {}).items():
        found = (run.refusal or {}).get(name)
        if not _same(found, value):
            yield f"the refusal's {name} is {_brief(found)}, not {_brief(value)}"
    if expect.log is not None and expect.log not in run.printed:
        yield "the log does not hold the expected text"


def _change_problems(found: Table, expected: Table) -> Iterator[str]:
    if not expected:
        if found:
            yield f"it changed {', '.join(sorted(found))}, and nothing was to change"
        return
    yield from _lacking(found, expected, "changes")


def _lacking(found: Table, expected: Table, place: str) -> Iterator[str]:
    for name, value in expected.items():
        here = found.get(name)
        if isinstance(value, Mapping) and isinstance(here, Mapping):
            yield from _lacking(here, value, f"{place}.{name}")
        elif not _same(here, value):
            yield f"{place}.{name} is {_brief(here)}, not {_brief(value)}"


def _same(found: JsonValue, expected: JsonValue) -> bool:
    """Equal as JSON: true is not 1."""
    if isinstance(found, bool) or isinstance(expected, bool):
        return found is expected
    if isinstance(found, Mapping) and isinstance(expected, Mapping):
        return found.keys() == expected.keys() and all(_same(found[name], expected[name]) for name in found)
    if _is_list(found) and _is_list(expected):
        assert isinstance(found, list | tuple)
        assert isinstance(expected, list | tuple)
        return len(found) == len(expected) and all(map(_same, found, expected))
    return found == expected


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _brief(value: JsonValue) -> str:
    text = "absent" if value is None else repr(value)
    return text if len(text) <= 120 else text[:117] + "..."
