"""Scripts in this very process: for those that the bank trusts like the gateway itself, and that are fast.

A `def` runs on the event loop and is expected to be short; one that puts questions runs in a thread, since the loop
has to answer them. An `async def` is awaited. Nothing here can end a method that does not end by itself.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Mapping
from typing import Any, NoReturn, TextIO, cast

from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.errors import GatewayError, Unavailable
from dcrgw.ports.scripts import Capability
from dcrgw.scripting.calls import MethodAnswer, MethodCall, ScriptFailed
from dcrgw.scripting.execution import Begun, Execution
from dcrgw.scripting.output import MOST_CHARACTERS, CappedText, log_to
from dcrgw.scripting.questions import CapabilityFailed, CapabilityRefused


class InlineRunner:
    """Implements `dcrgw.scripting.runner.Runner` in this process."""

    async def load(self, entry: ScriptEntry, properties: Mapping[str, str]) -> InlineScript:
        """A script whose init said True. Raises: Misconfigured."""
        return InlineScript(Execution(entry, properties))

    async def close(self) -> None:
        """Nothing is held."""


class InlineScript:
    """One generation of one script. Implements `dcrgw.scripting.runner.Loaded`."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._printed: list[str] = []
        self._output = CappedText(self._printed.append)
        execution.print_to(cast(TextIO, self._output))
        logger = logging.getLogger(execution.module)
        log_to(self._output, logger)
        logger.propagate = False

    @property
    def entry(self) -> ScriptEntry:
        """The entry as it was loaded."""
        return self._execution.entry

    @property
    def methods(self) -> frozenset[str]:
        """The methods that its author wrote."""
        return self._execution.methods

    async def call(self, call: MethodCall, ask: Capability, deadline_s: float) -> MethodAnswer:
        """One call. Raises: ScriptFailed, and what `ask` raised where the script did not catch it."""
        asking = _Asking(ask)
        self._output.begin()
        try:
            begun = await self._made(call, asking, deadline_s)
            answer = self._execution.end(call, begun)
        except ScriptFailed as failed:
            if failed.is_capability and asking.failure is not None:
                raise asking.failure from failed
            failed.printed = self._take_printed()
            raise
        return answer if not self._printed else _printed(answer, self._take_printed())

    async def close(self) -> bool:
        """destroy; False when the script did not say True."""
        logging.Logger.manager.loggerDict.pop(self._execution.module, None)
        return self._execution.destroy()

    async def _made(self, call: MethodCall, asking: _Asking, deadline_s: float) -> Begun:
        execution = self._execution
        if execution.is_async(call.method):
            begun = execution.begin(call, asking.later)
        elif execution.may_ask:
            begun = await asyncio.to_thread(execution.begin, call, asking.waiting())
        else:
            begun = execution.begin(call, asking.never)
        if inspect.isawaitable(begun.returned):
            begun.returned = await self._awaited(call, begun, deadline_s)
        return begun

    async def _awaited(self, call: MethodCall, begun: Begun, deadline_s: float) -> Any:
        overran = ScriptFailed(self._execution.sentence(f"{call.method} took more than {deadline_s:g} s"))
        try:
            async with asyncio.timeout(deadline_s) as deadline:
                returned = await begun.returned
        except BaseException as error:  # SystemExit in a task would tear down the whole event loop
            if _is_ours(error):
                raise
            if isinstance(error, TimeoutError) and deadline.expired():
                raise overran from None
            return self._execution.settled(call.method, begun, error)
        if deadline.expired():  # the script swallowed its cancellation and answered all the same
            raise overran
        return returned

    def _take_printed(self) -> str:
        printed = "".join(self._printed)[:MOST_CHARACTERS]
        self._printed.clear()
        return printed


class _Asking:
    """The ways in which a method of this process may ask, and the last failure that it was told of."""

    def __init__(self, ask: Capability) -> None:
        self._ask = ask
        self.failure: GatewayError | None = None

    async def later(self, name: str, arguments: list[Any]) -> Any:
        """In an `async def`."""
        try:
            return await self._ask(name, arguments)
        except ValueError as error:
            raise CapabilityRefused(str(error)) from None
        except Unavailable as failure:
            self.failure = failure
            raise CapabilityFailed(f"{failure.dependency} is not available") from None
        except GatewayError as failure:
            raise CapabilityRefused(str(failure)) from None

    def waiting(self) -> Any:
        """In a `def` that runs in a thread."""
        loop = asyncio.get_running_loop()

        def ask(name: str, arguments: list[Any]) -> Any:
            return asyncio.run_coroutine_threadsafe(self.later(name, arguments), loop).result()

        return ask

    @staticmethod
    def never(_name: str, _arguments: list[Any], /) -> NoReturn:
        """In a `def` on the loop, whose code did not show that it would ask."""
        raise CapabilityRefused("an inline script asks as context.directory, context.keysets or context.http, by name")


def _printed(answer: MethodAnswer, printed: str) -> MethodAnswer:
    return MethodAnswer(answer.returned, answer.changes, answer.refusal, printed)


def _is_ours(error: BaseException) -> bool:
    """Whether the request itself is being cancelled: a CancelledError that a script raises is the script's fault."""
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0
    return isinstance(error, GeneratorExit)
