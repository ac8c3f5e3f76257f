"""The class skeletons of the documents that this gateway succeeds load here, ported in imports and prints only."""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from textwrap import dedent, indent

import pytest
from scripting_builders import call, certificate, entry, identity, loaded

from dcrgw.errors import Misconfigured
from dcrgw.scripting.bindings import bind
from dcrgw.scripting.host import ScriptHost

_CORPORA = Path(os.environ.get("DCRGW_CORPORA") or Path(__file__).resolve().parents[3] / "shared" / "corpora")
_PRINT = re.compile(r"^(\s*)print (.*)$", re.MULTILINE)


def seed(number: str) -> str:
    found = sorted((_CORPORA.parent / "seeds").glob(f"{number}_*.txt"))
    if not found:
        pytest.skip("the documents are not at hand")
    return found[0].read_text(encoding="utf-8") + "\n"


def cut(text: str, start: str, end: str) -> str:
    """The lines from the first that begins with `start` up to the first after it that begins with `end`, that too."""
    begin = text.index(start)
    begin = text.rindex("\n", 0, begin) + 1
    stop = text.index(end, begin)
    return dedent(text[begin : text.find("\n", stop) + 1])


def ported(text: str) -> str:
    return _PRINT.sub(r"\1print(\2)", text)


def registration() -> str:
    text = seed("001")
    lines = cut(text, "class ClientRegistration(", 'print "Client registration. Destroyed').splitlines()
    # The page lost the indentation of three lines.
    mended, inside = [], False
    for line in lines:
        if "if (not" in line:
            inside = True
        elif inside and "self.param" in line:
            line, inside = " " * 8 + line.strip(), False
        elif inside:
            line = " " * 12 + line.strip()
        mended.append(line)
    methods = [
        cut(text, "def getSoftwareStatementJwks", "    return JwtUtil"),
        cut(text, "def getDcrHmacSecret", "    return"),
        cut(text, "def getDcrJwks", "    return JwtUtil"),
        cut(text, "def   updateClient", "     return True"),
        "def createClient(self, context):\n    return True\n",
    ]
    head = "from dcrgw.scripting.types import ClientRegistrationType\n"
    body = "\n".join([*mended, "        return True", *(indent(method, "    ") for method in methods)])
    return ported(head + body + "\n")


@pytest.mark.asyncio(loop_scope="module")
async def test_registration_skeleton_loads_and_registers(
    hosted: Callable[..., Awaitable[ScriptHost]], tmp_path: Path
) -> None:
    script = loaded(tmp_path, registration(), properties={"param": "x"})
    assert script.instance.param == "x"  # type: ignore[attr-defined]
    assert {"createClient", "updateClient", "getSoftwareStatementJwks", "getDcrHmacSecret"} <= script.methods
    host = await hosted(entry(tmp_path, registration()), properties={"param": "x"})
    assert (await host.create_client(call(identity=identity("a"), certificate=certificate("a")))).refusal is None
    assert (await host.update_client(call())).refusal is None
    with pytest.raises(Misconfigured):
        loaded(tmp_path, registration())


def test_its_jython_is_refused_by_line(tmp_path: Path) -> None:
    text = registration().replace("print(", "print ").replace('")\n', '"\n')
    with pytest.raises(Misconfigured, match="print statement"):
        loaded(tmp_path, text, properties={"param": "x"})


def skeleton_of(base: str, name: str, method: str) -> str:
    life = (
        "    def init(self, customScript, configurationAttributes):\n        return True\n"
        "    def destroy(self, configurationAttributes):\n        return True\n"
    )
    return f"from dcrgw.scripting.types import {base}\nclass {name}({base}):\n{life}{indent(method, '    ')}"


def test_introspection_skeleton_changes_the_answer(tmp_path: Path) -> None:
    method = cut(seed("000"), "    def modifyResponse(self, responseAsJsonObject, context):", "        return True")
    script = loaded(tmp_path, skeleton_of("IntrospectionType", "Introspection", method), type="introspection")
    facts = {"response": {"active": True}}
    bound = bind("introspection", "modifyResponse", facts, {})
    assert script.method("modifyResponse")(*bound.arguments(script.forms["modifyResponse"])) is True
    assert bound.changes() == {"response": {"active": True, "key_from_script": "value_from_script"}}
    assert facts == {"response": {"active": True}}


@pytest.mark.parametrize(("device", "answer"), [("device_id_1", True), ("device_id_2", False)])
def test_password_skeleton_reads_the_request(device: str, answer: bool, tmp_path: Path) -> None:
    method = cut(seed("000"), "    def authenticate(self, context):", "        return False")
    kind = "resource_owner_password_credentials"
    text = skeleton_of("ResourceOwnerPasswordCredentialsType", "ResourceOwnerPasswordCredentials", method)
    script = loaded(tmp_path, text, type=kind)
    bound = bind(kind, "authenticate", {"http": {"parameters": {"device_id": [device]}}}, {})
    assert script.method("authenticate")(*bound.arguments(("context",))) is answer


def test_java_skeleton_is_refused_by_name_and_line(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"line \d+\): this is a Java script"):
        loaded(tmp_path, seed("002").partition("Script Type: Java#")[2], type="authz_detail")


def test_detail_skeleton_reads_as_in_java(tmp_path: Path) -> None:
    text = seed("002")
    assert 'context.getAuthzDetail().getJsonObject().optString("ui_representation")' in text
    method = (
        "def validateDetail(self, context):\n    return context.getAuthzDetail() is not None\n"
        "def getUiRepresentation(self, context):\n"
        '    return context.getAuthzDetail().getJsonObject().optString("ui_representation")\n'
    )
    script = loaded(tmp_path, skeleton_of("AuthzDetailType", "AuthzDetail", method), type="authz_detail")
    bound = bind("authz_detail", "getUiRepresentation", {"detail": {"type": "t", "ui_representation": "words"}}, {})
    assert script.method("getUiRepresentation")(*bound.arguments(("context",))) == "words"


@pytest.mark.parametrize("name", ["getPageForStep", "prepareForStep"])
def test_steps_of_the_authentication_page_are_known_forms(name: str, tmp_path: Path) -> None:
    assert f"def {name}(self, step, context):" in seed("003")
    others = "".join(
        f"def {each}: return True\n"
        for each in (
            "isValidAuthenticationMethod(self, usageType, configurationAttributes)",
            "getAlternativeAuthenticationMethod(self, usageType, configurationAttributes)",
            "authenticate(self, configurationAttributes, requestParameters, step)",
            "getCountAuthenticationSteps(self, configurationAttributes)",
            "getPageForStep(self, step, context)",
            "prepareForStep(self, step, context)",
        )
    )
    text = skeleton_of("PersonAuthenticationType", "PersonAuthentication", others)
    assert loaded(tmp_path, text, type="person_authentication").forms[name] == ("step", "context")
