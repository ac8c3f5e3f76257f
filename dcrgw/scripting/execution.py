"""One method call of one loaded script: the same code in this process and in a worker."""

from __future__ import annotations

import contextlib
import inspect
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import CodeType, FunctionType, ModuleType
from typing import Any, TextIO

from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.core.strict_json import JsonValue
from dcrgw.scripting.bindings import Bound, bind
from dcrgw.scripting.calls import MethodAnswer, MethodCall, ScriptFailed
from dcrgw.scripting.capabilities import Allowance
from dcrgw.scripting.loader import fault_of, load
from dcrgw.scripting.members import left
from dcrgw.scripting.questions import Capabilities, CapabilityFailed, CapabilityRefused
from dcrgw.scripting.refusal import Rejection

#: What a script raises whatever it was called with.
_NOT_THE_CALLS = (MemoryError, NameError, CapabilityFailed, CapabilityRefused)
#: Names by which a script's code reaches a capability.
_CAPABILITIES = frozenset({"directory", "keysets", "http"})


@dataclass(slots=True)
class Begun:
    """A call whose method was entered. `returned` may be an awaitable still."""

    bound: Bound
    returned: Any
    #: What the script raised; what it declared without raising is `bound`'s.
    refusal: Mapping[str, JsonValue] | None = None


class Execution:
    """A script whose init said True, in the process that runs it."""

    def __init__(self, entry: ScriptEntry, properties: Mapping[str, str]) -> None:
        """Compile, construct, check and initialise. Raises: Misconfigured."""
        self.entry = entry
        self._loaded = load(entry, properties, now=time.time())
        self.methods = self._loaded.methods
        self._async = frozenset(name for name in self.methods if inspect.iscoroutinefunction(self._loaded.method(name)))
        #: The module's name in sys.modules, and of the script's own logger.
        self.module = self._loaded.module
        #: Whether a `def` method may put questions, as far as its code can tell.
        self.may_ask = not _CAPABILITIES.isdisjoint(_names(sys.modules[self.module]))

    def is_async(self, method: str) -> bool:
        """Whether the method is an `async def`."""
        return method in self._async

    def print_to(self, stream: TextIO) -> None:
        """Have the script's own `print` write there."""
        vars(sys.modules[self.module])["print"] = partial(_print, stream)

    def begin(self, call: MethodCall, ask: Capabilities) -> Begun:
        """Enter the method: a `def` is through when this returns. Raises: ScriptFailed."""
        loaded = self._loaded
        if (form := loaded.forms.get(call.method)) is None:
            raise ScriptFailed(self.entry.sentence(f"there is no {call.method} in it"))
        allowance = Allowance(self.entry.type, ask)
        bound = bind(
            self.entry.type, call.method, call.facts, loaded.properties, allowance, script=loaded.custom_script
        )
        begun = Begun(bound, None)
        with self.guarded(call.method, begun):
            begun.returned = loaded.method(call.method)(*bound.arguments(form))
        return begun

    @contextlib.contextmanager
    def guarded(self, method: str, begun: Begun) -> Iterator[None]:
        """Whatever the script raises inside becomes a refusal that it declared, or ScriptFailed."""
        try:
            yield
        except GeneratorExit:
            raise
        except BaseException as error:
            begun.returned = self.settled(method, begun, error)

    def settled(self, method: str, begun: Begun, error: BaseException) -> bool:
        """False for a refusal that the script raised. Raises: ScriptFailed for everything else."""
        if isinstance(error, Rejection):
            begun.refusal = error.refusal
            return False
        raise self.failure(method, error) from error

    def failure(self, method: str, error: BaseException) -> ScriptFailed:
        """An exception of the script in words for the operator, with the script's own frames."""
        fault = fault_of(self.entry, method, error)
        failed = ScriptFailed(str(fault), trace=own_trace(error, self.entry.source_name))
        failed.is_capability = isinstance(error, CapabilityFailed)
        failed.is_raised = isinstance(error, Exception) and not isinstance(error, _NOT_THE_CALLS)
        return failed

    def end(self, call: MethodCall, begun: Begun) -> MethodAnswer:
        """What came of it. Raises: ScriptFailed for an answer or a change that is not JSON."""
        try:
            returned = left(begun.returned)
        except (TypeError, RecursionError):
            kind = type(begun.returned).__name__
            raise ScriptFailed(self.entry.sentence(f"{call.method} returned {kind}, which is not JSON")) from None
        try:
            changes = begun.bound.changes(begun.returned)
        except (TypeError, ValueError, RecursionError) as error:
            # Its message names the member, never a value.
            raise ScriptFailed(self.entry.sentence(f"{error}")) from error
        return MethodAnswer(returned, changes, begun.refusal or begun.bound.refusal)

    def destroy(self) -> bool:
        """Call destroy; False when it did not say True."""
        return self._loaded.unload()


def own_trace(error: BaseException, source_name: str) -> str:
    """A traceback of the script's own frames, and what was raised."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == source_name]
    told = "".join(traceback.format_list(frames[-20:])) + "".join(traceback.format_exception_only(error))
    return told[-8000:]


def _print(
    stream: TextIO, *values: object, sep: str = " ", end: str = "\n", file: TextIO | None = None, **_: Any
) -> None:
    print(*values, sep=sep, end=end, file=file or stream)


def _names(module: ModuleType) -> set[str]:
    """Every name that the code of a module's own functions and classes uses."""
    waiting: list[CodeType] = []
    for thing in vars(module).values():
        if getattr(thing, "__module__", None) == module.__name__:
            each = vars(thing).values() if isinstance(thing, type) else (thing,)
            waiting += [one.__code__ for one in each if isinstance(one, FunctionType)]
    found: set[str] = set()
    while waiting:
        code = waiting.pop()
        found.update(code.co_names)
        waiting += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return found
