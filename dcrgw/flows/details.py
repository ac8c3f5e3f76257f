"""Where authorization details meet their types: judged, narrowed, put into words."""

from __future__ import annotations

from dcrgw.core.authorization.details import (
    NARROWED,
    RULES,
    DetailFault,
    Details,
    DetailText,
    note_all,
    unmatched,
)
from dcrgw.core.checks import Findings, Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.flows.occasions import occasion_of, questions_of
from dcrgw.ports import Ports
from dcrgw.ports.details import DetailContext, DetailOperation


def context_of(client: RegisteredClient, operation: DetailOperation, arrival: Arrival, report: Report) -> DetailContext:
    """What types are told of one request."""
    return DetailContext(client, operation, occasion_of(arrival, report))


async def rule_faults(details: Details, context: DetailContext, ports: Ports) -> tuple[DetailFault, ...]:
    """What the types say against them. Raises: Misconfigured, Unavailable."""
    return await ports.details.judge(details, context, questions_of(context.client.directory, ports))


async def settle_rules(details: Details, context: DetailContext, ports: Ports, report: Report) -> None:
    """Every detail obeys its type. Raises: Rejected with every fault; Misconfigured, Unavailable."""
    if not details:
        report.findings.add(RULES.skipped("no authorization details are asked for"))
        return
    findings = Findings()
    note_all(await rule_faults(details, context, ports), RULES, findings)
    report.settle(findings.judgement(True))


async def texts_of(
    details: Details, context: DetailContext, languages: tuple[str, ...], ports: Ports
) -> tuple[DetailText, ...]:
    """Each in words for a person. Raises: Misconfigured, Unavailable."""
    if not details:
        return ()
    return await ports.details.texts(details, context, languages, questions_of(context.client.directory, ports))


async def settle_narrowing(
    beyond: Details, wanted: Details, granted: Details, context: DetailContext, ports: Ports, report: Report
) -> None:
    """Details that are not themselves granted ask, by their types' own word, for less than one that was.

    `beyond` are those of `wanted`. Each granted detail covers one. Raises: Rejected with every fault.
    """
    _, left = unmatched(wanted, granted)
    free, faults = list(left), []
    ask = questions_of(context.client.directory, ports)
    for detail in beyond:
        for candidate in free:
            if candidate.type == detail.type and await ports.details.narrows(detail, candidate, context, ask):
                free.remove(candidate)
                break
        else:
            index = wanted.index(detail)
            faults.append(DetailFault(index, f"/{index}", "is more than was granted"))
    findings = Findings()
    note_all(faults, NARROWED, findings)
    report.settle(findings.judgement(beyond))
