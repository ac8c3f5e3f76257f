"""Every script that does not load is a sentence with script, file and line; nothing ever stands in for it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from scripting_builders import CREATE, NOW, SKELETON, UPDATE, body, call, entry, loaded, source

from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.errors import Misconfigured
from dcrgw.scripting.host import ScriptHost
from dcrgw.scripting.inline import InlineRunner


async def inline(entry: ScriptEntry) -> ScriptHost:
    host = ScriptHost(on_event=lambda *_args, **_fields: None)
    host.swap([await InlineRunner().load(entry, {})])
    return host


def refusal_of(folder: Path, text: str, **changes: object) -> str:
    with pytest.raises(Misconfigured) as refused:
        loaded(folder, text, **changes)
    return str(refused.value)


def test_script_loads_and_knows_when(tmp_path: Path) -> None:
    found = loaded(tmp_path, source())
    assert found.instance.currentTimeMillis == NOW * 1000
    assert found.unload() is True


def test_unknown_type_is_misconfigured(tmp_path: Path) -> None:
    assert "client_registration" in refusal_of(tmp_path, source(), type="registration")


@pytest.mark.parametrize("look", ['attributes.get("aud")', 'attributes["aud"]'])
def test_property_that_init_asked_for_in_vain_is_named(tmp_path: Path, look: str) -> None:
    init = f"def init(self, script, attributes):\n    {look}.getValue2()\n    return True\n"
    assert "not set: aud" in refusal_of(tmp_path, source(init + CREATE))
    loaded(tmp_path, source(init + CREATE), properties={"aud": "x"}).unload()


def test_looking_whether_a_property_is_there_asks_for_nothing(tmp_path: Path) -> None:
    init = 'def init(self, script, attributes):\n    return "aud" in attributes or attributes.containsKey("aud")\n'
    assert "not set" not in refusal_of(tmp_path, source(init + CREATE))


def test_cert_property_cannot_be_configured(tmp_path: Path) -> None:
    assert "certProperty" in refusal_of(tmp_path, source(), properties={"certProperty": "x"})


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("x = 1\n\ndef f():\n    print 'hello'\n", 4, "print("),
        ('\n\nprint\t"hello" % x\n', 3, "print("),
        ("from org.gluu.oxauth.security import Identity\n", 1, "org.gluu"),
        ("import java\n", 1, "java"),
        ("x = 1\nfrom java.util import Arrays\n", 2, "java.util"),
        ("x = 1\nfrom io.jans.service.cdi.util import CdiUtil\n", 2, "io.jans"),
        ("x = 1\nfrom io.jans.as.model.util import CertUtils\n", 2, "io.jans.as"),
        ("def f(:\n", 1, "Python 3"),
        ("def f():\n    if True:\n\tx = 1\n        y = 2\n", 3, "Python 3"),
    ],
)
def test_script_of_the_jython_era_is_refused_with_its_line(tmp_path: Path, text: str, line: int, word: str) -> None:
    said = refusal_of(tmp_path, text)
    assert f"script.py, line {line})" in said
    assert word in said


def test_every_java_import_is_named_at_once(tmp_path: Path) -> None:
    said = refusal_of(tmp_path, "from java.util import A\nfrom io.jans.as.x import B\nprint 'x'\n")
    assert "line 1)" in said
    assert "line 2:" in said
    assert "line 3:" in said


def test_imports_of_python_itself_are_not_taken_for_java(tmp_path: Path) -> None:
    text = "import io, json\nfrom javascript_like import x\n"
    assert "Java" not in refusal_of(tmp_path, text)
    assert loaded(tmp_path, "import io\n'''\nfrom java.util import X\n'''\n" + source())


def test_null_byte_is_refused(tmp_path: Path) -> None:
    assert "script" in refusal_of(tmp_path, "x = 1\0\n")


@pytest.mark.parametrize("text", ["x = 1\n", "ClientRegistration = 5\n", "class Other: pass\n"])
def test_missing_class_is_refused(tmp_path: Path, text: str) -> None:
    assert "ClientRegistration" in refusal_of(tmp_path, text)


def test_class_without_its_base_is_refused(tmp_path: Path) -> None:
    assert "ClientRegistrationType" in refusal_of(tmp_path, "class ClientRegistration:\n    pass\n")


def test_forgotten_import_of_the_base_is_refused_with_its_line(tmp_path: Path) -> None:
    said = refusal_of(tmp_path, "x = 1\nclass ClientRegistration(ClientRegistrationType):\n    pass\n")
    assert "line 2)" in said
    assert "NameError" in said


@pytest.mark.parametrize(("create", "update", "lacks"), [("", UPDATE, "createClient"), (CREATE, "", "updateClient")])
def test_missing_method_is_refused(tmp_path: Path, create: str, update: str, lacks: str) -> None:
    assert lacks in refusal_of(tmp_path, source(create, update))


@pytest.mark.parametrize("arguments", ["self", "self, a, b", "self, a, b, c, d", "self, a, *, b"])
def test_wrong_arity_is_refused_with_its_line(tmp_path: Path, arguments: str) -> None:
    said = refusal_of(tmp_path, source(f"def createClient({arguments}):\n    return True\n"))
    assert "createClient" in said
    assert "line 9)" in said


@pytest.mark.parametrize("answer", ["False", "None", "1", "'true'"])
def test_init_that_does_not_say_true_is_refused_and_nothing_stands_in(tmp_path: Path, answer: str) -> None:
    before = set(sys.modules)
    assert "init" in refusal_of(tmp_path, source().replace("return True", f"return {answer}", 1))
    assert set(sys.modules) == before


@pytest.mark.parametrize("statement", ["raise KeyError('s3cret')", "raise SystemExit(3)", "undefined_name"])
def test_init_that_raises_is_refused_with_its_line_and_without_its_words(tmp_path: Path, statement: str) -> None:
    said = refusal_of(tmp_path, source().replace("return True", statement, 1))
    assert "init" in said
    assert "line 6)" in said
    assert "s3cret" not in said


@pytest.mark.parametrize("statement", ["raise ValueError('x')", "import sys; sys.exit()", "1 / 0"])
def test_file_that_raises_is_refused(tmp_path: Path, statement: str) -> None:
    assert "line 1)" in refusal_of(tmp_path, statement)


def test_async_init_is_refused(tmp_path: Path) -> None:
    assert "async" in refusal_of(tmp_path, source().replace("def init", "async def init"))


def version(number: object) -> str:
    return f"def getApiVersion(self):\n    return {number}\n"


def test_init_takes_one_argument_up_to_version_ten(tmp_path: Path) -> None:
    text = source(CREATE + version(1)).replace(
        "self, customScript, configurationAttributes", "self, configurationAttributes"
    )
    assert loaded(tmp_path, text)
    assert "init" in refusal_of(tmp_path, source(CREATE + version(10)))
    assert "init" in refusal_of(tmp_path, text.replace("return 1\n", "return 11\n"))


@pytest.mark.parametrize("number", ["'11'", "None", "True", "1.5"])
def test_version_that_is_no_number_is_refused(tmp_path: Path, number: str) -> None:
    assert "getApiVersion" in refusal_of(tmp_path, source(CREATE + version(number)))


def test_init_is_told_its_entry_and_its_properties(tmp_path: Path) -> None:
    text = SKELETON.replace(
        "return True",
        "self.seen = (customScript.getName(), customScript.getLevel(), configurationAttributes.containsKey('a'),"
        " configurationAttributes.get('a').getValue2(), configurationAttributes.get('b'),"
        " configurationAttributes.containsKey('certProperty'))\n        return True",
        1,
    ).format(methods="    def createClient(self, c): return True\n    def updateClient(self, c): return True")
    found = loaded(tmp_path, text, level=7, properties={"a": "1"})
    assert found.instance.seen == ("script", 7, True, "1", None, False)


def test_properties_are_not_shown(tmp_path: Path) -> None:
    assert "s3cret" not in repr(loaded(tmp_path, source(), properties={"password": "s3cret"}))


async def test_dataclass_in_a_script_works(tmp_path: Path) -> None:
    text = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Limit:\n    most: int\n"
        + source(body("context.client.attributes['limit'] = Limit(3).most\nreturn True")).replace("\nfrom", "from", 1)
    )
    host = await inline(entry(tmp_path, text))
    assert (await host.create_client(call())).attributes == {"limit": 3}


@pytest.mark.parametrize("statement", ["return False", "return None", "raise ValueError", "raise SystemExit"])
def test_a_destroy_that_does_not_go_well_is_told(tmp_path: Path, statement: str) -> None:
    first, rest = source().split("def destroy", 1)
    bad = first + "def destroy" + rest.replace("return True", statement, 1)
    assert not loaded(tmp_path, bad, "bad").unload()
    assert loaded(tmp_path, source(), name="good").unload()
