"""A recorded decision, decided again by the very flows that decided it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any

from dcrgw.compliance.bundle import Bundle, Decided
from dcrgw.compliance.kept import text_of
from dcrgw.compliance.recorded_ports import Answers, ports_of
from dcrgw.compliance.roll import later
from dcrgw.compliance.scripted import RunningScripts
from dcrgw.core.checks import Brief, Report, Verdict, in_full
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.errors import GatewayError
from dcrgw.flows.authorise import begin
from dcrgw.flows.check_details import check
from dcrgw.flows.create import create
from dcrgw.flows.decide import decide
from dcrgw.flows.delete import delete
from dcrgw.flows.exchange import exchange
from dcrgw.flows.forwarding import authorise as forwarded_authorise
from dcrgw.flows.forwarding import introspect as forwarded_introspect
from dcrgw.flows.forwarding import push as forwarded_push
from dcrgw.flows.forwarding import revoke as forwarded_revoke
from dcrgw.flows.forwarding import token as forwarded
from dcrgw.flows.introspect import introspect
from dcrgw.flows.push import push
from dcrgw.flows.read import read
from dcrgw.flows.revoke import revoke
from dcrgw.flows.update import update
from dcrgw.ports import Ports

#: Verdicts that no decision turns on.
_CONTENT = frozenset({Verdict.PASSED.value, Verdict.SKIPPED.value})


@dataclass(frozen=True, slots=True)
class Replayed:
    """The decision as it comes out now, and whether it is the recorded one to the byte."""

    bundle: Bundle
    decided: Decided
    #: The client as it was to be stored; None where none was.
    stored: RegisteredClient | None = None

    @property
    def is_same(self) -> bool:
        """Decision and canonical findings are those of the recording, byte for byte."""
        now, then = self.decided, self.bundle.decided
        if (now.decision, now.brief) == (then.decision, then.brief):
            return True
        return canonical(now) == canonical(then)


class Undecidable(ValueError):
    """A bundle that these rules, or this dcrgw, cannot decide at all. The message says why."""


def canonical(outcome: Decided) -> bytes:
    """Decision and findings in the one form in which they can be compared.

    Complaints stand in their order, since the first of them names the error; the rest by their checks, since in which
    order things were found well is no part of a decision.
    """
    complaints = [each for each in outcome.findings if each[1] not in _CONTENT]
    content = sorted([each for each in outcome.findings if each[1] in _CONTENT], key=itemgetter(0))
    return text_of({"decision": outcome.decision, "findings": [*complaints, *content]}).encode()


#: The decision of a replay that went beyond its evidence: what is not known is never a yes, and no no either.
UNKNOWN = "unknown"
#: The fact that says which questions a recording did not hold.
UNANSWERED = "unanswered"


async def replay(
    bundle: Bundle, *, at: float | None = None, market: Market | None = None, scripts: RunningScripts | None = None
) -> Replayed:
    """The bundle decided again: offline, at the recorded time and in the recorded market, or at others.

    With `scripts` those are run; without, what the recorded ones said stands. Never raises for what the flow decides.
    Where a question came up that the recording does not hold, the decision is unknown, whatever came of it.
    Raises: Undecidable for an operation that there is not.
    """
    when, where = bundle.at if at is None else at, market or bundle.market
    flow = flow_of(bundle.operation, where)
    answers = Answers(when, scripts.hidden if scripts is not None else frozenset())
    # The report's own id and time were asked before the flow began.
    ports = ports_of(bundle, answers)
    ports.randomness.report_id()
    if scripts is not None:
        ports = scripts.before(ports)
    report = Report(
        report_id=bundle.report_id,
        interaction_id=bundle.interaction_id,
        operation=bundle.operation,
        market=where.name,
        at=when,
    )
    arrival = bundle.arrival if bundle.arrival.market == where.name else replace(bundle.arrival, market=where.name)
    try:
        await flow(arrival, where, ports, report)
    except GatewayError:
        pass  # what it was stands in the report's decision
    except Exception as error:
        report.decision = report.decision if report.decision == "failed" else f"failed: {type(error).__name__}"
    if answers.unanswered:
        report.decision = UNKNOWN
        report.facts[UNANSWERED] = ", ".join(dict.fromkeys(answers.unanswered))
    return Replayed(bundle, _without_later(Decided.of(report), bundle), answers.stored)


def _without_later(outcome: Decided, bundle: Bundle) -> Decided:
    """The outcome less the checks that came after the bundle and are content: of them it could say nothing."""
    checks = later(bundle.roll).checks
    if not checks:
        return outcome
    return replace(outcome, brief=tuple(each for each in outcome.brief if not _is_content(each, checks)))


def _is_content(each: Brief, checks: frozenset[str]) -> bool:
    """Whether it is a word of one of these checks, and no complaint."""
    check, verdict, *_ = in_full(each)
    return check in checks and verdict in _CONTENT


async def _update(arrival: Arrival, market: Market, ports: Ports, report: Report) -> None:
    async def receive() -> bytes:
        return arrival.body

    await update(replace(arrival, body=b""), receive, market, ports, report)


#: What decides a request.
Flow = Callable[[Arrival, Market, Ports, Report], Awaitable[Any]]


def flow_of(operation: str, market: Market) -> Flow:
    """The flow of an operation, as the market's endpoints run it. Raises: Undecidable where there is none."""
    found = (_FORWARDED.get(operation) if market.upstream is not None else None) or _FLOWS.get(operation)
    if found is None:
        raise Undecidable(f"there is no operation {operation}: there are {', '.join(_FLOWS)}")
    return found


_FLOWS: Mapping[str, Flow] = {
    "create": create,
    "read": read,
    "manage": read,
    "update": _update,
    "delete": delete,
    "token": exchange,
    "par": push,
    "authorize": begin,
    "decide": decide,
    "introspect": introspect,
    "revoke": revoke,
    "check_details": check,
}
#: Those of markets with an authorization server behind, where they are others.
_FORWARDED: Mapping[str, Flow] = {
    "token": forwarded.exchange,
    "par": forwarded_push.push,
    "authorize": forwarded_authorise.begin,
    "introspect": forwarded_introspect.introspect,
    "revoke": forwarded_revoke.revoke,
}

#: What can be decided again.
OPERATIONS = tuple(_FLOWS)
