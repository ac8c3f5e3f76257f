"""A run of a pack, told: to people, as JSON, and as JUnit XML for pipelines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from xml.etree import ElementTree as ET

from dcrgw.compliance.conformance.pack import Pack
from dcrgw.compliance.conformance.playing import Played
from dcrgw.compliance.conformance.transcript import Exchange
from dcrgw.compliance.telling import xml_text

#: How a case can end, worst first.
VERDICTS = ("failed", "broken", "warned", "noted", "skipped", "passed")
_WORDS = {
    "failed": "failed",
    "broken": "without an answer",
    "warned": "should be otherwise",
    "noted": "may be otherwise",
    "skipped": "skipped",
    "passed": "passed",
}
#: The same for somebody who reads a report without the manual.
MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "failed": "the standard says must, and the bank does otherwise",
        "broken": "the bank gave no answer, or the tester's hook did not",
        "warned": "the standard says should, and the bank does otherwise",
        "noted": "the standard says may, and the bank does otherwise",
        "skipped": "the bank does not offer this, or the tester lacks what it needs; the reason is named",
        "passed": "the bank does so; where the standard leaves a choice, each of its outcomes passes",
    }
)


@dataclass(slots=True)
class Run:
    """What came of a pack against one bank. `at` is epoch seconds."""

    pack: Pack
    against: str
    at: float
    #: What is run: the pack, unless it is something else.
    name: str = ""
    cases: list[Played] = field(default_factory=list)
    interrupted: bool = False

    def __post_init__(self) -> None:
        self.name = self.name or self.pack.id

    def count(self, verdict: str) -> int:
        """How many cases ended so."""
        return sum(played.verdict == verdict for played in self.cases)

    @property
    def left_behind(self) -> list[str]:
        """Clients that could not be cleared away."""
        return [client for played in self.cases for client in played.left_behind]

    @property
    def sentence(self) -> str:
        """`206 cases: 1 failed, 205 passed`."""
        counts = [f"{self.count(verdict)} {_WORDS[verdict]}" for verdict in VERDICTS if self.count(verdict)]
        said = f"{self.name}: {len(self.cases)} cases: {', '.join(counts) or 'none'}"
        return said + (", interrupted" if self.interrupted else "")


def as_json(run: Run) -> dict[str, Any]:
    """The whole run with every exchange."""
    return {
        "format": "dcrgw.conformance",
        "version": 1,
        "pack": run.name,
        "title": run.pack.title,
        "against": run.against,
        "at": run.at,
        "interrupted": run.interrupted,
        "counts": {verdict: run.count(verdict) for verdict in VERDICTS},
        "left_behind": run.left_behind,
        "cases": [_case(played) for played in run.cases],
    }


def as_junit(run: Run) -> str:
    """The run as one JUnit test suite; what `should` be otherwise passes there, and says so in its output."""
    suite = ET.Element("testsuite", name=f"dcrgw conformance {run.name}", tests=str(len(run.cases)))
    suite.set("failures", str(run.count("failed")))
    suite.set("errors", str(run.count("broken")))
    suite.set("skipped", str(run.count("skipped")))
    suite.set("time", f"{sum(played.seconds for played in run.cases):.3f}")
    for played in run.cases:
        case = ET.SubElement(suite, "testcase", classname=f"dcrgw.{run.name}", name=xml_text(played.id))
        case.set("time", f"{played.seconds:.3f}")
        element = {"failed": "failure", "broken": "error", "skipped": "skipped"}.get(played.verdict)
        if element is not None:
            ET.SubElement(case, element, message=xml_text(played.reason)).text = xml_text(_told(played, element))
        elif played.verdict != "passed":
            ET.SubElement(case, "system-out").text = xml_text(_told(played, "warning"))
    return ET.tostring(suite, encoding="unicode", xml_declaration=True)


def as_text(played: Played, *, whole: bool) -> Iterator[str]:
    """Lines for one case: its verdict, and with `whole` what went over the wire where it did not pass."""
    yield printable(f"{played.id}: {played.title}")
    if played.verdict != "passed":
        yield f"    {printable(played.reason)}"
        yield f"    see {printable(played.clause)}"
    for client in played.left_behind:
        yield f"    left behind at the bank: client {printable(client)}"
    if whole and played.verdict not in ("passed", "skipped"):
        yield from (f"    {line}" for line in transcript_lines(played.exchanges))


def transcript_lines(exchanges: Iterable[Exchange]) -> Iterator[str]:
    """Every request and its answer, decoded."""
    for exchange in exchanges:
        sent = dict(exchange.sent)
        yield printable(f"> {exchange.do}: {sent.pop('method')} {sent.pop('url')}")
        yield from (printable(f">   {name}: {_compact(value)}") for name, value in sent.items())
        if exchange.received is None:
            yield printable(f"< no answer: {exchange.trouble}")
            continue
        received = dict(exchange.received)
        yield f"< {received.pop('status')} after {received.pop('ms')} ms"
        yield from (printable(f"<   {name}: {_compact(value)}") for name, value in received.items())


def printable(value: object) -> str:
    """Without what could drive a terminal: the text comes from a stranger."""
    return "".join(c if c.isprintable() else "?" for c in str(value))


def _told(played: Played, element: str) -> str:
    lines = [played.title, f"see {played.clause}", played.reason]
    return "\n".join(lines if element == "skipped" else [*lines, "", *transcript_lines(played.exchanges)])


def _case(played: Played) -> dict[str, Any]:
    return {
        "id": played.id,
        "title": played.title,
        "clause": played.clause,
        "severity": played.severity,
        "verdict": played.verdict,
        "reason": played.reason,
        "seconds": round(played.seconds, 3),
        "left_behind": played.left_behind,
        "exchanges": [_exchange(each) for each in played.exchanges],
    }


def _exchange(exchange: Exchange) -> dict[str, Any]:
    return {
        "do": exchange.do,
        "implied": exchange.implied,
        "sent": exchange.sent,
        "received": exchange.received,
        "trouble": exchange.trouble,
        "met": exchange.met,
        "allowed": [
            {"name": each.name, "rules": each.rules, "met": each.is_met, "differences": each.differences}
            for each in exchange.allowed
        ],
    }


def _compact(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
