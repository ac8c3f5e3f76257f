"""One page that explains decisions to somebody without a gateway: no script, nothing loaded, opens from a disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from dcrgw.compliance import decoding, pages
from dcrgw.compliance.bundle import Bundle, Decided
from dcrgw.compliance.comparing import Shift
from dcrgw.compliance.explaining import Reason, lead, reasons, tone
from dcrgw.compliance.keeping import told_of_bundle
from dcrgw.compliance.run import Result, Tally
from dcrgw.core.checks import Verdict

#: Decisions that are shown whole; of more only the matrix and those that changed.
_MOST_WHOLE = 200
#: Columns of the matrix that a screen still holds.
_MOST_COLUMNS = 60
#: What the findings can be filtered by.
_FILTERS = (Verdict.FAILED.value, Verdict.UNKNOWN.value, Verdict.SKIPPED.value, Verdict.PASSED.value)
_SIGNS = {Verdict.PASSED: "\u2713", Verdict.FAILED: "\u2717", Verdict.SKIPPED: "\u2013", Verdict.UNKNOWN: "?"}


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of the timeline, in percent of the whole."""

    what: str
    stages: str
    left: float
    width: float
    took_ms: float


@dataclass(frozen=True, slots=True)
class Shown:
    """One decision as the page shows it."""

    name: str
    anchor: str
    tone: str
    lead: str
    reasons: tuple[Reason, ...]
    told: dict[str, Any]
    at: str
    stages: tuple[tuple[str, tuple[dict[str, Any], ...]], ...]
    counts: tuple[tuple[str, int], ...]
    bars: tuple[Bar, ...]
    tokens: tuple[decoding.Token, ...]
    body: str
    certificates: tuple[decoding.ShownCertificate, ...]
    asked: tuple[decoding.Asked, ...]
    shift: Shift | None = None
    imported: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One check of the matrix: its sign and verdict in each column."""

    check: str
    cells: tuple[tuple[str, str], ...]


def page_of_bundle(bundle: Bundle, *, imported: bool = False) -> str:
    """The page of one decision; `imported` where the gateway that shows it did not judge it."""
    shown = replace(_shown(bundle.report_id, bundle, bundle.decided), imported=imported)
    title = f"{bundle.operation} in market {bundle.market.name}: {bundle.decided.decision}"
    return _page(title, [shown])


def page_of_results(results: Sequence[Result], tally: Tally) -> str:
    """The page of a run: what changed, the matrix of checks, and each decision as it came out."""
    read = [(each, each.found.bundle, None if each.after is None else each.after.decided) for each in results]
    decided = [(each, bundle, after) for each, bundle, after in read if bundle is not None and after is not None]
    ordered = sorted(decided, key=lambda each: _weight(each[0].shift), reverse=True)
    whole = ordered[:_MOST_WHOLE]
    columns = ordered[:_MOST_COLUMNS]
    return _page(
        "Replayed decisions",
        [
            replace(_shown(_name(each), bundle, after, each.shift, number), imported=each.found.imported)
            for number, (each, bundle, after) in enumerate(whole)
        ],
        summary=tally.sentence,
        columns=[(_anchor(number), _name(each)) for number, (each, _, _) in enumerate(columns)],
        rows=list(_rows([after for _, _, after in columns])),
        faults=[(_name(each), each.fault) for each in results if each.shift is None],
        left_out=len(ordered) - len(whole),
    )


def _page(title: str, decisions: list[Shown], **more: Any) -> str:
    """The page: what it says besides the decisions is nothing unless told."""
    nothing = {"summary": "", "rows": [], "columns": [], "faults": [], "left_out": 0}
    return pages.render("report.html", title=title, verdicts=_FILTERS, decisions=decisions, **{**nothing, **more})


def _weight(shift: Shift | None) -> int:
    """What changed most first: whoever has a thousand bundles looks for that."""
    return 0 if not shift else 3 if shift.is_decision else 2 if shift.stored else 1


def _anchor(number: int) -> str:
    return f"decision-{number}"


def _shown(name: str, bundle: Bundle, outcome: Decided, shift: Shift | None = None, number: int = 0) -> Shown:
    told = told_of_bundle(bundle).with_outcome(outcome.decision, outcome.findings).told()
    told["facts"] = dict(outcome.facts)
    findings = told["findings"]
    found = [each["verdict"] for each in findings]
    return Shown(
        name=name,
        anchor=_anchor(number),
        tone=tone(outcome),
        lead=lead(bundle, outcome),
        reasons=tuple(reasons(findings)),
        told=told,
        at=datetime.fromtimestamp(bundle.at, UTC).isoformat(timespec="milliseconds"),
        stages=tuple(_stages(findings)),
        counts=tuple((verdict.value, found.count(verdict)) for verdict in Verdict),
        bars=tuple(_bars(told["timings"])),
        tokens=decoding.tokens(bundle.arrival),
        body="" if decoding.tokens(bundle.arrival) else decoding.plain_body(bundle.arrival),
        certificates=decoding.certificates(bundle.arrival),
        asked=decoding.asked(bundle),
        shift=shift,
    )


def _stages(findings: Iterable[dict[str, Any]]) -> Iterator[tuple[str, tuple[dict[str, Any], ...]]]:
    """Findings in the order of their stages; a stage that comes again, after scripts, is one of its own."""
    gathered: list[dict[str, Any]] = []
    for each in findings:
        if gathered and _stage(each) != _stage(gathered[0]):
            yield _stage(gathered[0]), tuple(gathered)
            gathered = []
        gathered.append(each)
    if gathered:
        yield _stage(gathered[0]), tuple(gathered)


def _stage(finding: dict[str, Any]) -> str:
    return str(finding["check"]).partition(".")[0]


def _bars(timings: Sequence[dict[str, Any]]) -> Iterator[Bar]:
    whole = max((each["at_ms"] + each["took_ms"] for each in timings), default=0.0) or 1.0
    for each in timings:
        left, width = 100 * each["at_ms"] / whole, max(0.3, 100 * each["took_ms"] / whole)
        yield Bar(each["what"], ", ".join(each["stages"]), left, width, each["took_ms"])


def _rows(outcomes: Sequence[Decided]) -> Iterator[Row]:
    """Every check on which the decisions are not all of one mind, or that refused one."""
    verdicts = [{check: verdict for check, verdict, _, _ in outcome.findings} for outcome in outcomes]
    for check in dict.fromkeys(check for each in verdicts for check in each):
        cells = [each.get(check, "") for each in verdicts]
        if any(cell in (Verdict.FAILED, Verdict.UNKNOWN) for cell in cells):
            yield Row(check, tuple((_SIGNS.get(Verdict(cell), "") if cell else "", cell or "absent") for cell in cells))


def _name(result: Result) -> str:
    return result.found.path.name.removesuffix(".bundle.json")
