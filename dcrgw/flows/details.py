"""Where authorization details meet their types: judged, narrowed, put into words."""

from __future__ import annotations

from collections.abc import Sequence

from dcrgw.core.authorization.detail_rules import unenriched
from dcrgw.core.authorization.details import (
    NARROWED,
    RULES,
    AuthorizationDetail,
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
    wanted: Details,
    granted: Details,
    context: DetailContext,
    ports: Ports,
    report: Report,
    *,
    is_enriched: bool = False,
) -> None:
    """Details that are not themselves granted ask, by their types' own word, for less than one that was.

    Raises: Rejected with every fault.
    """
    more = await exceeding(wanted, granted, context, ports, is_enriched=is_enriched)
    findings = Findings()
    note_all([DetailFault(index, f"/{index}", "is more than was granted") for index in more], NARROWED, findings)
    report.settle(findings.judgement(wanted))


async def exceeding(
    wanted: Details, granted: Details, context: DetailContext, ports: Ports, *, is_enriched: bool = False
) -> tuple[int, ...]:
    """Which of `wanted`, by their indexes, are neither granted as they are nor less of it. Each granted one covers one.

    `is_enriched` says that a server gave them back: what their types let it fill in then counts for nothing.
    """
    beyond, left = unmatched(wanted, granted)
    free = list(left)
    more = []
    for index in beyond:
        detail = wanted[index]
        places = ports.details.enriches(context.client.market, detail.type) if is_enriched else None
        for candidate in free:
            if candidate.type == detail.type and await _is_less(detail, candidate, places, context, ports):
                free.remove(candidate)
                break
        else:
            more.append(index)
    return tuple(more)


async def _is_less(
    wanted: AuthorizationDetail,
    granted: AuthorizationDetail,
    places: Sequence[str] | None,
    context: DetailContext,
    ports: Ports,
) -> bool:
    """`places` is None for what a client asks itself: what a server gives back is another's spelling of the same."""
    plain, asked = unenriched(wanted, granted, places or ())
    if places is not None and plain.said == asked.said:
        return True
    return await ports.details.narrows(plain, asked, context, questions_of(context.client.directory, ports))
