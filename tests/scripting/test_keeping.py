"""What serves follows what is configured: a change is tried, then swapped in, or the last good one serves on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from scripting_builders import NOW, body, call, source

from dcrgw.core.scripts.entry import ScriptEntry, inum_of
from dcrgw.errors import Misconfigured, Unavailable
from dcrgw.scripting.files import ScriptFiles
from dcrgw.scripting.host import ScriptHost
from dcrgw.scripting.inline import InlineRunner
from dcrgw.scripting.keeping import ScriptKeeper

TYPE = "client_registration"


def text(mark: str) -> str:
    """A right script that leaves its mark on every client."""
    return source(body(f"context.client.attributes['mark'] = {mark!r}\nreturn True"))


@dataclass
class Clock:
    at: float = NOW

    def now(self) -> float:
        self.at += 1
        return self.at


@dataclass
class Entries:
    """The registry's entries, as a test sets them."""

    kept: dict[str, ScriptEntry] = field(default_factory=dict)
    changes: int = 0
    down: bool = False

    def put(self, entry: ScriptEntry) -> None:
        self.kept[entry.inum] = entry
        self.changes += 1

    async def mark(self) -> int:
        if self.down:
            raise Unavailable("registry", "down")
        return self.changes

    async def all(self) -> tuple[ScriptEntry, ...]:
        return tuple(self.kept.values())


@dataclass
class Bench:
    """A keeper of a folder's scripts and a registry's."""

    keeper: ScriptKeeper
    host: ScriptHost
    entries: Entries
    events: list[tuple[str, dict[str, Any]]]
    health: list[tuple[bool, str]]
    secrets: dict[str, str]

    async def marked(self) -> Any:
        """The mark of what serves now."""
        return (await self.host.create_client(call())).attributes.get("mark")

    def told(self, event: str) -> list[dict[str, Any]]:
        return [fields for name, fields in self.events if name == event]

    def state(self, name: str = "script") -> Any:
        return self.keeper.states()[inum_of(TYPE, name)]


def of_file(path: Path, **changes: Any) -> ScriptEntry:
    plain = ScriptEntry(inum_of(TYPE, path.stem), path.stem, TYPE, "", str(path), mode="inline")
    return replace(plain, **changes)


def of_registry(mark: str, **changes: Any) -> ScriptEntry:
    plain = ScriptEntry(inum_of(TYPE, "stored"), "stored", TYPE, text(mark), mode="inline")
    return replace(plain, **changes)


@asynccontextmanager
async def bench(*files: ScriptEntry) -> AsyncIterator[Bench]:
    events: list[tuple[str, dict[str, Any]]] = []
    health: list[tuple[bool, str]] = []
    secrets: dict[str, str] = {}

    def resolve(_entry: ScriptEntry) -> Mapping[str, str]:
        if "fault" in secrets:
            raise Misconfigured("the secret cannot be had")
        return dict(secrets)

    def on_event(name: str, **fields: Any) -> None:
        events.append((name, fields))

    host = ScriptHost(on_event=on_event)
    entries = Entries()
    keeper = ScriptKeeper(
        host=host,
        runner=InlineRunner(),
        script_files=ScriptFiles(files, pause=lambda _seconds: None),
        entries=entries,  # type: ignore[arg-type]
        resolve=resolve,
        clock=Clock(),
        on_event=on_event,
        on_health=lambda ok, reason: health.append((ok, reason)),
    )
    try:
        yield Bench(keeper, host, entries, events, health, secrets)
    finally:
        await host.close()


def save(path: Path, content: str) -> None:
    """What an editor does."""
    path.write_text(content)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "script.py"
    path.write_text(text("first"))
    os.utime(path, (NOW, NOW))
    return path


async def test_changed_file_serves_from_the_next_look_on(file: Path) -> None:
    async with bench(of_file(file)) as kept:
        await kept.keeper.start()
        assert await kept.marked() == "first"
        before = kept.state().generation
        save(file, text("second"))
        await kept.keeper.look()
        assert await kept.marked() == "second"
        assert kept.state().generation > before
        assert [entry.revision for entry in kept.keeper.files()] == [2]
        assert kept.health[-1] == (True, "")


async def test_file_renamed_over_the_old_one_is_seen(file: Path) -> None:
    async with bench(of_file(file)) as kept:
        await kept.keeper.start()
        fresh = file.with_suffix(".new")
        save(fresh, text("second"))
        os.replace(fresh, file)
        await kept.keeper.look()
        assert await kept.marked() == "second"


WRITTEN = {
    "a mark of byte order": lambda plain: b"\xef\xbb\xbf" + plain,
    "lines that end as on Windows": lambda plain: plain.replace(b"\n", b"\r\n"),
    "a declared encoding that is another": lambda plain: b"# -*- coding: latin-1 -*-\n" + plain,
}


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
async def test_a_file_serves_whatever_editor_wrote_it(file: Path, written: Callable[[bytes], bytes]) -> None:
    rewrite(file, written(text("\u00a3").encode()))
    rewrite(file.with_name("script.cases.toml"), written(b'method = "createClient"\n'))
    async with bench(of_file(file)) as kept:
        await kept.keeper.start()
        assert await kept.marked() == "\u00a3"


async def test_a_change_is_seen_by_what_stands_in_the_file_and_not_by_its_time(file: Path) -> None:
    async with bench(of_file(file)) as kept:
        await kept.keeper.start()
        rewrite(file, text("other").encode())
        await kept.keeper.look()
        assert await kept.marked() == "other"


def rewrite(path: Path, content: bytes) -> None:
    """Write without a new time of change."""
    path.write_bytes(content)
    os.utime(path, (NOW, NOW))


async def test_a_linked_folder_that_is_turned_to_another_is_a_change(tmp_path: Path) -> None:
    current, following = folders(tmp_path)
    async with bench(of_file(current / "script.py")) as kept:
        await kept.keeper.start()
        assert await kept.marked() == "first"
        os.replace(following, current)
        await kept.keeper.look()
        assert await kept.marked() == "second"


def folders(place: Path) -> list[Path]:
    """Links to two folders with a script in each."""
    links = []
    for name in ("first", "second"):
        (place / name).mkdir()
        (place / name / "script.py").write_text(text(name))
        links.append(place / f"to_{name}")
        links[-1].symlink_to(name)
    return links


async def test_look_without_a_change_swaps_nothing(file: Path) -> None:
    async with bench(of_file(file)) as kept:
        await kept.keeper.start()
        os.utime(file)
        await kept.keeper.look()
        await kept.keeper.look()
        assert len(kept.told("scripts_swapped")) == 1


@pytest.mark.parametrize(
    "bad",
    [
        "class ClientRegistration(",
        "",
        "print 'x'",
        "import java.util",
        "raise SystemExit",
        source(create=""),
        source().replace("return True", "return False", 1),
        source().replace("return True", "raise ValueError('s3cret')", 1),
    ],
)
async def test_bad_change_keeps_the_last_good_one_and_says_why_once(file: Path, bad: str) -> None:
    async with bench(of_file(file)) as kept:
        await kept.keeper.start()
        save(file, bad)
        for _ in range(3):
            await kept.keeper.look()
        assert await kept.marked() == "first"
        assert len(kept.told("script_refused")) == 1
        assert kept.state().failed
        assert kept.state().generation == 1
        assert str(file) in kept.state().why
        assert kept.health[-1][0] is True
        assert "script" in kept.health[-1][1]
        assert [error.what for error in kept.keeper.errors()] == [kept.state().why]
        assert "s3cret" not in str(kept.events) + str(kept.keeper.errors())
        save(file, text("mended"))
        await kept.keeper.look()
        assert await kept.marked() == "mended"
        assert not kept.state().failed
        assert kept.health[-1] == (True, "")


async def test_fault_names_the_line(file: Path) -> None:
    async with bench(of_file(file)) as kept:
        await kept.keeper.start()
        save(file, "\n\nx = = 1\n")
        await kept.keeper.look()
        assert "line 3" in kept.state().why


async def test_file_that_is_gone_keeps_the_last_good_one(file: Path) -> None:
    async with bench(of_file(file)) as kept:
        await kept.keeper.start()
        os.remove(file)
        await kept.keeper.look()
        assert await kept.marked() == "first"
        assert kept.state().failed


async def test_change_that_fails_its_cases_does_not_serve(file: Path) -> None:
    cases = file.with_name("script.cases.toml")
    save(cases, 'method = "createClient"\n[expect.changes.attributes]\nmark = "first"\n')
    async with bench(of_file(file)) as kept:
        await kept.keeper.start()
        save(file, text("second"))
        await kept.keeper.look()
        assert await kept.marked() == "first"
        assert "case" in kept.state().why
        save(cases, 'method = "createClient"\n[expect.changes.attributes]\nmark = "second"\n')
        await kept.keeper.look()
        assert await kept.marked() == "second"


async def test_changed_property_is_a_change(file: Path) -> None:
    async with bench(of_file(file)) as kept:
        await kept.keeper.start()
        kept.secrets["a"] = "b"
        await kept.keeper.look()
        assert kept.state().generation == 2
        kept.secrets["fault"] = ""
        await kept.keeper.look()
        assert kept.state().failed
        assert await kept.marked() == "first"


async def test_cold_start_with_a_bad_file_fails_with_every_fault(tmp_path: Path) -> None:
    paths = [tmp_path / "one.py", tmp_path / "two.py", tmp_path / "off.py"]
    for path in paths:
        path.write_text("x = = 1\n")
    async with bench(of_file(paths[0]), of_file(paths[1]), of_file(paths[2], enabled=False)) as kept:
        with pytest.raises(Misconfigured) as refused:
            await kept.keeper.start()
        assert "one.py, line 1" in str(refused.value)
        assert "two.py, line 1" in str(refused.value)
        assert "off.py" not in str(refused.value)


async def test_bad_script_of_the_registry_is_unavailable_where_it_is_needed(file: Path) -> None:
    async with bench(of_file(file)) as kept:
        kept.entries.put(of_registry("x", text="x = = 1\n"))
        await kept.keeper.start()
        with pytest.raises(Unavailable):
            await kept.host.create_client(call())
        assert kept.health[-1][0] is False
        kept.entries.put(of_registry("mended", level=9, revision=2))
        await kept.keeper.look()
        assert await kept.marked() == "first"  # the file's runs after it, having the lower level
        assert kept.health[-1] == (True, "")


async def test_disabled_and_deleted_scripts_serve_no_more(file: Path) -> None:
    async with bench() as kept:
        kept.entries.put(of_registry("stored"))
        await kept.keeper.start()
        assert await kept.marked() == "stored"
        kept.entries.put(of_registry("stored", enabled=False, revision=2))
        await kept.keeper.look()
        assert await kept.marked() is None
        assert kept.state("stored").words == "disabled"
        kept.entries.put(of_registry("stored", revision=3))
        await kept.keeper.look()
        assert await kept.marked() == "stored"
        kept.entries.kept.clear()
        kept.entries.changes += 1
        await kept.keeper.look()
        assert await kept.marked() is None
        assert kept.keeper.states() == {}


async def test_registry_that_does_not_answer_stops_no_script() -> None:
    async with bench() as kept:
        kept.entries.put(of_registry("stored"))
        await kept.keeper.start()
        kept.entries.down = True
        await kept.keeper.look()
        assert await kept.marked() == "stored"


async def test_registry_that_was_never_read_stops_the_start(file: Path) -> None:
    async with bench(of_file(file)) as kept:
        kept.entries.down = True
        with pytest.raises(Unavailable):
            await kept.keeper.start()
        assert kept.told("scripts_swapped") == []


async def test_inum_in_both_homes_stops_the_start(file: Path) -> None:
    async with bench(of_file(file)) as kept:
        kept.entries.put(of_registry("x", inum=inum_of(TYPE, "script")))
        with pytest.raises(Misconfigured, match="delete one"):
            await kept.keeper.start()


async def test_trial_touches_nothing_that_serves(file: Path) -> None:
    async with bench(of_file(file)) as kept:
        await kept.keeper.start()
        good = await kept.keeper.try_out(of_registry("other"))
        bad = await kept.keeper.try_out(of_registry("other", text="x = = 1\n"))
        assert (good.faults, len(bad.faults)) == ((), 1)
        assert "line 1" in bad.faults[0]
        assert await kept.marked() == "first"
        assert len(kept.told("scripts_swapped")) == 1


async def test_type_without_a_caller_serves_and_says_so() -> None:
    async with bench() as kept:
        kept.entries.put(
            of_registry(
                "x",
                type="dynamic_scope",
                text="from dcrgw.scripting.types import DynamicScopeType\n"
                "class DynamicScope(DynamicScopeType):\n"
                "    def init(self, customScript, configurationAttributes):\n        return True\n"
                "    def destroy(self, configurationAttributes):\n        return True\n"
                "    def update(self, context, configurationAttributes):\n        return True\n"
                "    def getSupportedClaims(self, configurationAttributes):\n        return []\n",
            )
        )
        await kept.keeper.start()
        assert kept.state("stored").generation == 1
        assert "no caller in this version" in kept.state("stored").words


async def test_no_call_is_lost_while_a_file_is_saved_good_and_bad_in_turn(file: Path) -> None:
    async with bench(of_file(file)) as kept:
        await kept.keeper.start()
        answered = 0

        async def ask(until: asyncio.Event) -> None:
            nonlocal answered
            while not until.is_set():
                assert str(await kept.marked()).startswith(("first", "good"))
                answered += 1
                await asyncio.sleep(0)

        ended = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(ask(ended))
            for n in range(60):
                save(file, text(f"good {n}") if n % 2 else f"x = = {n}\n")
                await kept.keeper.look()
            ended.set()
        assert answered > 60
        assert await kept.marked() == "good 59"
        assert len(kept.told("scripts_swapped")) == 31


@dataclass
class Judge:
    """A gate as a test sets it: what it says of every change, and what it was asked."""

    says: tuple[str, ...] = ()
    asked: list[tuple[str, list[str], list[str]]] = field(default_factory=list)

    async def __call__(self, name: str, before: Any, after: Any) -> tuple[str, ...]:
        self.asked.append((name, *([mark(each) for each in side] for side in (before, after))))
        return self.says


def mark(prepared: Any) -> str:
    """What a prepared script leaves on every client."""
    return "missing" if prepared.is_missing else prepared.entry.text.partition("['mark'] = '")[2].partition("'")[0]


async def test_a_start_asks_no_gate_and_every_change_after_it_does(file: Path) -> None:
    async with bench(of_file(file)) as kept:
        judge = kept.keeper.gate = Judge()
        await kept.keeper.start()
        assert judge.asked == []
        save(file, text("second"))
        await kept.keeper.look()
        assert judge.asked == [("script", ["first"], ["second"])]
        assert await kept.marked() == "second"


async def test_a_change_that_the_gate_refuses_is_held_until_it_is_accepted(file: Path) -> None:
    async with bench(of_file(file)) as kept:
        judge = kept.keeper.gate = Judge(("1 of 3 decisions change",))
        await kept.keeper.start()
        save(file, text("second"))
        await kept.keeper.look()
        assert await kept.marked() == "first"
        held = kept.state().held
        assert held
        assert kept.state().why == "1 of 3 decisions change"
        assert kept.told("script_refused")
        # The same state is weighed once.
        await kept.keeper.look()
        assert len(judge.asked) == 1
        assert await kept.keeper.accept(inum_of(TYPE, "script"), held)
        assert await kept.marked() == "second"
        assert not kept.state().held
        assert not await kept.keeper.accept(inum_of(TYPE, "script"), held)


async def test_what_is_accepted_is_what_was_refused_though_another_edit_is_held_by_now(file: Path) -> None:
    async with bench(of_file(file)) as kept:
        kept.keeper.gate = Judge(("it changes",))
        await kept.keeper.start()
        save(file, text("second"))
        await kept.keeper.look()
        seen = kept.state().held
        save(file, text("third"))
        assert not await kept.keeper.accept(inum_of(TYPE, "script"), "")
        await kept.keeper.accept(inum_of(TYPE, "script"), seen)
        await kept.keeper.look()
        assert await kept.marked() == "first"
        assert kept.state().held not in ("", seen)
        assert not await kept.keeper.accept(inum_of(TYPE, "script"), seen)
        assert await kept.marked() == "first"


async def test_what_was_accepted_is_forgotten_with_the_next_edit(file: Path) -> None:
    async with bench(of_file(file)) as kept:
        kept.keeper.gate = Judge(("it changes",))
        await kept.keeper.start()
        for each in ("second", "third", "second"):
            save(file, text(each))
            await kept.keeper.look()
            assert kept.state().held
            if each == "second" and await kept.marked() == "first":
                assert await kept.keeper.accept(inum_of(TYPE, "script"), kept.state().held)
        assert await kept.marked() == "second"
        save(file, text("third"))
        await kept.keeper.look()
        assert await kept.marked() == "second"


async def test_an_entry_that_was_weighed_is_not_weighed_again_unless_others_changed(file: Path) -> None:
    async with bench(of_file(file)) as kept:
        judge = kept.keeper.gate = Judge()
        await kept.keeper.start()
        entry = of_registry("stored")
        assert await kept.keeper.weigh(entry.inum, entry) == ()
        kept.entries.put(entry)
        await kept.keeper.look()
        assert judge.asked == [("stored", ["first"], ["first", "stored"])]
        changed = of_registry("changed", revision=2)
        assert await kept.keeper.weigh(entry.inum, changed) == ()
        save(file, text("second"))
        await kept.keeper.look()
        kept.entries.put(changed)
        await kept.keeper.look()
        assert judge.asked[-1] == ("stored", ["second", "stored"], ["second", "changed"])
        assert len(judge.asked) == 4


async def test_an_entry_that_is_taken_anyway_and_the_end_of_one(file: Path) -> None:
    async with bench(of_file(file)) as kept:
        judge = kept.keeper.gate = Judge(("it changes",))
        await kept.keeper.start()
        entry = of_registry("stored")
        assert await kept.keeper.weigh(entry.inum, entry) == ("it changes",)
        await kept.keeper.let_pass(entry)
        kept.entries.put(entry)
        await kept.keeper.look()
        assert kept.state("stored").generation is not None
        assert await kept.keeper.weigh(entry.inum, None) == ("it changes",)
        assert judge.asked[-1] == (entry.inum, ["first", "stored"], ["first"])
