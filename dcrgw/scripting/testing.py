"""A bench for authors: a script tried offline, from pytest or from `dcrgw scripts test`.

    from dcrgw.scripting.testing import load

    def test_known_host_gets_the_scope():
        with load("registration.py", properties={"introspectionScript": "intro"}) as script:
            run = script.run("createClient", request={"redirect_uris": ["https://app.example/cb"]})
            assert run.outcome == "passed"
            assert run.changes["attributes"]["trusted"] is True

    def test_every_case_beside_it_holds():
        with load("registration.py", properties={"introspectionScript": "intro"}) as script:
            script.check()

Nothing is asked of anybody: what the script asks of the gateway is answered by the case.
"""

from __future__ import annotations

import ast
import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from dcrgw.core.scripts.cases import ScriptCase, read_case
from dcrgw.core.scripts.entry import ScriptEntry, ScriptProperty, inum_of
from dcrgw.core.scripts.entry_checks import entry_faults
from dcrgw.core.scripts.trial import CaseRun, Trial
from dcrgw.core.scripts.types import TYPES
from dcrgw.core.strict_json import JsonValue
from dcrgw.errors import Misconfigured
from dcrgw.scripting.files import cases_beside, read_text
from dcrgw.scripting.inline import InlineRunner
from dcrgw.scripting.runner import Loaded, Runner
from dcrgw.scripting.trial import DEADLINE_S, cases_of, run_case

__all__ = ["CaseRun", "ScriptCase", "ScriptUnderTest", "entry_of", "load", "made_cases", "type_of"]

T = TypeVar("T")


def load(
    file: str | Path,
    *,
    type: str | None = None,
    properties: Mapping[str, str] | None = None,
    runner: Runner | None = None,
    deadline_s: float = DEADLINE_S,
) -> ScriptUnderTest:
    """A script whose init said True, ready to be run; close it, or use it in a `with`.

    The type is told by the file's class where none is named. Raises: Misconfigured, with file and line.
    """
    entry = entry_of(Path(file), type=type, properties=properties or {})
    return ScriptUnderTest(entry, dict(properties or {}), runner or InlineRunner(), deadline_s)


def entry_of(
    file: Path,
    *,
    type: str | None = None,
    properties: Mapping[str, str] | None = None,
    cases: Path | None = None,
) -> ScriptEntry:
    """The entry of a file and the cases beside it, or in the folder `cases`. Raises: Misconfigured."""
    text = read_text(file)
    type_ = type or type_of(text)
    entry = ScriptEntry(
        inum=inum_of(type_, file.stem),
        name=file.stem,
        type=type_,
        text=text,
        file=str(file),
        configuration_properties=tuple(ScriptProperty(*each) for each in (properties or {}).items()),
        cases=cases_beside(file, cases),
    )
    faults = entry_faults(entry)
    if faults:
        raise Misconfigured(f"script {entry.name} ({file}): {'; '.join(map(str, faults))}")
    return entry


def type_of(text: str) -> str:
    """The type that a script's class has the name of; client_registration where none does."""
    try:
        names = {node.name for node in ast.parse(text).body if isinstance(node, ast.ClassDef)}
    except (SyntaxError, ValueError, RecursionError):
        names = set()
    return next((type_.id for type_ in TYPES.values() if type_.class_name in names), "client_registration")


def made_cases(type_: str, methods: frozenset[str]) -> tuple[ScriptCase, ...]:
    """Cases for a script that has none: each of its methods once, registrations with several certificates."""
    tables: list[dict[str, JsonValue]] = []
    for method in (method for method in TYPES[type_].methods if method.name in methods):
        facts = _FACTS.get(method.name)
        if type_ != "client_registration":
            tables.append({"name": method.name, "method": method.name, "facts": facts or {}})
            continue
        base: dict[str, JsonValue] = {"method": method.name, **({"facts": facts} if facts is not None else {})}
        tables.append({"name": f"{method.name}, OBTransport", **base})
        if method.name in ("createClient", "updateClient"):
            tables.append({"name": f"{method.name}, OBWAC", **base, "certificate": {"kind": "obwac"}})
            tables.append({"name": f"{method.name}, QWAC", **base, "certificate": {"kind": "qwac"}})
            tables.append({"name": f"{method.name}, no statement", **base, "statement": False})
    return tuple(read_case(table, "made") for table in tables)


_RESPONSE: dict[str, JsonValue] = {"response": {"client_id": "sample", "client_name": "Example Accounts"}}
#: What methods are told in made cases, where that is more than nothing.
_FACTS: Mapping[str, dict[str, JsonValue]] = {
    "generateId": {"appId": "dcrgw", "idType": "client", "idPrefix": ""},
    "modifyResponse": {"response": {"active": True, "client_id": "sample", "scope": "accounts"}},
    "modifyPostResponse": _RESPONSE,
    "modifyPutResponse": _RESPONSE,
    "modifyReadResponse": _RESPONSE,
    "validateDetail": {"detail": {"type": "payment_initiation", "actions": ["initiate"]}},
}


@dataclass(slots=True)
class ScriptUnderTest:
    """One loaded script. Made by `load`."""

    entry: ScriptEntry
    properties: Mapping[str, str]
    _runner: Runner
    _deadline_s: float
    _loaded: Loaded | None = None

    @property
    def cases(self) -> tuple[ScriptCase, ...]:
        """The cases that lie beside the script."""
        return tuple(cases_of(self.entry))

    def run(self, case: ScriptCase | str, **members: Any) -> CaseRun:
        """One case as it went: one of `cases`, or a method's name with the members of a case as keywords.

        Call `problems` of the answer to learn what is not as the case expects.
        """
        given = read_case({"name": case, "method": case, **members}, case) if isinstance(case, str) else case
        return _now(lambda: self._run(given))

    def check(self, cases: Sequence[ScriptCase] | None = None) -> Trial:
        """Every case beside the script, or those given. Raises: AssertionError naming each that does not hold."""
        chosen = self.cases if cases is None else tuple(cases)
        assert chosen, f"{self.entry.name} has no cases"
        trial = Trial(runs=tuple(self.run(case) for case in chosen))
        assert not trial.faults, "\n".join(trial.faults)
        return trial

    def close(self) -> bool:
        """Call destroy; False when it did not say True."""
        loaded, self._loaded = self._loaded, None
        return True if loaded is None else _now(loaded.close)

    def __enter__(self) -> ScriptUnderTest:
        _now(self._ready)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def methods(self) -> frozenset[str]:
        """The methods that its author wrote."""
        return _now(self._ready).methods

    async def _ready(self) -> Loaded:
        if self._loaded is None:
            self._loaded = await self._runner.load(self.entry, self.properties)
        return self._loaded

    async def _run(self, case: ScriptCase) -> CaseRun:
        return await run_case(case, await self._ready(), self.properties, self._runner, self._deadline_s)


def _now(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The result of a coroutine, also where a loop is running in this thread already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work())
    results: list[T] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            results.append(asyncio.run(work()))
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run, name="script under test")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return results[0]
