"""The table of types and the base classes say the same, and every type loads, whoever calls it or nobody."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from scripting_builders import loaded

from dcrgw.core.scripts.types import LIFE, TYPES, ScriptType
from dcrgw.errors import Misconfigured
from dcrgw.scripting import types as base_classes
from dcrgw.scripting.bindings import bind
from dcrgw.scripting.loader import form_of

KINDS = list(TYPES.values())


def text_of(kind: ScriptType, *, mandatory_only: bool = False, form: int = 0) -> str:
    lines = [f"from dcrgw.scripting.types import {kind.base_name}", f"class {kind.class_name}({kind.base_name}):"]
    for method in (*LIFE, *kind.methods):
        if (method.mandatory or not mandatory_only) and method.name != "getApiVersion":
            arguments = ", ".join(("self", *method.forms[form if method.name != "init" else 0][:]))
            lines += [f"    def {method.name}({arguments}):", "        return True"]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.id)
def test_every_type_has_its_base_class_and_loads(kind: ScriptType, tmp_path: Path) -> None:
    assert kind.base_name in base_classes.__all__
    script = loaded(tmp_path, text_of(kind), type=kind.id)
    assert script.methods == {method.name for method in kind.methods}
    assert script.unload() is True


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.id)
def test_optional_methods_are_optional(kind: ScriptType, tmp_path: Path) -> None:
    script = loaded(tmp_path, text_of(kind, mandatory_only=True), type=kind.id)
    assert script.methods == {method.name for method in kind.methods if method.mandatory}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.id)
def test_each_mandatory_method_is_missed_by_name_and_line(kind: ScriptType, tmp_path: Path) -> None:
    for method in (*LIFE, *kind.methods):
        if method.mandatory:
            text = text_of(kind).replace(f"def {method.name}(", "def other(")
            with pytest.raises(Misconfigured, match=f"line \\d+\\): {kind.class_name} lacks the method {method.name}"):
                loaded(tmp_path, text, type=kind.id)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.id)
def test_every_form_of_every_method_is_recognised_and_bound(kind: ScriptType) -> None:
    for method in kind.methods:
        for form in method.forms:
            space: dict[str, object] = {}
            exec(f"def {method.name}({', '.join(form)}): pass", space)
            assert form_of(space[method.name], method.forms) == form  # type: ignore[arg-type]
            arguments = bind(kind.id, method.name, {}, {}).arguments(form)
            assert len(arguments) == len(form)


def test_base_classes_declare_nothing_that_the_table_does_not_know() -> None:
    for kind in KINDS:
        base = getattr(base_classes, kind.base_name)
        known = {method.name for method in (*LIFE, *kind.methods)}
        declared = {name for name, _ in inspect.getmembers(base, inspect.isfunction) if not name.startswith("_")}
        assert declared <= known
        assert not kind.has_caller or declared == known


def test_base_names_are_the_tables() -> None:
    assert {kind.base_name for kind in KINDS} | {"BaseScript"} == set(base_classes.__all__)
    assert list(TYPES) == [kind.id for kind in KINDS]


@pytest.mark.parametrize(
    ("version", "is_called"),
    [("", True), ("    def getApiVersion(self):\n        return 11\n", True)]
    + [(f"    def getApiVersion(self{more}):\n        return 12\n", True) for more in (", a", ", a, b")]
    + [("    def getApiVersion(self):\n        return 10\n", False)],
)
def test_method_is_called_from_the_version_that_it_came_with(version: str, is_called: bool, tmp_path: Path) -> None:
    text = text_of(TYPES["client_registration"]) + version
    if not is_called:
        text = text.replace("def init(self, customScript, configurationAttributes)", "def init(self, attributes)")
    script = loaded(tmp_path, text)
    assert ("modifyPostResponse" in script.methods) is is_called
    assert "createClient" in script.methods


@pytest.mark.parametrize("version", ["0", "-1", "True", "'11'", "None"])
def test_version_that_is_none_is_refused(version: str, tmp_path: Path) -> None:
    text = text_of(TYPES["client_registration"]) + f"    def getApiVersion(self):\n        return {version}\n"
    with pytest.raises(Misconfigured, match="getApiVersion"):
        loaded(tmp_path, text)


def test_form_is_told_by_names_where_two_have_as_many_arguments() -> None:
    method = TYPES["application_session"].method("endSession")
    assert method is not None
    assert form_of(lambda httpRequest, sessionState, configurationAttributes: None, method.forms) == method.forms[1]
    assert form_of(lambda a, b, c: None, method.forms) == method.forms[0]
    assert form_of(lambda *everything: None, method.forms) == method.forms[0]
    assert form_of(lambda a: None, method.forms) is None
