"""A run of a pack as one page: which clauses are met, and each case with all that went over the wire."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dcrgw.compliance import pages
from dcrgw.compliance.conformance.playing import Played
from dcrgw.compliance.conformance.telling import MEANINGS, VERDICTS, Run
from dcrgw.compliance.conformance.transcript import Exchange

#: Cases that a cell of the matrix names; of more it says only how many.
_MOST_NAMED = 12
#: So many cases that somebody has to look at are open from the start.
_MOST_OPEN = 5
#: Verdicts whose cases the matrix names: those that somebody has to look at.
_NAMED = frozenset({"failed", "broken", "warned", "noted"})
_STANDARD = re.compile(r"(.*?)(?: section\b.*|[,:].*|)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Clause:
    """One row of the matrix: a clause, and by their verdict the cases about it: place on the page, and id."""

    name: str
    cells: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """One case as the page shows it."""

    anchor: str
    played: Played
    exchanges: tuple[tuple[Exchange, Mapping[str, Any], Mapping[str, Any]], ...]


def page_of_run(run: Run) -> str:
    """The page: no script, nothing loaded, opens from a disk."""
    shown = [Shown(f"case-{index}", each, tuple(map(_sides, each.exchanges))) for index, each in enumerate(run.cases)]
    came = tuple(verdict for verdict in VERDICTS if run.count(verdict))
    return pages.render(
        "conformance.html",
        title=f"{run.name} against {run.against or 'a bank'}",
        verdicts=came,
        totals={verdict: run.count(verdict) for verdict in came},
        run=run,
        at=datetime.fromtimestamp(run.at, UTC).isoformat(timespec="seconds"),
        meanings=MEANINGS,
        standards=list(_standards(shown, came)),
        named=_NAMED,
        most_named=_MOST_NAMED,
        is_short=sum(run.count(verdict) for verdict in _NAMED) <= _MOST_OPEN,
        cases=shown,
    )


def clauses_of(text: str) -> tuple[str, ...]:
    """The clauses that a case names, each with its standard: `RFC 7591 section 2; section 5` are two of RFC 7591."""
    found: list[str] = []
    for part in filter(None, (each.strip() for each in text.split(";"))):
        is_same = found and part.startswith("section ")
        found.append(f"{standard_of(found[-1])} {part}" if is_same else part)
    return tuple(dict.fromkeys(found))


def standard_of(clause: str) -> str:
    """The standard that a clause is of: what stands before its section, or its first comma."""
    found = _STANDARD.fullmatch(clause)
    return (found[1] if found else clause).strip() or clause


def _standards(cases: Iterable[Shown], verdicts: tuple[str, ...]) -> Iterator[tuple[str, tuple[Clause, ...]]]:
    """The matrix: standards in the order in which they come, each with its clauses."""
    gathered: dict[str, dict[str, dict[str, list[tuple[str, str]]]]] = {}
    for each in cases:
        for clause in clauses_of(each.played.clause):
            row = gathered.setdefault(standard_of(clause), {}).setdefault(clause, {})
            row.setdefault(each.played.verdict, []).append((each.anchor, each.played.id))
    for standard, clauses in gathered.items():
        yield standard, tuple(_clause(name, clauses[name], verdicts) for name in sorted(clauses, key=_in_order))


def _clause(name: str, row: Mapping[str, list[tuple[str, str]]], verdicts: tuple[str, ...]) -> Clause:
    return Clause(name, tuple((verdict, tuple(row.get(verdict, ()))) for verdict in verdicts))


def _in_order(clause: str) -> tuple[int | str, ...]:
    """Section 3.10 after section 3.2."""
    return tuple(part.zfill(6) if part.isdigit() else part for part in re.split(r"(\d+)", clause))


def _sides(exchange: Exchange) -> tuple[Exchange, Mapping[str, Any], Mapping[str, Any]]:
    """What was sent and what came, headers last, without what stands in the line above them."""
    return exchange, _side(exchange.sent, "method", "url"), _side(exchange.received or {}, "status", "ms")


def _side(told: Mapping[str, Any], *above: str) -> dict[str, Any]:
    side = {name: value for name, value in told.items() if name not in above}
    headers = side.pop("headers", {})
    return {**side, "headers": headers}
