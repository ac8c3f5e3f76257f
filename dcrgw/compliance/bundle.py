"""One decision with everything that it was a function of, as a document that anybody can keep and read.

A bundle holds the request, the caller's certificates, the market with its trust, the time, and the journal of
every question that was put to the world with its answer. Nothing in it is secret (`redaction`). The document
is JSON, described by docs/bundle.schema.json; its version grows with its shape, and older versions are read.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from types import MappingProxyType
from typing import Any, cast

from pydantic_core import from_json

from dcrgw.compliance import failures, values
from dcrgw.compliance.failures import KeptFailure
from dcrgw.compliance.kept import text_of
from dcrgw.compliance.upgrades import unknown_to, upgraded
from dcrgw.compliance.values import Unreadable
from dcrgw.core.evidence import Arrival, Entry, Timing
from dcrgw.core.market import Market

#: The shape's version; readers take this one and every older one.
VERSION = 3
FORMAT = "dcrgw.bundle"
_NOTHING: Mapping[str, str] = MappingProxyType({})
#: A registration with two statements, its keys and its answers takes some 40 KB.
MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Decided:
    """What the gateway made of the request at that time. `findings` are the canonical ones."""

    decision: str
    findings: tuple[tuple[str, str, str, str], ...]
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bundle:
    """One decision. `at` is epoch seconds; `generations` name configuration, trust and scripts as they were."""

    report_id: str
    interaction_id: str
    operation: str
    at: float
    arrival: Arrival
    market: Market
    journal: tuple[Entry, ...]
    decided: Decided
    generations: Mapping[str, str] = field(default_factory=dict)
    timings: tuple[Timing, ...] = ()
    #: The journal's questions as they stand in the document, for a bundle that was read.
    questions: tuple[Any, ...] = field(default=(), repr=False, compare=False)
    #: Ports and methods that the dcrgw which wrote the document did not have.
    unknown: frozenset[str] = field(default=frozenset(), compare=False)


def write(bundle: Bundle, hidden: Mapping[str, str] = _NOTHING) -> bytes:
    """The bundle's document: one JSON object in canonical form, with a digest of its content.

    `hidden` are texts that may stand nowhere in it, each with what stands there instead.
    """
    content = _without(
        hidden,
        {
            "report_id": bundle.report_id,
            "interaction_id": bundle.interaction_id,
            "operation": bundle.operation,
            "at": bundle.at,
            "arrival": _ARRIVAL.write(bundle.arrival),
            "market": _MARKET.write(bundle.market),
            "journal": [_entry(entry) for entry in bundle.journal],
            "decided": _DECIDED.write(bundle.decided),
            "generations": dict(bundle.generations),
            "timings": _TIMINGS.write(bundle.timings),
        },
    )
    document = {"format": FORMAT, "version": VERSION, "sha256": _digest(content), "content": content}
    return text_of(document).encode()


def read(document: bytes, *, for_replay: bool = False) -> Bundle:
    """The bundle of a document. Raises: Unreadable, naming the place and what is wrong there.

    `for_replay` leaves the journal's questions as they stand in the document, where a replay compares them: to read
    them too takes as long as to decide.
    """
    version, content = _content(document)
    journal = content.get("journal")
    if not isinstance(journal, list):
        raise Unreadable("journal", "is not a list")
    return Bundle(
        report_id=_text(content, "report_id"),
        interaction_id=_text(content, "interaction_id"),
        operation=_text(content, "operation"),
        at=_at("at", lambda: _NUMBER.read(content.get("at"))),
        arrival=_at("arrival", lambda: _ARRIVAL.read(content.get("arrival"))),
        market=_at("market", lambda: _MARKET.read(content.get("market"))),
        journal=tuple(_read_entry(f"journal.{index}", entry, for_replay) for index, entry in enumerate(journal)),
        decided=_at("decided", lambda: _read_decided(content.get("decided"))),
        generations=_at("generations", lambda: _TEXTS.read(content.get("generations", {}))),
        questions=tuple(entry["question"] for entry in journal),
        unknown=unknown_to(version),
        timings=() if for_replay else _at("timings", lambda: _TIMINGS.read(content.get("timings"))),
    )


_ARRIVAL, _MARKET, _DECIDED = values.shape(Arrival), values.shape(Market), values.shape(Decided)
_FAILURE, _NUMBER, _TEXTS = values.shape(KeptFailure), values.shape(float), values.shape(Mapping[str, str])
_TIMINGS = values.shape(tuple[Timing, ...])


def _entry(entry: Entry) -> dict[str, Any]:
    method = values.method(entry.port)
    kept: dict[str, Any] = {
        "port": entry.port,
        "question": [one.write(value) for one, value in zip(method.arguments, entry.question, strict=False)],
    }
    if isinstance(entry.answer, BaseException):
        return kept | {"failure": _FAILURE.write(failures.keep(entry.answer))}
    return kept | {"answer": method.answer.write(entry.answer)}


def _read_entry(place: str, plain: Any, is_bare: bool) -> Entry:
    if (
        not isinstance(plain, dict)
        or not isinstance(plain.get("port"), str)
        or not isinstance(plain.get("question"), list)
    ):
        raise Unreadable(place, "is no entry with port, question and answer")
    method = _at(place, lambda: values.method(plain["port"]))
    if len(plain["question"]) > len(method.arguments):
        raise Unreadable(f"{place}.question", f"has more than the {len(method.arguments)} arguments of {plain['port']}")
    question: tuple[Any, ...] = (
        ()
        if is_bare
        else tuple(
            _at(f"{place}.question.{index}", partial(one.read, value))
            for index, (one, value) in enumerate(zip(method.arguments, plain["question"], strict=False))
        )
    )
    if "failure" in plain:
        failure = _at(f"{place}.failure", lambda: failures.restore(_FAILURE.read(plain["failure"])))
        return Entry(plain["port"], question, failure)
    if "answer" not in plain:
        raise Unreadable(place, "has neither answer nor failure")
    return Entry(plain["port"], question, _at(f"{place}.answer", lambda: method.answer.read(plain["answer"])))


def _content(document: bytes) -> tuple[int, dict[str, Any]]:
    """The document's version, and its content at the present one, its digest checked."""
    if len(document) > MAX_BYTES:
        raise Unreadable("", f"the bundle is longer than {MAX_BYTES} bytes")
    try:
        outer = _json(document)
    except (ValueError, RecursionError) as error:
        where = f" at byte {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise Unreadable("", f"the bundle is cut short or is not JSON{where}") from None
    if not isinstance(outer, dict) or outer.get("format") != FORMAT:
        raise Unreadable("format", f"is not {FORMAT}: this is no bundle")
    version = outer.get("version")
    if type(version) is not int or not version >= 1:
        raise Unreadable("version", "is not a whole number from 1")
    if version > VERSION:
        raise Unreadable("version", f"is {version}, and this dcrgw reads up to {VERSION}: use a newer one")
    content = outer.get("content")
    if not isinstance(content, dict):
        raise Unreadable("content", "is not an object")
    if outer.get("sha256") != (_digest_as_written(document) or _digest(content)):
        raise Unreadable("sha256", "is not the digest of the content: the bundle was changed after it was written")
    return version, _at("content", lambda: upgraded(content, version, VERSION))


def _without(hidden: Mapping[str, str], content: dict[str, Any]) -> dict[str, Any]:
    if not hidden:
        return content
    text = text_of(content)
    for secret, surrogate in hidden.items():
        text = text.replace(json.dumps(secret)[1:-1], json.dumps(surrogate)[1:-1])
    clean: dict[str, Any] = json.loads(text)
    return clean


def _json(document: bytes) -> Any:
    """The document's JSON. The usual reader takes three times as long; it is for what the quick one will not have."""
    try:
        return from_json(document, cache_strings="keys")
    except ValueError:
        return json.loads(document)


def _read_decided(plain: Any) -> Decided:
    """By hand: it is half of all the texts in a bundle, and nothing but texts."""
    found = plain.get("findings") if isinstance(plain, dict) else None
    if not isinstance(found, list) or set(map(type, found)) - {list} or set(map(len, found)) - {_WIDTH}:
        return cast(Decided, _DECIDED.read(plain))
    if set(map(type, chain.from_iterable(found))) - {str}:
        return cast(Decided, _DECIDED.read(plain))
    findings = tuple(map(tuple, found))
    rest: Decided = _DECIDED.read({**plain, "findings": []})
    return replace(rest, findings=findings)


#: Check, verdict, description, detail.
_WIDTH = 4


#: What stands around the content in a document that nobody has laid out anew.
_BEFORE, _AFTER = b'{"content":', f',"format":"{FORMAT}","sha256":"'.encode()
_END = re.compile(rb'[0-9a-f]{64}","version":[0-9]{1,4}\}')


def _digest_as_written(document: bytes) -> str | None:
    """The digest of a canonical document's content as its bytes stand; None for one of another layout.

    Only bytes that are the canonical text have the digest that is compared, so that nothing else can pass by it.
    """
    end = document.rfind(_AFTER)
    if end < 0 or not document.startswith(_BEFORE) or not _END.fullmatch(document, end + len(_AFTER)):
        return None
    return hashlib.sha256(memoryview(document)[len(_BEFORE) : end]).hexdigest()


def _digest(content: Mapping[str, Any]) -> str:
    try:
        return hashlib.sha256(text_of(content).encode()).hexdigest()
    except RecursionError:
        raise Unreadable("content", "is nested too deeply") from None


def _text(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str):
        raise Unreadable(name, "is missing or no text")
    return value


def _at(place: str, reading: Callable[[], Any]) -> Any:
    """What `reading` gives; of what it cannot read, the place from the document's root."""
    try:
        return reading()
    except Unreadable as error:
        raise Unreadable(".".join(filter(None, (place, error.place))), error.what) from None
    except ValueError as error:
        raise Unreadable(place, str(error)) from None
