"""A decision in words for somebody who has never seen a gateway: who asked what, what came of it, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from dcrgw.compliance.bundle import Bundle, Decided
from dcrgw.compliance.catalogue import to_do
from dcrgw.core.checks import CATALOGUE, Verdict

#: An operation -> what the caller wanted.
_WANTED = {
    "create": "to register a client",
    "read": "to read a client's registration",
    "manage": "to manage a client's registration",
    "update": "to change a client's registration",
    "delete": "to end a client's registration",
    "token": "for a token",
    "par": "to keep an authorization request that a customer will decide on",
    "authorize": "to have a customer decide",
    "decide": "to carry out what a customer decided",
    "introspect": "what a token is good for",
    "revoke": "to take a token back",
    "check_details": "what authorization details are worth",
}
_COMPLAINTS = (Verdict.FAILED.value, Verdict.UNKNOWN.value)
#: What is no decision about the request: the bank could not find out, or had a fault of its own.
_OURS = ("unavailable", "misconfigured", "failed", "unknown")


@dataclass(frozen=True, slots=True)
class Reason:
    """One check that stands against a request: its rule, what came, and what its sender does about it."""

    check: str
    verdict: str
    rule: str
    said: str
    detail: str
    clause: str
    to_do: str


def lead(bundle: Bundle, outcome: Decided) -> str:
    """One or two sentences: who asked for what and when, and what came of it."""
    facts = outcome.facts
    who = f"software {facts['software_id']}" if "software_id" in facts else facts.get("subject", "Somebody unproven")
    of = f" of organisation {facts['org_id']}" if "org_id" in facts and "software_id" in facts else ""
    at = datetime.fromtimestamp(bundle.at, UTC).strftime("%Y-%m-%d at %H:%M:%S UTC")
    wanted = _WANTED.get(bundle.operation, f"for {bundle.operation}")
    asked = f"On {at} {who}{of} asked market {bundle.market.name} {wanted}."
    return f"{asked} {_came_of_it(bundle, outcome)}"


def tone(outcome: Decided) -> str:
    """The verdict in whose colour a decision is shown."""
    if outcome.decision.partition(":")[0] in _OURS:
        return Verdict.UNKNOWN.value
    is_good = all(verdict not in _COMPLAINTS for _, verdict, _, _ in outcome.findings)
    return Verdict.PASSED.value if is_good else Verdict.FAILED.value


def reasons(findings: Sequence[Mapping[str, str]]) -> Iterator[Reason]:
    """What stands against it, in the order in which it was found. `findings` as a decision tells them."""
    for each in findings:
        if each["verdict"] in _COMPLAINTS:
            yield Reason(
                each["check"],
                each["verdict"],
                each["rule"],
                each["description"],
                each["detail"],
                each["spec"],
                to_do(each["check"]),
            )


def _came_of_it(bundle: Bundle, outcome: Decided) -> str:
    found = outcome.findings
    against = [check for check, verdict, _, _ in found if verdict in _COMPLAINTS]
    kind = outcome.decision.partition(":")[0]
    said = f"The decision: {outcome.decision}." if kind not in _OURS else f"There was none: {outcome.decision}."
    if kind == "refused" and against:
        first = CATALOGUE.get(against[0])
        code = bundle.market.error_codes.get(against[0]) or (first.code.value if first else "another")
        named = f" The first of them names the error: {code}."
        return f"{said} {_counted(len(against))} of the {len(found)} that were made went against it.{named}"
    why = outcome.facts.get("failure")
    passed = sum(verdict == Verdict.PASSED for _, verdict, _, _ in found)
    counted = f"{_counted(passed)} passed" + (f", {len(against)} failed or could not be found out" if against else "")
    return f"{said} {counted}." + (f" The reason: {why}." if why else "")


def _counted(number: int) -> str:
    return f"{number} check" if number == 1 else f"{number} checks"
