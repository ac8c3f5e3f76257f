"""From a script's entry to an instance that is ready to be called, or a sentence that says what to mend and where."""

from __future__ import annotations

import inspect
import linecache
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from types import CodeType, ModuleType
from typing import Any

from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.core.scripts.types import LIFE, TYPES, Form, Method, ScriptType
from dcrgw.errors import Misconfigured
from dcrgw.scripting import types as base_classes
from dcrgw.scripting.porting import import_fault, syntax_fault
from dcrgw.scripting.properties import CERT_PROPERTY, ConfigurationAttributes
from dcrgw.scripting.script_context import CustomScript

#: Above this version a script's init takes (customScript, configurationAttributes).
_LAST_VERSION_OF_SHORT_INIT = 10

#: Methods that are called once, outside every request: there is nobody to await them.
_OF_LIFE = frozenset(method.name for method in LIFE)

#: A property name that may be told.
_TELLABLE = re.compile(r"[A-Za-z0-9_\-:/.]{1,60}")

#: Numbers the modules, so that a script may be loaded anew while its older generation still serves.
_LOADED = count(1)


@dataclass(frozen=True, slots=True, eq=False)
class LoadedScript:
    """A script whose init said True. `module` is its entry in sys.modules.

    `forms` says of each method that the gateway may call, in which of its forms it is written: the author wrote it,
    and `api_version` is not below the one that the method came with.
    """

    entry: ScriptEntry
    type: ScriptType
    instance: base_classes.BaseScript
    module: str
    api_version: int
    forms: Mapping[str, Form]
    properties: Mapping[str, str] = field(repr=False)

    @property
    def methods(self) -> frozenset[str]:
        """The names of the methods that may be called, beside those of every script's life."""
        return frozenset(self.forms)

    @property
    def custom_script(self) -> CustomScript:
        """The entry as the script may see it."""
        return custom_script(self.entry)

    def method(self, name: str) -> Callable[..., Any]:
        """One of the script's methods, bound."""
        method: Callable[..., Any] = getattr(self.instance, name)
        return method

    def unload(self) -> bool:
        """Call destroy; False when it did not say True."""
        sys.modules.pop(self.module, None)
        try:
            return self.method("destroy")(ConfigurationAttributes(self.properties)) is True
        except BaseException:  # at shutdown a script's sys.exit is only one more way to fail
            return False


def load(entry: ScriptEntry, properties: Mapping[str, str], *, now: float) -> LoadedScript:
    """Compile, construct, check and initialise one script; `now` is epoch seconds, `properties` its resolved values.

    Nothing stands in for a script that does not load: Raises: Misconfigured, naming script, file and line.
    """
    kind = TYPES.get(entry.type)
    if kind is None:
        raise _fault(entry, f"there is no script type {entry.type!r}, only {', '.join(TYPES)}")
    if CERT_PROPERTY in properties:
        raise _fault(entry, f"the property {CERT_PROPERTY} is made by the gateway for each call: take it out")
    module = _execute(entry, _compile(entry))
    try:
        instance = _construct(entry, kind, module, now)
        written = _written(entry, kind, instance)
        version = _initialise(entry, instance, properties)
    except BaseException:
        sys.modules.pop(module.__name__, None)
        raise
    forms = {method.name: form for method, form in written.items() if version >= method.since}
    return LoadedScript(entry, kind, instance, module.__name__, version, forms, dict(properties))


def fault_of(entry: ScriptEntry, doing: str, error: BaseException, hint: str = "") -> Misconfigured:
    """What to say of an exception that a script raised: what, and where in the script. Its text stays in the cause."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == entry.source_name]
    hint = " (a name the script never imported)" if isinstance(error, NameError) else hint
    return _fault(entry, f"{doing} raised {type(error).__name__}{hint}", frames[-1].lineno if frames else None)


def custom_script(entry: ScriptEntry) -> CustomScript:
    """An entry as its own script may see it."""
    return CustomScript(entry.name, entry.type, entry.level, entry.inum, entry.revision, entry.description)


def accepts(method: Callable[..., Any], count: int) -> bool:
    """Whether `method` can be called with `count` positional arguments."""
    try:
        inspect.signature(method).bind(*[None] * count)
    except TypeError:
        return False
    return True


def form_of(method: Callable[..., Any], forms: tuple[Form, ...]) -> Form | None:
    """The form that a method is written in: by the number of its arguments, and by their names where that leaves two.

    None where it takes none of them.
    """
    fitting = [form for form in forms if accepts(method, len(form))]
    names = tuple(inspect.signature(method).parameters) if fitting else ()
    return next((form for form in fitting if form == names), fitting[0] if fitting else None)


def _compile(entry: ScriptEntry) -> CodeType:
    source = entry.text.encode("utf-8", "replace")
    try:
        # The text and not its bytes: it is UTF-8 by now, whatever encoding its first line declares.
        code = compile(entry.text, entry.source_name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line, advice = syntax_fault(source, error)
        raise _fault(entry, advice, line) from error
    if found := import_fault(source):
        raise _fault(entry, found[1], found[0])
    return code


def _execute(entry: ScriptEntry, code: CodeType) -> ModuleType:
    module = ModuleType(f"dcrgw_script_{next(_LOADED)}_{entry.name}")
    module.__file__ = entry.source_name
    # Registered, since dataclasses and pickle look a class's module up by its name.
    sys.modules[module.__name__] = module
    # A traceback shows the lines that run, not those that the file may hold by then.
    lines = entry.text.splitlines(keepends=True)
    linecache.cache[entry.source_name] = (len(entry.text), None, lines, entry.source_name)
    try:
        exec(code, module.__dict__)  # noqa: S102 - running the bank's own script is the purpose
    except BaseException as error:
        del sys.modules[module.__name__]
        raise fault_of(entry, "the file", error) from error
    return module


def _construct(entry: ScriptEntry, kind: ScriptType, module: ModuleType, now: float) -> base_classes.BaseScript:
    found = getattr(module, kind.class_name, None)
    if not inspect.isclass(found):
        raise _fault(entry, f"there is no class {kind.class_name}, which a script of the type {kind.id} must have")
    base = _base(kind)
    if not issubclass(found, base):
        advice = f"class {kind.class_name}({base.__name__}), from {base_classes.__name__} import {base.__name__}"
        raise _fault(entry, f"{kind.class_name} does not extend {base.__name__}: write {advice}", _line_of(found))
    try:
        instance: base_classes.BaseScript = found(int(now * 1000))
    except BaseException as error:
        raise fault_of(entry, "the constructor", error) from error
    return instance


def _base(kind: ScriptType) -> type[base_classes.BaseScript]:
    base: type[base_classes.BaseScript] = getattr(base_classes, kind.base_name)
    return base


def _written(entry: ScriptEntry, kind: ScriptType, instance: base_classes.BaseScript) -> dict[Method, Form]:
    """The methods that the author wrote, beside those of every script's life, each with its form."""
    base, own = _base(kind), type(instance)
    written: dict[Method, Form] = {}
    for wanted in (*LIFE, *kind.methods):
        name = wanted.name
        if getattr(own, name, None) is getattr(base, name, None):
            if wanted.mandatory:
                arguments = ", ".join(("self", *wanted.forms[0]))
                advice = f"{kind.class_name} lacks the method {name}: write def {name}({arguments})"
                raise _fault(entry, advice, _line_of(own))
            continue
        form = _form(entry, wanted, getattr(instance, name))
        if name not in _OF_LIFE:
            written[wanted] = form
    return written


def _form(entry: ScriptEntry, wanted: Method, method: Any) -> Form:
    if not callable(method):
        raise _fault(entry, f"{wanted.name} is not a method")
    form = form_of(method, wanted.forms)
    if form is None:
        lists = " or ".join(f"({', '.join(form)})" for form in wanted.forms)
        raise _fault(entry, f"{wanted.name} must take {lists} beside self", _line_of(method))
    if wanted.name in _OF_LIFE and inspect.iscoroutinefunction(method):
        raise _fault(entry, f"{wanted.name} must be a plain def, not async", _line_of(method))
    return form


def _initialise(entry: ScriptEntry, instance: base_classes.BaseScript, properties: Mapping[str, str]) -> int:
    """Call getApiVersion and init; the version."""
    attributes = ConfigurationAttributes(properties)
    script = custom_script(entry)
    try:
        version = _api_version(entry, instance, attributes, script)
        short = version <= _LAST_VERSION_OF_SHORT_INIT
        arguments = (attributes,) if short else (script, attributes)
        if not accepts(instance.init, len(arguments)):
            names = "configurationAttributes" if short else "customScript, configurationAttributes"
            raise _fault(entry, f"with getApiVersion {version}, init must take ({names})", _line_of(instance.init))
        answer = instance.init(*arguments)
    except Misconfigured:
        raise
    except BaseException as error:
        raise fault_of(entry, "init", error, hint=_unset(attributes)) from error
    if answer is not True:
        kind = answer if answer is None or answer is False else type(answer).__name__
        advice = _unset(attributes) or ": does it end with return True?"
        raise _fault(entry, f"init returned {kind}, not True{advice}", _line_of(instance.init))
    return version


def _unset(attributes: ConfigurationAttributes) -> str:
    """The properties that init asked for in vain: the usual reason of its failing."""
    values = {each.value2 for each in attributes.values()}  # a name made of a value may be a secret
    names = [name for name in attributes.missed if _TELLABLE.fullmatch(name) and name not in values]
    return f": it asked for properties that are not set: {', '.join(names[:10])}" if names else ""


def _api_version(
    entry: ScriptEntry, instance: base_classes.BaseScript, attributes: ConfigurationAttributes, script: CustomScript
) -> int:
    wanted = next(method for method in LIFE if method.name == "getApiVersion")
    form = _form(entry, wanted, instance.getApiVersion)
    known = {"configurationAttributes": attributes, "customScript": script}
    version = instance.getApiVersion(*[known[name] for name in form])
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise _fault(entry, "getApiVersion must return a whole number from 1", _line_of(instance.getApiVersion))
    return version


def _line_of(found: Any) -> int | None:
    """Where a method, or a class by the first method that is written in it, begins."""
    if inspect.isclass(found):
        lines = [_line_of(one) for one in vars(found).values() if inspect.isfunction(one)]
        return min((line for line in lines if line is not None), default=None)
    code = getattr(inspect.unwrap(found), "__code__", None)
    return code.co_firstlineno if code else None


def _fault(entry: ScriptEntry, what: str, line: int | None = None) -> Misconfigured:
    place = f"{entry.source_name}, line {line}" if line else entry.source_name
    return Misconfigured(f"script {entry.name} ({place}): {what}")
