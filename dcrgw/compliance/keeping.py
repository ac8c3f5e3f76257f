"""From a decision just made to its bundle: everything in it, and no secret."""

from __future__ import annotations

from collections.abc import Mapping

from dcrgw.compliance import bundle as bundles
from dcrgw.compliance import redaction
from dcrgw.compliance.bundle import Bundle
from dcrgw.compliance.replay import decided
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Evidence
from dcrgw.core.market import Market


def bundled(report: Report, evidence: Evidence, market: Market, generations: Mapping[str, str]) -> bytes:
    """The document of a decision that is over. Raises: redaction.Withheld where it cannot be kept."""
    journal = tuple(evidence.journal.entries)
    hidden = redaction.surrogates(evidence.arrival, journal)
    arrival = redaction.without(evidence.arrival, hidden)
    # The request is known by its digest all over the journal.
    hidden[evidence.arrival.digest] = arrival.digest
    whole = Bundle(
        report_id=report.report_id,
        interaction_id=report.interaction_id,
        operation=report.operation,
        at=evidence.at,
        arrival=arrival,
        market=market,
        journal=journal,
        decided=decided(report),
        generations=generations,
    )
    return bundles.write(whole, hidden)
