"""A bundle's document says what is wrong with it, and where."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from compliance_builders import a_bundle, a_document
from small_bank import PLAIN, Bank

from dcrgw.compliance import bundle as bundles
from dcrgw.compliance.kept import text_of
from dcrgw.compliance.sight import says
from dcrgw.compliance.values import Unreadable

SCHEMA = Path(__file__).parents[2] / "docs/bundle.schema.json"
GOLDEN = sorted(Path(__file__).parent.glob(f"golden/v{bundles.VERSION}/*.bundle.json"))


def changed(change: Any) -> bytes:
    """A good document whose content was changed, with a right digest."""
    document = json.loads(bundles.write(a_bundle()))
    change(document["content"])
    document["sha256"] = bundles._digest(document["content"])
    return text_of(document).encode()


def test_what_is_written_is_read_again() -> None:
    bundle = a_bundle()
    again = bundles.read(bundles.write(bundle))
    assert bundles.write(again) == bundles.write(bundle)
    assert replace(again, market=bundle.market, journal=()) == replace(bundle, journal=())


def test_the_documented_schema_describes_what_is_written() -> None:
    validator = jsonschema_rs.Draft202012Validator(json.loads(SCHEMA.read_text()), offline=True)
    for document in (a_document(), a_document(Bank(PLAIN)), *(path.read_bytes() for path in GOLDEN)):
        faults = [
            f"{error.instance_path}: {error.message[:200]}" for error in validator.iter_errors(json.loads(document))
        ]
        assert faults == []


@pytest.mark.parametrize("length", [0, 1, 100, 5000])
def test_a_bundle_cut_short_is_told(length: int) -> None:
    with pytest.raises(Unreadable, match="cut short"):
        bundles.read(bundles.write(a_bundle())[:length])


def test_a_tampered_bundle_is_told() -> None:
    document = bundles.write(a_bundle())
    with pytest.raises(Unreadable) as told:
        bundles.read(document.replace(b'"decision":"registered"', b'"decision":"refused"'))
    assert told.value.place == "sha256"


@pytest.mark.parametrize(("version", "place"), [(99, "version"), (0, "version"), ("1", "version"), (True, "version")])
def test_a_foreign_version_is_told(version: Any, place: str) -> None:
    document = json.loads(bundles.write(a_bundle())) | {"version": version}
    with pytest.raises(Unreadable) as told:
        bundles.read(json.dumps(document).encode())
    assert told.value.place == place


def test_an_enormous_bundle_is_refused_unread() -> None:
    with pytest.raises(Unreadable, match="longer than"):
        bundles.read(b" " * (bundles.MAX_BYTES + 1))


def test_a_deep_document_is_no_bundle() -> None:
    with pytest.raises(Unreadable):
        bundles.read(b"[" * 100_000)


def _at(content: dict[str, Any]) -> None:
    content["at"] = "noon"


def _chain(content: dict[str, Any]) -> None:
    content["arrival"]["chain"][0] = "?"


def _port(content: dict[str, Any]) -> None:
    content["journal"][0]["port"] = "registry.__class__"


def _question(content: dict[str, Any]) -> None:
    content["journal"][0]["question"] = [1, 2, 3, 4, 5, 6]


def _answer(content: dict[str, Any]) -> None:
    assert content["journal"][3]["port"] == "keysets.of_directory"
    content["journal"][3]["answer"]["keys"][0]["public_key"] = "AAAA"


def _anchor(content: dict[str, Any]) -> None:
    content["market"]["anchors"]["roots"][0] = "AAAA"


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (_at, "at"),
        (_chain, "arrival.chain.0"),
        (_port, "journal.0"),
        (_question, "journal.0.question"),
        (_answer, "journal.3.answer"),
        (_anchor, "market"),
    ],
)
def test_the_place_of_a_fault_is_named(change: Any, place: str) -> None:
    with pytest.raises(Unreadable) as told:
        bundles.read(changed(change))
    assert told.value.place == place


def test_a_question_is_told_from_its_like() -> None:
    bundle = a_bundle()
    for entry, plain in zip(bundle.journal, bundle.questions, strict=True):
        for asked, kept in zip(entry.question, plain, strict=False):
            assert says(asked, kept)
            for other in _changed_once(kept):
                assert not says(asked, other)


def _changed_once(plain: Any) -> Iterator[Any]:
    """The same with another value in one place, for every place in it."""
    yield "another"
    if isinstance(plain, dict):
        for name, value in plain.items():
            yield from ({**plain, name: other} for other in _changed_once(value))
    elif isinstance(plain, list):
        yield [*plain, "more"]
        for index, value in enumerate(plain):
            yield from ([*plain[:index], other, *plain[index + 1 :]] for other in _changed_once(value))
