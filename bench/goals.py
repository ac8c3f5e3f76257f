"""The goals: ratios of two things measured in the same round, so that no figure needs this very machine; but G15."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

#: Above this share of a core the load generator, not the server, may have set the pace.
CLIENT_BOUND = 0.7


@dataclass(frozen=True, slots=True)
class Goal:
    """One ratio. `more` is True where a greater one is better; `must` is the product's bound, `aim` its wish.

    Without them it is told only, so that a reader knows what a bound is worth.
    """

    id: str
    what: str
    more: bool
    must: float | None = None
    aim: float | None = None

    def verdict(self, value: float) -> str:
        """aim, must or missed; told where there is no bound."""
        if self.must is None:
            return "told"
        if self._reaches(value, self.aim):
            return "aim"
        return "must" if self._reaches(value, self.must) else "missed"

    def bound(self, value: float | None) -> str:
        """A bound as it stands in the table."""
        if value is None:
            return "-"
        return f"{'>=' if self.more else '<='} {value:g}"

    def _reaches(self, value: float, bound: float | None) -> bool:
        if bound is None:
            return False
        return value >= bound if self.more else value <= bound


GOALS = {
    goal.id: goal
    for goal in (
        Goal("G1", "plain registrations/s, mTLS kept alive, gateway / peer", True, 2, 3),
        Goal("G1b", "the same by server CPU per request, peer / gateway", True, 2, 3.5),
        Goal("G2", "the same with a new mTLS connection per request, gateway / peer", True, 1.5, 2),
        Goal("G1-bare", "as G1 with no check at all: edge, one event and one synced row / peer", True),
        Goal("G1b-bare", "the same by server CPU per request, peer / bare", True),
        Goal("G2-bare", "as G2 with no check at all, bare / peer", True),
        Goal("G3", "OB registration in process / two bare PS256 verifies", False, 4, 2.5),
        Goal("G4", "OB registration, server CPU of the whole gateway / two bare PS256 verifies", False, 8, 5),
        Goal("G5", "our JOSE door / jwcrypto with a cached key, PS256 tokens per CPU second", True, 2, 3),
        Goal("G8", "group commit / aiosqlite commit each, 32 at once, FULL", True, 4, 7),
        Goal("G9", "CPU that a trivial inline script adds to an OB registration, share", False, 0.05, 0.02),
        Goal("G9b", "the same in a worker, its processes' CPU counted", False, 0.4, 0.2),
        Goal("G13", "offline replay of recorded OB registrations / registrations in process", True, 0.5, 0.8),
        Goal("G11", "fetches per URL, 32 concurrent first requests, cold caches", False, 1, 1),
        Goal(
            "G16", "a token request forwarded to oidc-provider / asked of it directly, time of one after another", False
        ),
        Goal("G16-null", "the same before a server that does nothing", False),
        Goal(
            "G16b", "the gateway's CPU for a token request forwarded to oidc-provider / answered by itself", False, 3, 2
        ),
        Goal("G16b-null", "the same before a server that does nothing", False),
        Goal("G15", "authorization_details of one payment by JSON Schema and inline script, us", False, 100, 40),
    )
}

#: Those that need the peer.
BESIDE_PEER = [goal for goal in GOALS if goal.startswith(("G1b", "G1-", "G2")) or goal == "G1"]
#: Those that need an authorization server behind the gateway.
FORWARDED = [goal for goal in GOALS if goal.startswith("G16")]


@dataclass(slots=True)
class Measured:
    """A goal's ratios, one a round, with the raw figures behind them."""

    goal: Goal
    ratios: list[float] = field(default_factory=list)
    rounds: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    #: Why it was not measured.
    skipped: str | None = None

    @property
    def median(self) -> float:
        """The median of the rounds' ratios; never the ratio of two medians."""
        return median(self.ratios)

    @property
    def verdict(self) -> str:
        """aim, must, missed or skipped."""
        return "skipped" if self.skipped is not None or not self.ratios else self.goal.verdict(self.median)

    def json(self) -> dict[str, Any]:
        """Everything, as a JSON object."""
        found: dict[str, Any] = {"what": self.goal.what, "must": self.goal.must, "aim": self.goal.aim}
        found |= {"verdict": self.verdict, "skipped": self.skipped, "notes": self.notes}
        if self.ratios:
            found |= {"median": self.median, "min": min(self.ratios), "max": max(self.ratios), "ratios": self.ratios}
        return found | {"rounds": self.rounds}


def skipped(ids: Sequence[str], reason: str) -> list[Measured]:
    """Goals that could not be measured here."""
    return [Measured(GOALS[each], skipped=reason) for each in ids]


def told_of_client(measured: Measured, shares: Sequence[float]) -> Measured:
    """The same with a note when the load generator was the bottleneck of some run."""
    bound = [share for share in shares if share > CLIENT_BOUND]
    if bound:
        measured.notes.append(f"client-bound: {len(bound)} of {len(shares)} runs, up to {max(bound):.0%} of a core")
    return measured


def table(results: Sequence[Measured]) -> str:
    """A plain table for people."""
    rows = [("goal", "measured: median [min-max]", "must", "aim", "verdict", "what")]
    for each in results:
        goal = each.goal
        figures = each.skipped or "-"
        if each.ratios:
            figures = f"{each.median:.2f} [{min(each.ratios):.2f}-{max(each.ratios):.2f}]"
        rows.append((goal.id, figures, goal.bound(goal.must), goal.bound(goal.aim), each.verdict, goal.what))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[5]]) for row in rows
    ]
    lines += [f"{each.goal.id}: {note}" for each in results for note in each.notes]
    return "\n".join(line.rstrip() for line in lines)
