"""Scripts in this very process: for those that the bank trusts like the gateway itself, and that are fast.

A `def` runs on the event loop and is expected to be short; one that puts questions runs in a thread, since the loop
has to answer them. An `async def` is awaited. Nothing here can end a method that does not end by itself.
"""

from __future__ import annotations

import asyncio
import inspect
import io
import logging
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, NoReturn, TextIO, cast

from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.errors import GatewayError, Unavailable
from dcrgw.ports.scripts import Capability
from dcrgw.scripting.calls import MethodAnswer, MethodCall, ScriptFailed
from dcrgw.scripting.execution import Begun, Execution
from dcrgw.scripting.output import CappedText, log_to
from dcrgw.scripting.questions import CapabilityFailed, CapabilityRefused
from dcrgw.scripting.template import Sink
from dcrgw.scripting.veil import Veil


class InlineRunner:
    """Implements `dcrgw.scripting.runner.Runner` in this process."""

    def __init__(self, on_event: Sink | None = None) -> None:
        """`on_event` is told what a script prints while it loads; without it, that goes to the standard output."""
        self._on_event = on_event

    async def load(self, entry: ScriptEntry, properties: Mapping[str, str]) -> InlineScript:
        """A script whose init said True. Raises: Misconfigured."""
        veil = Veil(entry, properties)
        if self._on_event is None:
            return InlineScript(Execution(entry, properties), veil)
        heard: list[str] = []
        output = cast(TextIO, CappedText(heard.append))
        try:
            with redirect_stdout(output), redirect_stderr(output):
                execution = Execution(entry, properties)
        finally:
            if printed := veil("".join(heard)):
                self._on_event("script_printed", script=entry.name, method="init", text=printed)
        return InlineScript(execution, veil)

    async def close(self) -> None:
        """Nothing is held."""


class InlineScript:
    """One generation of one script. Implements `dcrgw.scripting.runner.Loaded`."""

    def __init__(self, execution: Execution, veil: Veil) -> None:
        self._execution, self._veil = execution, veil
        execution.print_to(cast(TextIO, _OUTPUT))
        logger = logging.getLogger(execution.module)
        log_to(_OUTPUT, logger)
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
        """One call. Raises: ScriptFailed."""
        asking = _Asking(ask)
        heard: list[str] = []
        outer = _CALL.set(CappedText(heard.append))
        try:
            begun = await self._made(call, asking, deadline_s)
            answer = self._execution.end(call, begun)
        except ScriptFailed as failed:
            failed.failure = asking.failure if failed.is_capability else None
            failed.trace, failed.printed = self._veil(failed.trace), self._veil("".join(heard))
            raise
        finally:
            _CALL.reset(outer)
        return replace(answer, printed=self._veil("".join(heard))) if heard else answer

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
        overran = ScriptFailed(self._execution.entry.sentence(f"{call.method} took more than {deadline_s:g} s"))
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


class _Output(io.TextIOBase):
    """Text for the call in which it is written: calls of an `async def` run beside each other."""

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, text: str) -> int:
        """Hand on to the call, or to nobody where there is none."""
        of_call = _CALL.get()
        return of_call.write(text) if of_call is not None else len(text)


_CALL: ContextVar[CappedText | None] = ContextVar("what the call writes", default=None)
_OUTPUT = _Output()


def _is_ours(error: BaseException) -> bool:
    """Whether the request itself is being cancelled: a CancelledError that a script raises is the script's fault."""
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0
    return isinstance(error, GeneratorExit)
