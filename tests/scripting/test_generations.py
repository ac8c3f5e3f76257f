"""Generations of scripts: swapping, what is missing, what a row hands on, and what is kept of failures."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from scripting_builders import body, call, script

from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.core.strict_json import JsonValue
from dcrgw.errors import Misconfigured, Rejected, Unavailable
from dcrgw.ports.scripts import Capability
from dcrgw.scripting.calls import MethodAnswer, MethodCall, ScriptFailed
from dcrgw.scripting.host import ScriptHost
from dcrgw.scripting.runners import Runners

pytestmark = pytest.mark.asyncio(loop_scope="module")

Hosted = Callable[..., Awaitable[ScriptHost]]


@dataclass(eq=False)
class FakeScript:
    """A loaded script whose calls the test ends."""

    entry: ScriptEntry
    answer: MethodAnswer = field(default_factory=lambda: MethodAnswer(True))
    methods: frozenset[str] = frozenset({"createClient", "updateClient"})
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    closed: bool = False
    told: list[Mapping[str, JsonValue]] = field(default_factory=list)

    async def call(self, made: MethodCall, ask: Capability, deadline_s: float) -> MethodAnswer:
        assert not self.closed
        self.told.append(made.facts)
        self.entered.set()
        await self.go_on.wait()
        return self.answer

    async def close(self) -> bool:
        self.closed = True
        return True


def fake(name: str = "s", level: int = 1, answer: MethodAnswer = MethodAnswer(True), waits: bool = False) -> FakeScript:  # noqa: B008
    made = FakeScript(ScriptEntry(name, name, "client_registration", "", level=level), answer)
    if not waits:
        made.go_on.set()
    return made


def host_of(*scripts: FakeScript, missing: Sequence[ScriptEntry] = ()) -> tuple[ScriptHost, list[tuple[str, Any]]]:
    events: list[tuple[str, Any]] = []
    host = ScriptHost(on_event=lambda event, **fields: events.append((event, fields)), now=lambda: 7.0)
    host.swap(scripts, missing)
    return host, events


async def test_a_call_under_way_ends_on_the_generation_that_it_began_with() -> None:
    old, new = fake("old", waits=True), fake("new")
    host, events = host_of(old)
    async with asyncio.TaskGroup() as group:
        under_way = group.create_task(host.create_client(call()))
        await old.entered.wait()
        host.swap([new])
        assert (await host.create_client(call())).ran == ("new",)
        assert not old.closed
        old.go_on.set()
    assert under_way.result().ran == ("old",)
    await host.close()
    assert old.closed
    assert [fields["script"] for event, fields in events if event == "script_put_away"] == ["old", "new"]


async def test_a_row_stays_whole_for_the_request_that_is_in_it() -> None:
    first, second = fake("first", level=9, waits=True), fake("second")
    host, _ = host_of(first, second)
    async with asyncio.TaskGroup() as group:
        under_way = group.create_task(host.create_client(call()))
        await first.entered.wait()
        host.swap([])
        first.go_on.set()
    assert under_way.result().ran == ("first", "second")
    await host.close()
    assert second.closed


async def test_what_serves_already_keeps_its_generation() -> None:
    kept, gone = fake("kept"), fake("gone")
    host, _ = host_of(kept, gone)
    assert host.swap([kept, fake("new")]) == 2
    assert [host.generation_of(name) for name in ("kept", "new", "gone")] == [1, 2, None]
    await host.close()
    assert gone.closed


async def test_what_should_serve_and_does_not_is_unavailable_where_it_is_needed() -> None:
    entry = ScriptEntry("x", "broken", "client_registration", "", markets=("uk",))
    host, _ = host_of(fake(), missing=[entry])
    with pytest.raises(Unavailable):
        await host.create_client(call())
    assert (await host.create_client(call(market="br"))).ran == ("s",)
    host.swap([fake()], [replace(entry, enabled=False)])
    assert (await host.create_client(call())).ran == ("s",)
    await host.close()


FORGED = {
    "another's certificate": MethodAnswer(True, {"identity": {"common_name": "other"}}),
    "a statement": MethodAnswer(True, {"statement": {"verified": True}}),
    "a number for an id": MethodAnswer(True, {"client_id": 5}),
    "a list for metadata": MethodAnswer(True, {"metadata": []}),
    "a text for attributes": MethodAnswer(True, {"attributes": "x"}),
    "a refusal with a 200": MethodAnswer(True, refusal={"status": 200}),
    "a refusal with a 500": MethodAnswer(True, refusal={"status": 500}),
    "a refusal with no number": MethodAnswer(True, refusal={"status": True}),
    "a refusal with a strange code": MethodAnswer(False, refusal={"status": 400, "error": "no_such_code"}),
    "a refusal of lists": MethodAnswer(False, refusal={"status": 400, "description": ["x"]}),
    "a true text": MethodAnswer("true"),
    "a one": MethodAnswer(1),
    "nothing": MethodAnswer(None),
}


@pytest.mark.parametrize("answer", FORGED.values(), ids=FORGED)
async def test_an_answer_of_another_form_is_the_banks_fault_and_the_next_script_is_not_asked(
    answer: MethodAnswer,
) -> None:
    second = fake("second")
    host, _ = host_of(fake("first", level=9, answer=answer), second)
    with pytest.raises(Misconfigured, match="generation 1"):
        await host.create_client(call())
    assert second.told == []
    assert len(host.errors()) == 1
    await host.close()


async def test_the_description_of_a_refusal_is_made_fit_for_the_wire() -> None:
    refusal = {"status": 403, "error": "invalid_redirect_uri", "description": 'a\r\n"b"'}
    host, _ = host_of(fake(answer=MethodAnswer(True, refusal=refusal)))
    outcome = await host.create_client(call())
    assert outcome.refusal is not None
    assert (outcome.refusal.status, outcome.refusal.description) == (403, "a???b?")
    await host.close()


async def test_a_failure_is_kept_with_request_and_generation_and_told(hosted: Hosted, tmp_path: Path) -> None:
    events = []
    text = "print('password=s3cret before')\nraise ValueError('password=s3cret')"
    host = await hosted(
        script(tmp_path, body(text)),
        on_event=lambda event, **fields: events.append((event, fields)),
        redact=lambda text: text.replace("s3cret", "[redacted]"),
        now=lambda: 7.0,
    )
    with pytest.raises(Misconfigured):
        await host.create_client(call(report_id="r-1", interaction_id="i-1"))
    (failure,) = host.errors("script")
    assert (failure.at, failure.generation, failure.report_id, failure.interaction_id) == (7.0, 1, "r-1", "i-1")
    assert (failure.method, host.errors("other")) == ("createClient", ())
    assert "ValueError" in failure.trace
    told = dict(events)
    assert told["script_failed"]["interaction_id"] == told["script_printed"]["interaction_id"] == "i-1"
    assert told["script_printed"]["text"] == "password=[redacted] before"
    assert "s3cret" not in failure.trace + failure.what + repr(events)


async def test_only_the_last_failures_are_kept(hosted: Hosted, tmp_path: Path) -> None:
    host = await hosted(script(tmp_path, body("raise ValueError")))
    for n in range(25):
        with pytest.raises(Misconfigured):
            await host.create_client(call(report_id=str(n)))
    assert [failure.report_id for failure in host.errors()] == [str(n) for n in range(24, 4, -1)]


STANDING: dict[str, Any] = {
    "found": True,
    "software_id": "software-1",
    "org_id": "org-1",
    "organisation_active": True,
    "software_active": True,
    "software_roles": ["AISP"],
    "authorisations": None,
    "observed_at": 1.0,
    "source": "x",
}
ASKING = """
    standing = {wait}context.directory.standing()
    context.client.attributes["roles"] = sorted(standing.software_roles)
    return standing.is_good
"""
WAYS = {"def": ("def", ""), "async def": ("async def", "await ")}


def asking(way: str, text: str = ASKING) -> str:
    keyword, wait = WAYS[way]
    return f"{keyword} createClient(self, context):\n{text.format(wait=wait)}\n"


@pytest.mark.parametrize("way", WAYS)
async def test_a_script_asks_the_directory(hosted: Hosted, tmp_path: Path, way: str) -> None:
    asked = []

    async def ask(name: str, arguments: Sequence[JsonValue]) -> JsonValue:
        asked.append((name, list(arguments)))
        await asyncio.sleep(0)
        return STANDING

    host = await hosted(script(tmp_path, asking(way)))
    outcome = await host.create_client(call(), ask)
    assert outcome.attributes == {"roles": ["AISP"]}
    assert asked == [("directory.standing", ["ob", "software-1", "org-1"])]


@pytest.mark.parametrize("way", WAYS)
async def test_a_question_without_an_answer_fails_the_request_as_the_gateway_would(
    hosted: Hosted, tmp_path: Path, way: str
) -> None:
    async def ask(name: str, arguments: Sequence[JsonValue]) -> JsonValue:
        raise Unavailable("directory ob", "does not answer")

    host = await hosted(script(tmp_path, asking(way)))
    with pytest.raises(Unavailable, match="directory ob"):
        await host.create_client(call(), ask)


@pytest.mark.parametrize("way", WAYS)
async def test_a_script_may_catch_that_there_is_no_answer(hosted: Hosted, tmp_path: Path, way: str) -> None:
    async def ask(name: str, arguments: Sequence[JsonValue]) -> JsonValue:
        raise Unavailable("directory ob", "does not answer")

    text = """
    from dcrgw.scripting.contexts import CapabilityFailed
    try:
        {wait}context.directory.standing()
    except CapabilityFailed:
        return False
"""
    host = await hosted(script(tmp_path, asking(way, text)))
    assert (await host.create_client(call(), ask)).refusal is not None


@pytest.mark.parametrize("failure", [ValueError("no such host"), Rejected.__new__(Rejected)])
async def test_a_question_that_may_not_be_put_is_the_scripts_fault(
    hosted: Hosted, tmp_path: Path, failure: Exception
) -> None:
    async def ask(name: str, arguments: Sequence[JsonValue]) -> JsonValue:
        raise failure

    host = await hosted(script(tmp_path, body("context.http.get('https://x.example/')\nreturn True")))
    with pytest.raises(Misconfigured):
        await host.create_client(call(), ask)


async def test_a_call_may_put_so_many_questions_and_no_more(hosted: Hosted, tmp_path: Path) -> None:
    asked = []

    async def ask(name: str, arguments: Sequence[JsonValue]) -> JsonValue:
        asked.append(name)
        return STANDING

    text = "while True:\n    context.directory.standing()"
    host = await hosted(script(tmp_path, body(text)))
    with pytest.raises(Misconfigured):
        await host.create_client(call(), ask)
    assert len(asked) == 16


async def test_questions_wait_within_the_calls_deadline(runners: Runners, tmp_path: Path) -> None:
    async def ask(name: str, arguments: Sequence[JsonValue]) -> JsonValue:
        await asyncio.Event().wait()
        raise AssertionError

    loaded = await runners.load(script(tmp_path, asking("def")), {})
    host = ScriptHost(on_event=lambda *_a, **_f: None, deadline_s=0.3)
    host.swap([loaded])
    with pytest.raises(Misconfigured, match=r"0\.3 s"):
        await host.create_client(call(), ask)
    await host.close()


async def test_a_failed_call_is_told_apart_from_a_refusal() -> None:
    @dataclass(eq=False)
    class Failing(FakeScript):
        async def call(self, made: MethodCall, ask: Capability, deadline_s: float) -> MethodAnswer:
            raise ScriptFailed("script s: died")

    host, _ = host_of(Failing(ScriptEntry("s", "s", "client_registration", "")))
    with pytest.raises(Misconfigured, match="died"):
        await host.create_client(call())
    await host.close()
