"""From a decision just made to its bundle: everything in it, and no secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from dcrgw.compliance import bundle as bundles
from dcrgw.compliance import redaction
from dcrgw.compliance.bundle import Bundle, Decided
from dcrgw.core.checks import Report, Verdict
from dcrgw.core.decision import Decision, timings_of
from dcrgw.core.evidence import Evidence
from dcrgw.core.market import Market
from dcrgw.ports.decisions import DecisionLine, Worth

#: The verdicts by which a decision is looked for.
_LOOKED_FOR = frozenset({Verdict.FAILED.value, Verdict.UNKNOWN.value})


@dataclass(frozen=True, slots=True)
class Closed:
    """A decision that is over, with the very market that decided it. `ended` is monotonic seconds."""

    report: Report
    evidence: Evidence
    market: Market
    ended: float = 0.0
    generations: Mapping[str, str] = field(default_factory=dict)
    #: What the bank hides from everybody: values of its scripts' properties.
    hidden: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def told(self) -> Decision:
        """The same as it can be told."""
        report, journal = self.report, self.evidence.journal
        return Decision(
            report_id=report.report_id,
            interaction_id=report.interaction_id,
            operation=report.operation,
            market=report.market,
            at=report.at,
            decision=report.decision,
            findings=Decided.of(report).findings,
            facts=dict(report.facts),
            arrival=self.evidence.arrival,
            journal=tuple(journal.entries),
            timings=timings_of(list(journal.moments), self.ended, report.findings),
            generations={"dcrgw": _version(), **self.generations},
            profile=self.market.profile,
        )


def bundled(closed: Closed) -> bytes:
    """The document of a decision that is over. Raises: redaction.Withheld where it cannot be kept."""
    evidence, told = closed.evidence, closed.told
    hidden = redaction.surrogates(evidence.arrival, told.journal, closed.hidden)
    arrival = redaction.without(evidence.arrival, hidden)
    # The request is known by its digest all over the journal.
    hidden[evidence.arrival.digest] = arrival.digest
    whole = Bundle(
        report_id=told.report_id,
        interaction_id=told.interaction_id,
        operation=told.operation,
        at=evidence.at,
        arrival=arrival,
        market=closed.market,
        journal=redaction.in_journal(told.journal, hidden, closed.hidden),
        decided=Decided.of(closed.report),
        generations=told.generations,
        timings=told.timings,
    )
    return bundles.write(whole, hidden)


def line_of(closed: Closed) -> DecisionLine:
    """The decision as a list shows it."""
    report, outcome = closed.report, Decided.of(closed.report)
    return _line(report.report_id, report.interaction_id, report.operation, report.market, report.at, outcome)


def line_of_bundle(bundle: Bundle) -> DecisionLine:
    """The same of a bundle."""
    market = bundle.market.name
    return _line(bundle.report_id, bundle.interaction_id, bundle.operation, market, bundle.at, bundle.decided)


def told_of_bundle(bundle: Bundle) -> Decision:
    """A bundle's decision as it can be told."""
    return Decision(
        report_id=bundle.report_id,
        interaction_id=bundle.interaction_id,
        operation=bundle.operation,
        market=bundle.market.name,
        at=bundle.at,
        decision=bundle.decided.decision,
        findings=bundle.decided.findings,
        facts=bundle.decided.facts,
        arrival=bundle.arrival,
        journal=bundle.journal,
        timings=bundle.timings,
        generations=bundle.generations,
        profile=bundle.market.profile,
    )


def _line(
    report_id: str, interaction_id: str, operation: str, market: str, at: float, outcome: Decided
) -> DecisionLine:
    return DecisionLine(
        report_id=report_id,
        at=at,
        market=market,
        operation=operation,
        decision=outcome.decision,
        client_id=outcome.facts.get("client_id"),
        org_id=outcome.facts.get("org_id"),
        software_id=outcome.facts.get("software_id"),
        interaction_id=interaction_id,
        checks=tuple(dict.fromkeys(each[0] for each in outcome.findings if each[1] in _LOOKED_FOR)),
        worth=worth_of(outcome.decision, outcome.facts),
    )


def worth_of(decision: str, facts: Mapping[str, str]) -> Worth:
    """What a decision is worth when there is no room for all."""
    if decision in _CHANGES:
        return Worth.CHANGE
    # A subject is told only of a certificate that was found good.
    return Worth.CALLER if "subject" in facts else Worth.STRANGER


#: Decisions by which something is another than before that a bank may have to account for years later.
_CHANGES = frozenset({"registered", "updated", "deleted", "approved"})


@cache
def _version() -> str:
    try:
        return version("dcrgw")
    except PackageNotFoundError:  # from a source tree that nobody installed
        return "unknown"
