"""Whatever somebody made of a bundle is told, with its place, or decided again: it is never a traceback."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from dcrgw.adapters.decision_file import Bounds, DecisionFile
from dcrgw.adapters.sealer import Sealer
from dcrgw.compliance import bundle as bundles
from dcrgw.compliance.decoding import as_text
from dcrgw.compliance.html import page_of_bundle
from dcrgw.compliance.keeping import line_of_bundle, told_of_bundle
from dcrgw.compliance.kept import text_of
from dcrgw.compliance.replay import Undecidable, replay
from dcrgw.compliance.values import Unreadable
from dcrgw.errors import GatewayError
from dcrgw.ports.decisions import DecisionLine

GOLDEN = Path(__file__).parent / "golden"
SMALL = (GOLDEN / "v4/unavailable.bundle.json").read_bytes()


def nested(depth: int, in_objects: bool) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = {"a": value} if in_objects else [value]
    return value


#: What stands in the place of something else.
WRONG: list[Any] = [
    None, True, 0, -1, 1.5, 10**30, "", "x", "\x00", "AAAA", "A" * 100, [], [[]], [1, 2], ["x"], {}, {"a": 1},
    *(nested(depth, in_objects) for depth in (150, 900) for in_objects in (True, False)),
]  # fmt: skip


def signed(content: str, version: int = bundles.VERSION) -> bytes:
    """A document whose content's digest is right, whatever the content is."""
    digest = hashlib.sha256(content.encode()).hexdigest()
    return f'{{"content":{content},"format":"dcrgw.bundle","sha256":"{digest}","version":{version}}}'.encode()


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to everything in a value."""
    if place:
        yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in items:
        yield from places(each, (*place, name))


def spoilt(document: bytes, chance: random.Random, times: int) -> Iterator[bytes]:
    """The document with one thing in it gone, another, or that of another place."""
    outer = json.loads(document)
    text = json.dumps(outer["content"])
    everywhere = list(places(outer["content"]))
    for _ in range(times):
        content = json.loads(text)
        *way, last = chance.choice(everywhere)
        holder = _at(content, way)
        match chance.randrange(4):
            case 0:
                del holder[last]
            case 1:
                holder[last] = json.loads(json.dumps(_at(content, chance.choice(everywhere))))
            case _:
                holder[last] = chance.choice(WRONG)
        yield signed(text_of(content), outer["version"])


def _at(value: Any, way: Any) -> Any:
    for step in way:
        value = value[step]
    return value


async def endure(document: bytes) -> bool:
    """Read it in both ways, and do with it all that is done with bundles; whether it could be read at all."""
    try:
        bundle = bundles.read(document)
    except Unreadable:
        return False
    with suppress(Undecidable):
        await replay(bundle)
    for use in (
        page_of_bundle,
        line_of_bundle,
        lambda each: list(as_text(each)),
        lambda each: told_of_bundle(each).told(),
    ):
        use(bundle)
    bundles.read(bundles.write(bundle))
    with suppress(Undecidable):
        await replay(bundles.read(document, for_replay=True))
    return True


async def _endure_spoilt(name: str, times: int, seed: int) -> None:
    document = (GOLDEN / f"{name}.bundle.json").read_bytes()
    read = [await endure(each) for each in spoilt(document, random.Random(seed), times)]
    # Both kinds are among them, else nothing was tried.
    assert 0 < sum(read) < len(read)


@pytest.mark.parametrize("name", ["v4/registered", "v4/redeemed", "v1/updated"])
async def test_a_spoilt_bundle_is_told_or_decided(name: str) -> None:
    await _endure_spoilt(name, 60, 1)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("path", sorted(GOLDEN.glob("v*/*")), ids=lambda path: f"{path.parent.name}-{path.name}")
async def test_many_spoilt_bundles_are_told_or_decided(path: Path) -> None:
    await _endure_spoilt(f"{path.parent.name}/{path.name.removesuffix('.bundle.json')}", 600, 2)


def flipped(octets: bytes, step: int) -> Iterator[bytes]:
    """The octets with one bit another, in every `step`th of them."""
    for index in range(0, len(octets), step):
        yield octets[:index] + bytes([octets[index] ^ 1 << (index // step) % 8]) + octets[index + 1 :]


@pytest.mark.parametrize("step", [61, pytest.param(1, marks=[pytest.mark.slow, pytest.mark.timeout(600)])])
@pytest.mark.parametrize("for_replay", [True, False])
def test_a_flipped_bit_is_found_wherever_it_is(step: int, for_replay: bool) -> None:
    for document in flipped(SMALL, step):
        with pytest.raises(Unreadable):
            bundles.read(document, for_replay=for_replay)


@pytest.mark.parametrize("for_replay", [True, False])
def test_a_document_cut_short_is_told_wherever_it_ends(for_replay: bool) -> None:
    for length in (*range(0, len(SMALL), 97), len(SMALL) - 1):
        with pytest.raises(Unreadable):
            bundles.read(SMALL[:length], for_replay=for_replay)


def test_a_flipped_bit_of_a_sealed_bundle_is_found_wherever_it_is(tmp_path: Path) -> None:
    sealer = Sealer([bytes(range(32))])
    file = DecisionFile(tmp_path / "record.sqlite", sealer, Bounds(1e9, 10**9))
    file.prepare()
    line = DecisionLine("report", 1.0, "uk", "create", "refused")
    file.add([(line, b"{}")], now=1)
    with file._opened() as db:
        (sealed,) = db.execute("SELECT sealed FROM decisions").fetchone()
        for other in (*flipped(sealed, 1), *(sealed[:length] for length in range(len(sealed)))):
            db.execute("UPDATE decisions SET sealed = ?", (other,))
            with pytest.raises(GatewayError):
                file.find("report")


def _content(**changes: str) -> str:
    """A good content's text; `changes` are texts in place of those of members, or new ones."""
    members = {name: text_of(each) for name, each in json.loads(SMALL)["content"].items()} | changes
    return "{" + ",".join(f'"{name}":{members[name]}' for name in sorted(members)) + "}"


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"at": "NaN"}, ""),
        ({"at": "1e999"}, "at"),
        ({"at": "1e30"}, "at"),
        ({"roll": "-1"}, "roll"),
        ({"roll": "true"}, "roll"),
        ({"roll": "1e3"}, "roll"),
        ({"journal": "{}"}, "journal"),
        ({"journal": '[{"port":"keysets.of_directory","question":[],"answer":null}]'}, "journal.0.question"),
        ({"journal": '[{"port":"clock.now","question":[]}]'}, "journal.0"),
        ({"journal": '[{"port":"clock.now","question":[],"failure":{"kind":"other"}}]'}, "journal.0.failure.kind"),
        ({"decided": '{"decision":"refused","findings":[["a","b","c"]]}'}, "decided.findings"),
        ({"decided": '{"decision":"refused","findings":[["a","b","c",1]]}'}, "decided.findings"),
        ({"decided": '{"decision":1,"findings":[]}'}, "decided.decision"),
        ({"decided": '{"decision":"refused","findings":[],"facts":{"a":1}}'}, "decided.facts.a"),
        ({"operation": '"create","operation":"read"'}, ""),
        ({"generations": '{"dcrgw":1}'}, "generations.dcrgw"),
        ({"timings": '[{"what":"judging"}]'}, "timings.0.begun_ms"),
    ],
)
def test_the_place_of_what_is_wrong_is_named(changes: dict[str, str], place: str) -> None:
    assert bundles.read(signed(_content()))
    with pytest.raises(Unreadable) as told:
        bundles.read(signed(_content(**changes)))
    assert told.value.place == place


async def test_a_journal_of_very_many_entries_takes_no_very_long_time() -> None:
    many = ",".join(['{"answer":1.0,"port":"clock.now","question":[]}'] * 20_000)
    assert await endure(signed(_content(journal=f"[{many}]")))


async def test_an_operation_that_nobody_knows_is_told() -> None:
    with pytest.raises(Undecidable):
        await replay(bundles.read(signed(_content(operation='"surprise"'))))
