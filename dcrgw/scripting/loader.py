"""From a configured file to a script that is ready to run, or a sentence that says what to mend and where."""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from dcrgw.errors import Misconfigured
from dcrgw.scripting.porting import import_fault, syntax_fault
from dcrgw.scripting.properties import CERT_PROPERTY, ConfigurationAttributes
from dcrgw.scripting.types import KINDS, ScriptKind, ScriptType

#: Above this version a script's init takes (customScript, configurationAttributes).
_LAST_VERSION_OF_SHORT_INIT = 10

#: Numbers the modules, so that a script may be loaded anew while its older generation still serves.
_LOADED = count(1)


@dataclass(frozen=True, slots=True)
class ScriptSetting:
    """One configured script. `markets` empty means every market; `properties` may hold secrets."""

    name: str
    file: Path
    type: str = "client_registration"
    level: int = 1
    enabled: bool = True
    properties: Mapping[str, str] = field(default_factory=dict, repr=False)
    markets: frozenset[str] = frozenset()
    #: The text itself, where it is at hand already.
    text: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class CustomScript:
    """What init is told of the script's own entry."""

    name: str
    type: str
    level: int

    def getName(self) -> str:
        """The script's configured name."""
        return self.name

    def getLevel(self) -> int:
        """Its level."""
        return self.level


@dataclass(frozen=True, slots=True, eq=False)
class LoadedScript:
    """A script whose init said True. `module` is its entry in sys.modules.

    `takes_context` names the methods that take one context, not the older three arguments.
    """

    setting: ScriptSetting
    kind: ScriptKind
    instance: ScriptType
    module: str
    takes_context: frozenset[str]

    def method(self, name: str) -> Callable[..., Any]:
        """One of the script's methods, bound."""
        method: Callable[..., Any] = getattr(self.instance, name)
        return method

    def unload(self) -> bool:
        """Call destroy; False when it did not say True."""
        sys.modules.pop(self.module, None)
        try:
            return self.method("destroy")(ConfigurationAttributes(self.setting.properties)) is True
        except BaseException:  # at shutdown a script's sys.exit is only one more way to fail
            return False


def load_script(setting: ScriptSetting, *, now: float) -> LoadedScript:
    """Compile, construct, check and initialise one script; `now` is epoch seconds.

    Nothing stands in for a script that does not load: Raises: Misconfigured, naming script, file and line.
    """
    kind = KINDS.get(setting.type)
    if kind is None:
        raise _fault(setting, f"there is no script type {setting.type!r}, only {', '.join(KINDS)}")
    if CERT_PROPERTY in setting.properties:
        raise _fault(setting, f"the property {CERT_PROPERTY} is made by the gateway for each call: take it out")
    module = _execute(setting, _compile(setting))
    try:
        instance = _construct(setting, kind, module, now)
        _check_methods(setting, kind, instance)
        _initialise(setting, instance)
    except BaseException:
        sys.modules.pop(module.__name__, None)
        raise
    takes_context = frozenset(name for name in kind.methods if accepts(getattr(instance, name), 1))
    return LoadedScript(setting, kind, instance, module.__name__, takes_context)


def fault_of(setting: ScriptSetting, doing: str, error: BaseException) -> Misconfigured:
    """What to say of an exception that a script raised: what, and where in the script. Its text stays in the cause."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(setting.file)]
    hint = " (a name the script never imported)" if isinstance(error, NameError) else ""
    return _fault(setting, f"{doing} raised {type(error).__name__}{hint}", frames[-1].lineno if frames else None)


def accepts(method: Callable[..., Any], count: int) -> bool:
    """Whether `method` can be called with `count` positional arguments."""
    try:
        inspect.signature(method).bind(*[None] * count)
    except TypeError:
        return False
    return True


def _compile(setting: ScriptSetting) -> CodeType:
    try:
        source = setting.file.read_bytes() if setting.text is None else setting.text.encode()
    except OSError as error:
        raise _fault(setting, f"the file cannot be read: {error.strerror}") from error
    try:
        code = compile(source, str(setting.file), "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        line, advice = syntax_fault(source, error)
        raise _fault(setting, advice, line) from error
    if found := import_fault(source):
        raise _fault(setting, found[1], found[0])
    return code


def _execute(setting: ScriptSetting, code: CodeType) -> ModuleType:
    module = ModuleType(f"dcrgw_script_{next(_LOADED)}_{setting.name}")
    module.__file__ = str(setting.file)
    # Registered, since dataclasses and pickle look a class's module up by its name.
    sys.modules[module.__name__] = module
    try:
        exec(code, module.__dict__)  # noqa: S102 - running the bank's own script is the purpose
    except BaseException as error:
        del sys.modules[module.__name__]
        raise fault_of(setting, "the file", error) from error
    return module


def _construct(setting: ScriptSetting, kind: ScriptKind, module: ModuleType, now: float) -> ScriptType:
    found = getattr(module, kind.class_name, None)
    if not inspect.isclass(found):
        raise _fault(setting, f"there is no class {kind.class_name}, which a {kind.id} script must have")
    if not issubclass(found, kind.base):
        advice = (
            f"class {kind.class_name}({kind.base.__name__}), from {kind.base.__module__} import {kind.base.__name__}"
        )
        raise _fault(setting, f"{kind.class_name} does not extend {kind.base.__name__}: write {advice}")
    try:
        return found(int(now * 1000))
    except BaseException as error:
        raise fault_of(setting, "the constructor", error) from error


def _check_methods(setting: ScriptSetting, kind: ScriptKind, instance: ScriptType) -> None:
    for name, counts in kind.methods.items():
        if getattr(type(instance), name) is getattr(kind.base, name):
            raise _fault(setting, f"{kind.class_name} lacks the method {name}")
        method = getattr(instance, name)
        if not callable(method):
            raise _fault(setting, f"{name} is not a method")
        if not any(accepts(method, count) for count in counts):
            wanted = " or ".join(map(str, counts))
            raise _fault(setting, f"{name} must take {wanted} arguments beside self", _line_of(method))
        if name in ("init", "destroy") and inspect.iscoroutinefunction(method):
            raise _fault(setting, f"{name} must be a plain def, not async", _line_of(method))


def _initialise(setting: ScriptSetting, instance: ScriptType) -> None:
    attributes = ConfigurationAttributes(setting.properties)
    try:
        version = instance.getApiVersion()
        if not isinstance(version, int) or isinstance(version, bool):
            raise _fault(setting, "getApiVersion must return a whole number", _line_of(instance.getApiVersion))
        short = version <= _LAST_VERSION_OF_SHORT_INIT
        arguments = (attributes,) if short else (CustomScript(setting.name, setting.type, setting.level), attributes)
        if not accepts(instance.init, len(arguments)):
            names = "configurationAttributes" if short else "customScript, configurationAttributes"
            raise _fault(setting, f"with getApiVersion {version}, init must take ({names})", _line_of(instance.init))
        answer = instance.init(*arguments)
    except Misconfigured:
        raise
    except BaseException as error:
        raise fault_of(setting, "init", error) from error
    if answer is not True:
        raise _fault(
            setting, f"init returned {answer!r:.40}, not True: are all its properties set?", _line_of(instance.init)
        )


def _line_of(method: Callable[..., Any]) -> int | None:
    code = getattr(inspect.unwrap(method), "__code__", None)
    return code.co_firstlineno if code else None


def _fault(setting: ScriptSetting, what: str, line: int | None = None) -> Misconfigured:
    place = f"{setting.file}, line {line}" if line else f"{setting.file}"
    return Misconfigured(f"script {setting.name} ({place}): {what}")
