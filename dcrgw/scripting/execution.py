"""One method call of one loaded script: the same code in this process and in a worker."""

from __future__ import annotations

import contextlib
import inspect
import linecache
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.core.strict_json import JsonValue
from dcrgw.scripting.bindings import Bound, bind
from dcrgw.scripting.calls import MethodAnswer, MethodCall, ScriptFailed
from dcrgw.scripting.capabilities import Asking, Capabilities, CapabilityFailed
from dcrgw.scripting.loader import LoadedScript, ScriptSetting, fault_of, load_script
from dcrgw.scripting.members import copied
from dcrgw.scripting.refusal import Rejection
from dcrgw.scripting.types import KINDS

#: Names by which a script's code reaches a capability.
_CAPABILITIES = frozenset({"directory", "keysets", "http"})


@dataclass(slots=True)
class Begun:
    """A call whose method was entered. `returned` may be an awaitable still."""

    bound: Bound
    returned: Any


class Execution:
    """A script whose init said True, in the process that runs it."""

    def __init__(self, entry: ScriptEntry, properties: Mapping[str, str]) -> None:
        """Compile, construct, check and initialise. Raises: Misconfigured."""
        self.entry = entry
        self._properties = dict(properties)
        _know_source(entry)
        self._loaded = load_script(_setting(entry, properties), now=time.time())
        self.methods = _methods(self._loaded)
        self.module = self._loaded.module
        #: Whether a `def` method may put questions, as far as its code can tell.
        self.may_ask = any(
            _names(code) & _CAPABILITIES
            for name in self.methods
            if (code := getattr(self._loaded.method(name), "__code__", None))
        )

    def is_async(self, method: str) -> bool:
        """Whether the method is an `async def`."""
        return inspect.iscoroutinefunction(self._loaded.method(method))

    def begin(self, call: MethodCall, ask: Asking) -> Begun:
        """Enter the method: a `def` is through when this returns. Raises: ScriptFailed."""
        bound = bind(self.entry.type, call.method, call.facts, self._properties, Capabilities(self.entry.type, ask))
        begun = Begun(bound, None)
        with self.guarded(call.method, begun):
            begun.returned = self._loaded.method(call.method)(*bound.arguments(self._form(call.method)))
        return begun

    @contextlib.contextmanager
    def guarded(self, method: str, begun: Begun) -> Iterator[None]:
        """Whatever the script raises inside becomes a refusal that it declared, or ScriptFailed."""
        try:
            yield
        except Rejection:
            begun.returned = False
        except GeneratorExit:
            raise
        except BaseException as error:
            raise self.failure(method, error) from error

    def failure(self, method: str, error: BaseException) -> ScriptFailed:
        """An exception of the script in words for the operator, with the script's own frames."""
        fault = fault_of(self._loaded.setting, method, error)
        failed = ScriptFailed(str(fault), trace=own_trace(error, self.entry.source_name))
        failed.is_capability = isinstance(error, CapabilityFailed)
        return failed

    def end(self, call: MethodCall, begun: Begun) -> MethodAnswer:
        """What came of it. Raises: ScriptFailed for an answer or a change that is not JSON."""
        try:
            returned: JsonValue = copied(begun.returned)
        except (TypeError, RecursionError):
            kind = type(begun.returned).__name__
            raise ScriptFailed(self._sentence(f"{call.method} returned {kind}, which is not JSON")) from None
        try:
            changes = begun.bound.changes(begun.returned)
        except (TypeError, ValueError, RecursionError) as error:
            raise ScriptFailed(self._sentence(f"{call.method} left what is not JSON in what it changed")) from error
        return MethodAnswer(returned, changes, begun.bound.refusal)

    def destroy(self) -> bool:
        """Call destroy; False when it did not say True."""
        linecache.cache.pop(self.entry.source_name, None)
        return self._loaded.unload()

    def _form(self, method: str) -> tuple[str, ...]:
        return ("context",) if method in self._loaded.takes_context else ("registerRequest", "client", "attributes")

    def _sentence(self, what: str) -> str:
        return f"script {self.entry.name} ({self.entry.source_name}): {what}"


def own_trace(error: BaseException, source_name: str) -> str:
    """A traceback of the script's own frames, and what was raised."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == source_name]
    told = "".join(traceback.format_list(frames[-20:])) + "".join(traceback.format_exception_only(error))
    return told[-8000:]


def _setting(entry: ScriptEntry, properties: Mapping[str, str]) -> ScriptSetting:
    return ScriptSetting(
        name=entry.name,
        file=Path(entry.source_name),
        type=entry.type,
        level=entry.level,
        properties=properties,
        text=entry.text,
    )


def _methods(loaded: LoadedScript) -> frozenset[str]:
    return frozenset(
        name
        for name in KINDS[loaded.setting.type].methods
        if getattr(type(loaded.instance), name) is not getattr(loaded.kind.base, name)
    )


def _know_source(entry: ScriptEntry) -> None:
    """Tracebacks show lines of a text that is in no file."""
    if entry.file is None:
        lines = entry.text.splitlines(keepends=True)
        linecache.cache[entry.source_name] = (len(entry.text), None, lines, entry.source_name)


def _names(code: CodeType) -> set[str]:
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= _names(constant)
    return found
