"""The audit row of a decision: what was decided about whom, by which findings."""

from __future__ import annotations

from dataclasses import dataclass

from dcrgw.core.certificates.identity import ClientIdentity
from dcrgw.core.checks import Report
from dcrgw.core.registration.statement import SoftwareStatement
from dcrgw.errors import GatewayError, Misconfigured, Rejected, Unavailable
from dcrgw.flows.managing import Unauthorised
from dcrgw.ports.registry import AuditRecord, Change, Registry


@dataclass(frozen=True, slots=True)
class of_failures:  # noqa: N801 - read as `async with audit.of_failures(...)`
    """Write an audit row when the flow within fails, and let the failure go on.

    The row of a success is the registry's: it stands in the same transaction as the change.
    """

    report: Report
    registry: Registry

    async def __aenter__(self) -> None:
        """Nothing is written before something fails."""

    async def __aexit__(self, _kind: object, failure: BaseException | None, _trace: object) -> None:
        if not isinstance(failure, Exception):
            return
        report = self.report
        report.decision = _decision(failure)
        if not isinstance(failure, Rejected):
            report.facts["failure"] = str(failure) if isinstance(failure, GatewayError) else type(failure).__name__
        try:
            ends_token = failure.ends_token if isinstance(failure, Unauthorised) else None
            await self.registry.commit(Change(audit=record(report), ends_token=ends_token))
        except Unavailable as unwritten:
            # Nothing was changed, so the refusal stands; the log and the report say what is missing.
            report.facts["audit"] = f"not written: {unwritten.reason}"


def _decision(failure: Exception) -> str:
    match failure:
        case Rejected():
            return "refused"
        case Unavailable():
            return "unavailable"
        case Misconfigured():
            return "misconfigured"
        case _:
            return "failed"


def tell_identity(report: Report, identity: ClientIdentity) -> None:
    """Put who called into the report's facts."""
    report.facts["subject"] = identity.subject_dn
    report.facts["certificate_kind"] = identity.kind.value
    report.facts["x5t_s256"] = identity.x5t_s256


def tell_statement(report: Report, statement: SoftwareStatement) -> None:
    """Put whose statement was presented, and which key proved it, into the report's facts."""
    report.facts["directory"] = statement.directory
    report.facts["statement_kid"] = statement.kid
    report.facts["software_id"] = statement.software_id
    if statement.org_id is not None:
        report.facts["org_id"] = statement.org_id


def record(report: Report, client_id: str | None = None) -> AuditRecord:
    """The audit row of a report as it stands; plain passes are left out, since the catalogue tells them."""
    return AuditRecord(
        report_id=report.report_id,
        interaction_id=report.interaction_id,
        at=report.at,
        operation=report.operation,
        market=report.market,
        decision=report.decision,
        author=report.author,
        client_id=client_id or report.facts.get("client_id"),
        org_id=report.facts.get("org_id"),
        software_id=report.facts.get("software_id"),
        findings=tuple([finding.entry for finding in report.findings.noted]),
        facts=dict(report.facts),
    )
