"""What a script prints and how it fails is told of the right call, and never with a hidden value, in both modes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from scripting_builders import body, call, entry, source

from dcrgw.core.scripts.entry import ScriptEntry, ScriptProperty
from dcrgw.scripting.calls import MethodCall, ScriptFailed
from dcrgw.scripting.facts import facts_of_call
from dcrgw.scripting.hiring import WorkerSettings
from dcrgw.scripting.host import ask_nothing
from dcrgw.scripting.runners import Runners
from dcrgw.scripting.veil import Veil

pytestmark = pytest.mark.asyncio(loop_scope="module")

PASSWORD = "correct horse\nbattery"
PROPERTIES = (ScriptProperty("keyStorePassword", "file:/run/secrets/p"), ScriptProperty("shown", "plain"))
VALUES = {"keyStorePassword": PASSWORD, "shown": "plain"}

TELLING = """
from dcrgw.scripting.types import ClientRegistrationType

class ClientRegistration(ClientRegistrationType):
    def init(self, customScript, configurationAttributes):
        self.password = configurationAttributes.get("keyStorePassword").getValue2()
        print("init", self.password)
        return True

    def createClient(self, context):
        print("call", self.password, repr(self.password), context.configuration_attributes.get("shown").getValue2())
        if context.market == "harm":
            raise ValueError(self.password)
        return True

    def updateClient(self, context):
        return True

    def destroy(self, configurationAttributes):
        return True
"""


class Told(Runners):
    """Runners whose events are kept."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        super().__init__(WorkerSettings(), lambda event, **fields: self.events.append({"event": event, **fields}))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def runners() -> AsyncIterator[Told]:
    runners = Told()
    yield runners
    await runners.close()


def asked(**facts: Any) -> MethodCall:
    return MethodCall("createClient", {**facts_of_call(call()), **facts}, "the-request")


@pytest.mark.parametrize("mode", ["worker", "inline"])
async def test_a_hidden_value_is_in_no_log_and_no_error(
    runners: Told, tmp_path: Path, mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    runners.events.clear()
    script = await runners.load(entry(tmp_path, TELLING, mode=mode, configuration_properties=PROPERTIES), VALUES)
    (printed,) = [each for each in runners.events if each["event"] == "script_printed"]
    assert (printed["method"], printed["text"]) == ("init", "init [redacted]\n")
    answer = await script.call(asked(), ask_nothing, 60.0)
    assert answer.printed == "call [redacted] '[redacted]' plain\n"
    with pytest.raises(ScriptFailed) as failed:
        await script.call(asked(market="harm"), ask_nothing, 60.0)
    assert failed.value.printed == answer.printed
    assert "ValueError: [redacted]" in failed.value.trace
    assert capsys.readouterr().out == "", "it stands in the gateway's own output"
    await script.close()


async def test_calls_beside_each_other_are_told_what_they_printed_themselves(runners: Told, tmp_path: Path) -> None:
    create = """
    async def createClient(self, context):
        import asyncio
        for _ in range(3):
            print(context.market)
            await asyncio.sleep(0)
        return True
    """
    script = await runners.load(entry(tmp_path, source(create), mode="inline"), {})
    answers = await asyncio.gather(*(script.call(asked(market=market), ask_nothing, 60.0) for market in ("a", "b")))
    assert [answer.printed for answer in answers] == ["a\na\na\n", "b\nb\nb\n"]
    await script.close()


async def test_an_inline_script_prints_no_more_than_a_worker(runners: Told, tmp_path: Path) -> None:
    script = await runners.load(entry(tmp_path, source(body("print('x' * 99_000)\nreturn True")), mode="inline"), {})
    for _ in range(2):
        assert len((await script.call(asked(), ask_nothing, 60.0)).printed) < 17_000
    await script.close()


async def test_what_is_too_short_to_be_a_secret_stays_readable() -> None:
    veil = Veil(
        ScriptEntry("i", "n", "t", "", configuration_properties=(ScriptProperty("password", "1"),)), {"password": "1"}
    )
    assert veil("line 1 of 11") == "line 1 of 11"
