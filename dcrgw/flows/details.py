"""Where authorization details meet their types: judged, narrowed, put into words."""

from __future__ import annotations

from dcrgw.core.authorization.details import NARROWED, RULES, DetailFault, Details, note_all, unmatched
from dcrgw.core.checks import Findings, Report
from dcrgw.ports.details import DetailContext
from dcrgw.ports.details import Details as Types


async def settle_rules(details: Details, context: DetailContext, types: Types, report: Report) -> None:
    """Every detail obeys its type. Raises: Rejected with every fault; Misconfigured, Unavailable."""
    if not details:
        report.findings.add(RULES.skipped("no authorization details are asked for"))
        return
    _settle(await types.judge(details, context), report)


async def settle_narrowing(
    beyond: Details, wanted: Details, granted: Details, context: DetailContext, types: Types, report: Report
) -> None:
    """Details that are not themselves granted ask, by their types' own word, for less than one that was.

    `beyond` are those of `wanted`. Each granted detail covers one. Raises: Rejected with every fault.
    """
    _, left = unmatched(wanted, granted)
    free, faults = list(left), []
    for detail in beyond:
        for candidate in free:
            if candidate.type == detail.type and await types.narrows(detail, candidate, context):
                free.remove(candidate)
                break
        else:
            index = wanted.index(detail)
            faults.append(DetailFault(index, f"/{index}", "is more than was granted"))
    findings = Findings()
    note_all(faults, NARROWED, findings)
    report.settle(findings.judgement(beyond))


def _settle(faults: tuple[DetailFault, ...], report: Report) -> None:
    findings = Findings()
    note_all(faults, RULES, findings)
    report.settle(findings.judgement(True))
