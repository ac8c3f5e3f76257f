"""One decision with everything that it was a function of, as a document that anybody can keep and read.

A bundle holds the request, the caller's certificates, the market with its trust, the time, and the journal of
every question that was put to the world with its answer. Nothing in it is secret (`redaction`). The document
is JSON, described by docs/bundle.schema.json; its version grows with its shape, and older versions are read.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from types import MappingProxyType
from typing import Any, cast

from pydantic_core import from_json

from dcrgw.compliance import failures, roll, values
from dcrgw.compliance.failures import KeptFailure
from dcrgw.compliance.kept import text_of
from dcrgw.compliance.plain import Writer
from dcrgw.compliance.upgrades import upgraded
from dcrgw.compliance.values import Shape, Unreadable
from dcrgw.core.checks import Brief, Found, Report, in_brief, in_full
from dcrgw.core.evidence import Arrival, Entry, Timing
from dcrgw.core.market import Market

#: The shape's version; readers take this one and every older one.
VERSION = 4
FORMAT = "dcrgw.bundle"
_NOTHING: Mapping[str, str] = MappingProxyType({})
#: A registration with two statements, its keys and its answers takes some 40 KB.
MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Decided:
    """What the gateway made of the request at that time. `brief` are its findings, in brief."""

    decision: str
    brief: tuple[Brief, ...]
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def findings(self) -> tuple[Found, ...]:
        """The canonical findings, each with all its words."""
        return tuple(map(in_full, self.brief))

    @classmethod
    def of(cls, report: Report) -> Decided:
        """What a report says of a decision, without timings and ids."""
        return cls(report.decision, tuple(report.findings.brief()), dict(report.facts))


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
    #: How far the roll of checks and port methods went for the dcrgw that decided.
    roll: int = field(default_factory=lambda: len(roll.lines()))


def write(bundle: Bundle, hidden: Mapping[str, str] = _NOTHING) -> bytes:
    """The bundle's document: one JSON object in canonical form, with a digest of its content.

    `hidden` are texts that may stand nowhere in it, each with what stands there instead.
    """
    plain = Writer().plain
    content = _without(
        hidden,
        {
            "report_id": bundle.report_id,
            "interaction_id": bundle.interaction_id,
            "operation": bundle.operation,
            "at": bundle.at,
            "arrival": plain(bundle.arrival),
            "market": plain(bundle.market),
            "journal": [_entry(entry, plain) for entry in bundle.journal],
            "decided": {
                "decision": bundle.decided.decision,
                "findings": bundle.decided.brief,
                "facts": plain(bundle.decided.facts),
            },
            "generations": plain(bundle.generations),
            "timings": plain(bundle.timings),
            "roll": bundle.roll,
        },
    ).encode()
    digest = hashlib.sha256(content).hexdigest()
    return b"".join((_BEFORE, content, _AFTER, digest.encode(), f'","version":{VERSION}}}'.encode()))


def read(document: bytes, *, for_replay: bool = False) -> Bundle:
    """The bundle of a document. Raises: Unreadable, naming the place and what is wrong there.

    `for_replay` leaves the journal's questions as they stand in the document, where a replay compares them: to read
    them too takes as long as to decide.
    """
    content = _content(document, is_strict=not for_replay)
    journal = content.get("journal")
    if not isinstance(journal, list):
        raise Unreadable("journal", "is not a list")
    return Bundle(
        report_id=_report_id(content),
        interaction_id=_text(content, "interaction_id"),
        operation=_text(content, "operation"),
        at=_at("at", _time, content.get("at")),
        arrival=_at("arrival", _ARRIVAL.read, content.get("arrival")),
        market=_at("market", _MARKET.read, content.get("market")),
        journal=tuple(_read_entry(f"journal.{index}", entry, for_replay) for index, entry in enumerate(journal)),
        decided=_at("decided", _read_decided, content.get("decided")),
        generations=_at("generations", _TEXTS.read, content.get("generations", {})),
        questions=tuple(entry["question"] for entry in journal),
        timings=() if for_replay else _at("timings", _TIMINGS.read, content.get("timings")),
        roll=_roll(content.get("roll")),
    )


_ARRIVAL, _MARKET = values.shape(Arrival), values.shape(Market)
_FAILURE, _NUMBER, _TEXTS = values.shape(KeptFailure), values.shape(float), values.shape(Mapping[str, str])
_TIMINGS = values.shape(tuple[Timing, ...])


def _entry(entry: Entry, plain: Callable[[Any], Any]) -> dict[str, Any]:
    said: dict[str, Any] = {"port": entry.port, "question": [plain(each) for each in entry.question]}
    if isinstance(entry.answer, BaseException):
        return said | {"failure": plain(failures.keep(entry.answer))}
    return said | {"answer": plain(entry.answer)}


def _read_entry(place: str, plain: Any, is_bare: bool) -> Entry:
    if (
        not isinstance(plain, dict)
        or not isinstance(plain.get("port"), str)
        or not isinstance(plain.get("question"), list)
    ):
        raise Unreadable(place, "is no entry with port, question and answer")
    port, asked = plain["port"], plain["question"]
    within = ""
    try:
        method = values.method(port)
        if not method.needed <= len(asked) <= len(method.arguments):
            raise Unreadable("question", f"has {len(asked)} of the {len(method.arguments)} arguments of {port}")
        question = () if is_bare else _read_question(method.arguments, asked)
        if "failure" in plain:
            return Entry(port, question, _at("failure", _read_failure, plain["failure"]))
        if "answer" not in plain:
            raise Unreadable("", "has neither answer nor failure")
        within = "answer"
        return Entry(port, question, method.answer.read(plain["answer"]))
    except Unreadable as error:
        raise Unreadable(".".join(filter(None, (place, within, error.place))), error.what) from None


def _read_question(shapes: Sequence[Shape], asked: list[Any]) -> tuple[Any, ...]:
    told = enumerate(zip(shapes, asked, strict=False))
    return tuple([_at(f"question.{index}", shape.read, each) for index, (shape, each) in told])


def _read_failure(plain: Any) -> Exception:
    try:
        return failures.restore(_FAILURE.read(plain))
    except Unreadable:
        raise
    except ValueError as error:
        raise Unreadable("kind", str(error)) from None


def _content(document: bytes, *, is_strict: bool) -> dict[str, Any]:
    """The document's content as the present version has it, its digest checked."""
    if len(document) > MAX_BYTES:
        raise Unreadable("", f"the bundle is longer than {MAX_BYTES} bytes")
    outer = _json(document, is_strict)
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
    return cast(dict[str, Any], _at("content", upgraded, content, version, VERSION))


def _without(hidden: Mapping[str, str], content: dict[str, Any]) -> str:
    """The content's canonical text."""
    text = replaced = text_of(content)
    for secret, surrogate in hidden.items():
        replaced = replaced.replace(json.dumps(secret)[1:-1], json.dumps(surrogate)[1:-1])
    # Where a secret was a member's name, its place among the others may be another now.
    return text if replaced == text else text_of(json.loads(replaced))


def _json(document: bytes, is_strict: bool) -> Any:
    """The document's JSON. Where nobody waits for it, a member that stands twice is looked for too."""
    try:
        if not is_strict:
            return from_json(document, cache_strings="keys", allow_inf_nan=False)
    except ValueError:
        pass  # The usual reader says where, and takes what the quick one will not have.
    try:
        return json.loads(document, object_pairs_hook=_members, parse_constant=_no_number)
    except Unreadable:
        raise
    except (ValueError, RecursionError) as error:
        where = f" at byte {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise Unreadable("", f"the bundle is cut short or is not JSON{where}") from None


def _no_number(name: str) -> None:
    raise Unreadable("", f"{name} stands in it, which JSON does not know")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Unreadable("", f"the member {twice[:60]!r} stands twice in one object")
    return found


def _read_decided(plain: Any) -> Decided:
    """By hand: it is half of all the texts in a bundle, and nothing but texts."""
    if not isinstance(plain, dict) or not isinstance(plain.get("decision"), str):
        raise Unreadable("decision", "is missing or no text")
    return Decided(
        plain["decision"],
        _at("findings", _read_findings, plain.get("findings")),
        _at("facts", _TEXTS.read, plain.get("facts", {})),
    )


def _read_findings(plain: Any) -> tuple[Brief, ...]:
    if not isinstance(plain, list):
        raise Unreadable("", "is not a list")
    worded = [each for each in plain if type(each) is not str]
    if not worded:
        return tuple(plain)
    if set(map(type, worded)) - {list} or set(map(len, worded)) - {_WIDTH} or _types_in(worded) - {str}:
        raise Unreadable("", "is no list of checks, and of lists of a check, a verdict and two texts")
    return tuple([each if type(each) is str else in_brief(tuple(each)) for each in plain])


def _types_in(lists: list[Any]) -> set[type]:
    return set(map(type, chain.from_iterable(lists)))


#: Check, verdict, description, detail.
_WIDTH = 4


def _time(plain: Any) -> float:
    at: float = _NUMBER.read(plain)
    if not 0 <= at < _LAST:
        raise Unreadable("", "is no time that there is")
    return at


#: The year 10000, where calendars end.
_LAST = 253_402_300_800


def _roll(plain: Any) -> int:
    if type(plain) is not int or not 0 <= plain <= _LONGEST_ROLL:
        raise Unreadable("roll", "is no number of lines of the roll")
    return plain


_LONGEST_ROLL = 1_000_000


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


def _report_id(content: Mapping[str, Any]) -> str:
    """It names files and URLs: nothing that leads anywhere."""
    value = _text(content, "report_id")
    if not _REPORT_ID.fullmatch(value):
        raise Unreadable("report_id", "is no name of 1 to 64 letters, digits, dots, hyphens and underscores")
    return value


_REPORT_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def _at(place: str, reading: Callable[..., Any], *plain: Any) -> Any:
    """What `reading` makes of it; of what it cannot read, the place from the document's root."""
    try:
        return reading(*plain)
    except Unreadable as error:
        raise Unreadable(".".join(filter(None, (place, error.place))), error.what) from None
    except ValueError as error:
        raise Unreadable(place, str(error)) from None
