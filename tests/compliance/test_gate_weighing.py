"""A change weighed in a process of its own: what counts as a change, and what cannot be weighed is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from compliance_builders import a_document

from dcrgw.compliance import bundle as bundles
from dcrgw.compliance import gate
from dcrgw.compliance.carrying import Serving
from dcrgw.compliance.gate import Terms, Weighed
from dcrgw.compliance.gate_process import _is_repeated
from dcrgw.compliance.scripted import ScriptSet
from dcrgw.compliance.sources import found_in
from dcrgw.core.scripts.entry import ScriptEntry, inum_of
from dcrgw.errors import Unavailable
from dcrgw.scripting.prepared import Prepared

DOCUMENT = a_document()
MARKET = bundles.read(DOCUMENT).market
TYPE = "client_registration"
SCRIPT = """
import os
from dcrgw.scripting.types import ClientRegistrationType


class ClientRegistration(ClientRegistrationType):
    def init(self, customScript, configurationAttributes):
        print("not a line of the gate's")
        return True

    def destroy(self, configurationAttributes):
        return True

    def createClient(self, context):
        {body}
        return True

    def updateClient(self, context):
        return True
"""
ASKING = "\n".join(
    ("try:", "            context.http.get('https://risk.example/')", "        except Exception:", "            pass")
)


def script(body: str = "pass", mode: str = "inline", **more: Any) -> Prepared:
    entry = ScriptEntry(inum_of(TYPE, "one"), "one", TYPE, SCRIPT.format(body=body), mode=mode)
    return Prepared(entry, **more)


def serving(*scripts: Prepared, market: str = "") -> Serving:
    name = market or MARKET.name
    return Serving("a change", {name: replace(MARKET, name=name)}, ScriptSet.of_gateway(scripts, ()))


async def one(most: int) -> AsyncIterator[tuple[str, bytes]]:
    yield "report", DOCUMENT


async def weighed(
    before: Serving, after: Serving, terms: Terms | None = None, documents: Any = one
) -> tuple[Weighed, list[str]]:
    events: list[str] = []
    terms = terms or Terms(recorded=1, deadline_s=40)
    return await gate.weigh(before, after, terms, documents, lambda name, **_: events.append(name)), events


async def test_what_decides_alike_is_not_tried() -> None:
    found, events = await weighed(serving(script()), serving(script()))
    assert (found.faults, events) == ((), [])


async def test_a_question_that_no_recording_holds_counts_as_a_change() -> None:
    found, _ = await weighed(serving(script()), serving(script(ASKING)))
    assert found.changed == 1
    assert "registered becomes unknown" in found.faults[1]
    assert "http.get" in found.faults[1]


async def test_the_mend_of_a_script_that_fails_is_measured_by_the_record() -> None:
    found, _ = await weighed(serving(script("raise ValueError()")), serving(script()))
    assert (found.decided, found.faults) == (1, ())
    found, _ = await weighed(serving(script(is_missing=True)), serving(script("return False")))
    assert "registered becomes refused" in found.faults[1]


async def test_a_market_that_goes_is_a_change() -> None:
    found, _ = await weighed(serving(), serving(market="another"))
    assert found.changed == 1


async def test_bundles_of_foreign_markets_alone_try_nothing(tmp_path: Path) -> None:
    (tmp_path / "one.bundle.json").write_bytes(DOCUMENT)
    before, after = serving(market="one"), serving(script(), market="one")
    found, _ = await weighed(before, after, Terms(bundles=(tmp_path,)))
    assert (found.foreign, bool(found.faults)) == (1, True)


async def test_a_script_that_ends_the_process_refuses_the_change() -> None:
    found, _ = await weighed(serving(script()), serving(script("os._exit(0)")))
    assert found.broken
    assert found.faults


async def _unavailable(most: int) -> AsyncIterator[tuple[str, bytes]]:
    raise Unavailable("record", "it did not answer")
    yield


async def _never(most: int) -> AsyncIterator[tuple[str, bytes]]:
    await asyncio.Event().wait()
    yield "never", b""


@pytest.mark.parametrize(("documents", "says"), [(_unavailable, "record"), (_never, "longer than 1 s")])
async def test_a_record_that_gives_nothing_refuses_the_change(documents: Any, says: str) -> None:
    found, _ = await weighed(serving(), serving(script()), Terms(recorded=1, deadline_s=1), documents)
    assert says in found.broken
    assert found.faults


def test_bundles_whose_questions_differ_are_two() -> None:
    whole = bundles.read(DOCUMENT)
    place = next(i for i, entry in enumerate(whole.journal) if entry.question)
    asked = whole.journal[place]._replace(question=("elsewhere", *whole.journal[place].question[1:]))
    doctored = bundles.write(replace(whole, journal=(*whole.journal[:place], asked, *whole.journal[place + 1 :])))
    assert doctored != DOCUMENT
    seen: set[bytes] = set()
    for document, is_repeated in ((doctored, False), (DOCUMENT, False), (doctored, True)):
        assert _is_repeated(found_in(document, Path("one"), for_replay=True), seen) is is_repeated


async def test_a_decision_that_is_in_the_folder_and_in_the_record_counts_once(tmp_path: Path) -> None:
    bundle = bundles.read(DOCUMENT)
    (tmp_path / "one.bundle.json").write_bytes(DOCUMENT)
    (tmp_path / "two.bundle.json").write_bytes(DOCUMENT)
    # Of the same id, and another request: it is tried, or a change could hide behind it.
    later = bundles.write(replace(bundle, at=bundle.at + 1))
    (tmp_path / "later.bundle.json").write_bytes(later)
    (tmp_path / "cut.bundle.json").write_bytes(DOCUMENT[:100])
    terms = Terms(bundles=(tmp_path,), recorded=1, allowed_changes=9, deadline_s=40)
    found, _ = await weighed(serving(script()), serving(script("return False")), terms)
    assert (found.bundles, found.decided, found.repeated, found.changed, found.unreadable) == (5, 3, 2, 2, 1)
    assert "2 of 3 decisions change" in found.sentence
    assert "2 that came more than once" in found.sentence
