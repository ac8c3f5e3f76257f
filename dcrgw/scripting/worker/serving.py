"""A worker's life: load one script, answer its calls one after the other, destroy it."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import signal
import sys
from collections.abc import Iterable, Mapping
from typing import Any, TextIO, cast

from dcrgw.core.scripts.entry import ScriptEntry, ScriptProperty
from dcrgw.errors import Misconfigured
from dcrgw.scripting.calls import MethodAnswer, MethodCall, ScriptFailed
from dcrgw.scripting.execution import Execution
from dcrgw.scripting.output import CappedText, log_to
from dcrgw.scripting.questions import CapabilityFailed, CapabilityRefused
from dcrgw.scripting.worker.confinement import Limits, Measure, confine
from dcrgw.scripting.worker.framing import Line

_OUTPUT = 1


def serve(line: Line, limits: Limits, readable: Iterable[str]) -> None:
    """Confine this process, then serve the one script that is handed over, until the gateway hangs up."""
    output = _capture_output()
    measures = confine(limits, readable)
    order = line.receive()
    if order is None:
        return
    script = _load(line, order, measures)
    if script is None:
        return
    serving = _Serving(line, script, output)
    while (message := line.receive()) is not None:
        output.begin()
        if "destroy" in message:
            line.send({"destroyed": script.destroy()})
            return
        serving.answer(message)


class _Serving:
    def __init__(self, line: Line, script: Execution, output: CappedText) -> None:
        self._line, self._script, self._output = line, script, output
        self._runner: asyncio.Runner | None = None

    def answer(self, message: Mapping[str, Any]) -> None:
        """Make one call and send what came of it."""
        number = message["call"]
        limit_cpu(message["cpu_s"])
        call = MethodCall(message["method"], message["facts"], message["interaction_id"])
        try:
            reply = _told(number, self._call(call))
        except ScriptFailed as failed:
            reply = _failed(number, failed)
        try:
            self._line.send(reply)
        except (TypeError, ValueError, RecursionError) as error:
            what = f"{call.method} answered what is not JSON or too long: {type(error).__name__}"
            self._line.send(_failed(number, ScriptFailed(self._script.entry.sentence(what))))

    def _call(self, call: MethodCall) -> MethodAnswer:
        if not self._script.is_async(call.method):
            begun = self._script.begin(call, self._ask)
            if inspect.isawaitable(begun.returned):
                with self._script.guarded(call.method, begun):
                    begun.returned = self._run(begun.returned)
            return self._script.end(call, begun)
        begun = self._script.begin(call, self._ask_later)
        with self._script.guarded(call.method, begun):
            begun.returned = self._run(begun.returned)
        return self._script.end(call, begun)

    def _run(self, pending: Any) -> Any:
        async def awaited() -> Any:
            returned = await pending
            # What the method left running would otherwise go on in the next call.
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            return returned

        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(awaited())

    def _ask(self, name: str, arguments: list[Any]) -> Any:
        self._line.send({"ask": name, "arguments": arguments})
        told = self._line.receive()
        if told is None:
            os._exit(0)
        if "told" in told:
            return told["told"]
        if told.get("refused"):
            raise CapabilityRefused(told["untold"])
        raise CapabilityFailed(told["untold"])

    async def _ask_later(self, name: str, arguments: list[Any]) -> Any:
        # Nothing else of the gateway's waits in this process, so it may stand still meanwhile.
        return self._ask(name, arguments)


def _load(line: Line, order: Mapping[str, Any], measures: list[Measure]) -> Execution | None:
    limit_cpu(order["cpu_s"])
    try:
        script = Execution(entry_of(order["load"]), order["properties"])
    except Misconfigured as fault:
        line.send({"refused": str(fault)})
        return None
    confinement = {measure.name: measure.refused for measure in measures}
    line.send({"loaded": sorted(script.methods), "confinement": confinement})
    return script


def entry_of(told: Mapping[str, Any]) -> ScriptEntry:
    """An entry that came as JSON."""
    lists = ("module_properties", "configuration_properties")
    properties = {name: tuple(ScriptProperty(**each) for each in told[name]) for name in lists}
    return ScriptEntry(**{**told, **properties, "markets": tuple(told["markets"])})


def limit_cpu(seconds: float) -> None:
    """From now on, this much processor time ends the process. A script could undo it; the deadline stands anyway."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _told(number: int, answer: MethodAnswer) -> dict[str, Any]:
    told: dict[str, Any] = {"answer": number, "returned": answer.returned}
    if answer.changes:
        told["changes"] = answer.changes
    if answer.refusal is not None:
        told["refusal"] = answer.refusal
    return told


def _failed(number: int, failed: ScriptFailed) -> dict[str, Any]:
    is_spent = isinstance(failed.__cause__, MemoryError)
    found = {"failed": number, "what": failed.what, "trace": failed.trace}
    return found | {"is_capability": failed.is_capability, "is_raised": failed.is_raised, "is_spent": is_spent}


def _capture_output() -> CappedText:
    # No more than four bytes for a character: all of it has room in a pipe that nobody reads before the call ends.
    output = CappedText(lambda text: os.write(_OUTPUT, text.encode(errors="replace")))
    sys.stdout = sys.stderr = cast(TextIO, output)
    log_to(output, logging.getLogger())
    return output
