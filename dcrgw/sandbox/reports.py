"""The gateway's recent reports, as JSON for the management API and for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from dcrgw.core.checks import Finding, Report, Verdict


def find(recent: Sequence[Report], report_id: str | None) -> dict[str, Any] | None:
    """The report of that id, or the newest for None; None when it is not remembered."""
    for report in reversed(recent):
        if report_id in (None, report.report_id):
            return as_json(report)
    return None


def as_json(report: Report) -> dict[str, Any]:
    """The whole report. `detail` is the operator's word: the sandbox shows it, a gateway never does."""
    return {
        "report_id": report.report_id,
        "interaction_id": report.interaction_id,
        "operation": report.operation,
        "market": report.market,
        "at": report.at,
        "decision": report.decision,
        "facts": dict(report.facts),
        "findings": [_finding(finding) for finding in report.findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "check": finding.check.id,
        "verdict": finding.verdict.value,
        "spec": finding.check.spec,
        "rule": finding.check.sentence,
        "description": finding.description,
        "detail": finding.detail,
    }


def passed_by_stage(report: Report) -> dict[str, int]:
    """How many checks passed in each stage (the first word of a check id), in the order of the stages."""
    passed = (finding for finding in report.findings if finding.verdict is Verdict.PASSED)
    return dict(Counter(finding.check.id.partition(".")[0] for finding in passed))
