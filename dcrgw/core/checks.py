"""A check is a value: an id, a clause, an OAuth error code, one sentence, and (mostly) a pure function.

Audit rows, error answers, docs and tests all name a check by its id. Two kinds exist:

* a **rule** judges one subject and is written as a decorated function (`@check`);
* a **gate** is declared (`gate`) and stated by code that has to look at its input step by step,
  such as a parser, where what comes next makes sense only once this holds.

Both live in `CATALOGUE`, from which docs/checks.md is generated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence, Sized
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

from dcrgw.core.values import lean
from dcrgw.errors import ErrorCode, Fault, Rejected

S = TypeVar("S")
T = TypeVar("T")


class Verdict(StrEnum):
    """What became of one check."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A rule's way to say that it does not apply, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A rule's way to say no with a private `detail` beside the public `description`."""

    description: str
    detail: str = ""


#: What a rule returns: None is a pass, a string the public description of a failure.
Outcome = None | str | Failed | Skipped


#: (check id, verdict, description, detail).
Found = tuple[str, str, str, str]
#: An entry, or the text that says as much.
Brief = str | Found


def in_brief(entry: Found) -> Brief:
    """A pass as its check alone, what did not apply as its check, a blank, and why; of all else every word."""
    check, verdict, description, detail = entry
    if description or verdict not in (Verdict.PASSED, Verdict.SKIPPED):
        return entry
    if verdict == Verdict.PASSED:
        return entry if detail else check
    return f"{check} {detail}" if detail else entry


def in_full(brief: Brief) -> Found:
    """What was told in brief."""
    if not isinstance(brief, str):
        return brief
    check, blank, detail = brief.partition(" ")
    return check, (Verdict.SKIPPED if blank else Verdict.PASSED).value, "", detail


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's verdict. `description` is public, `detail` is for the operator's report only."""

    check: Gate
    verdict: Verdict
    description: str = ""
    detail: str = ""
    #: Where the wire code is not the check's own: a script may choose another.
    code: ErrorCode | None = None
    #: (check id, verdict, description, detail), as the audit trail keeps it. Made once, since nearly all findings
    #: are shared by all requests.
    entry: tuple[str, str, str, str] = field(init=False, repr=False, compare=False)
    #: The same in brief: a pass is its check alone, what did not apply its check, a blank, and why.
    brief: Brief = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        entry = self.check.id, self.verdict.value, self.description, self.detail
        object.__setattr__(self, "entry", entry)
        object.__setattr__(self, "brief", in_brief(entry))

    @property
    def fault(self) -> Fault:
        """The finding as the caller may see it."""
        code = self.code or self.check.code
        return Fault(self.check.id, code, self.description, self.check.spec, self.check.status)


#: Kept skips of one gate; a reason that is made up at run time must not fill the memory.
_MOST_SKIPS = 16


@dataclass(frozen=True, slots=True, eq=False)
class Gate:
    """A declared check. `code` and `status` are what a failure becomes on the wire."""

    id: str
    spec: str
    code: ErrorCode
    sentence: str
    status: int = 400
    #: The one finding for a pass without detail.
    passed: Finding = field(init=False, repr=False)
    #: The findings for not applying, by reason. Making them anew was a tenth of judging a registration.
    _skips: dict[str, Finding] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "passed", Finding(self, Verdict.PASSED))

    def failed(self, description: str, detail: str = "", code: ErrorCode | None = None) -> Finding:
        """A no. `description` is made safe for an OAuth `error_description`."""
        return Finding(self, Verdict.FAILED, wire_text(description), detail, code)

    def skipped(self, reason: str) -> Finding:
        """Did not apply. `reason` is one of a few fixed sentences."""
        known = self._skips.get(reason)
        if known is None:
            known = Finding(self, Verdict.SKIPPED, detail=reason)
            if len(self._skips) < _MOST_SKIPS:
                self._skips[reason] = known
        return known

    def unknown(self, detail: str) -> Finding:
        """Could not be found out."""
        return Finding(self, Verdict.UNKNOWN, detail=detail)

    def rejection(self, description: str, detail: str = "") -> Rejected:
        """The exception for code outside the core (adapters) that must refuse by this check."""
        return Rejected([self.failed(description, detail).fault])


@dataclass(frozen=True, slots=True, eq=False)
class Check(Gate, Generic[S]):
    """A rule: a check with its judging function."""

    judge: Callable[[S], Outcome] = field(kw_only=True)

    def __call__(self, subject: S) -> Finding:
        return self.finding(self.judge(subject))

    def finding(self, outcome: Outcome) -> Finding:
        """What the judging function said, as a finding."""
        if outcome is None:
            return self.passed
        if isinstance(outcome, Skipped):
            return self.skipped(outcome.reason)
        if isinstance(outcome, Failed):
            return self.failed(outcome.description, outcome.detail)
        return self.failed(outcome)


@dataclass(frozen=True, slots=True, eq=False)
class Conditional(Generic[S]):
    """Rules that apply on one condition, which is looked at once for all of them; else they are skipped, and why."""

    holds: Callable[[S], bool]
    reason: str
    rules: tuple[Check[S], ...]
    skips: tuple[Finding, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "skips", tuple(rule.skipped(self.reason) for rule in self.rules))


#: Every check there is, by id, in order of declaration.
CATALOGUE: dict[str, Gate] = {}

_ID = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")


def _enter(entry: Gate) -> None:
    if not _ID.fullmatch(entry.id):
        raise ValueError(f"check id {entry.id!r} is not dotted lower case")
    if entry.id in CATALOGUE:
        raise ValueError(f"check id {entry.id!r} is declared twice")
    CATALOGUE[entry.id] = entry


def gate(id: str, sentence: str, *, spec: str, code: ErrorCode, status: int = 400) -> Gate:
    """Declare a check that step-by-step code states itself."""
    entry = Gate(id, spec, code, sentence, status)
    _enter(entry)
    return entry


def check(id: str, *, spec: str, code: ErrorCode, status: int = 400) -> Callable[[Callable[[S], Outcome]], Check[S]]:
    """Turn a pure function into a rule; the first line of its docstring is the catalogue's sentence."""

    def enter(judge: Callable[[S], Outcome]) -> Check[S]:
        sentence = (judge.__doc__ or "").strip().partition("\n")[0]
        if not sentence:
            raise ValueError(f"check {id} has no sentence")
        entry = Check(id, spec, code, sentence, status, judge=judge)
        _enter(entry)
        return entry

    return enter


@lean
@dataclass(frozen=True, slots=True)
class Judgement(Generic[T]):
    """What a stage found, and its value if nothing failed. Made by `Findings.judgement`."""

    findings: Findings
    value: T | None = None

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The findings that refuse."""
        return self.findings.failures


class Findings:
    """Findings in their order: of one stage, which end in a `Judgement`, or of a whole report.

    Of a hundred and forty checks of a registration hardly one fails. A plain pass is kept as its check alone, and
    becomes a finding when somebody reads it; so a good request pays for its checks and not for their words.
    """

    __slots__ = ("_steps", "has_failed", "noted")

    def __init__(self) -> None:
        self._steps: list[_Step] = []
        #: All that are no passes.
        self.noted: list[Finding] = []
        self.has_failed = False

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The findings that refuse."""
        return tuple([finding for finding in self.noted if finding.verdict is Verdict.FAILED])

    def __iter__(self) -> Iterator[Finding]:
        for step in self._steps:
            if isinstance(step, Finding):
                yield step
            elif isinstance(step, Gate):
                yield step.passed
            else:
                gates, noted = step
                exceptions = {finding.check: finding for finding in noted}
                for entry in gates:
                    yield exceptions.get(entry, entry.passed)

    def brief(self) -> list[Brief]:
        """The findings in brief."""
        found: list[Brief] = []
        for step in self._steps:
            if isinstance(step, Finding):
                found.append(step.brief)
            elif isinstance(step, Gate):
                found.append(step.id)
            elif step[1]:
                exceptions = {finding.check: finding.brief for finding in step[1]}
                found += [exceptions.get(entry) or entry.id for entry in step[0]]
            else:
                found += [entry.id for entry in step[0]]
        return found

    @property
    def steps(self) -> Sized:
        """What was stated so far, as it was stated: a finding, or many checks at once."""
        return self._steps

    def stages(self, begin: int, end: int | None = None) -> tuple[str, ...]:
        """The stages of the checks of these steps: what their ids begin with, each once and in order."""
        named = [name for step in self._steps[begin:end] for name in _ids(step)]
        return tuple(dict.fromkeys(name.partition(".")[0] for name in named))

    def add(self, finding: Finding) -> Finding:
        """Note one finding and give it back."""
        self._steps.append(finding)
        if finding.verdict is not Verdict.PASSED:
            self.noted.append(finding)
            self.has_failed = self.has_failed or finding.verdict is Verdict.FAILED
        return finding

    def settle(self, entry: Gate, description: str | None) -> bool:
        """State a gate: passed when `description` is None, failed otherwise. True means passed."""
        if description is None:
            self._steps.append(entry)
            return True
        self.add(entry.failed(description))
        return False

    def passed(self, gates: Collection[Gate]) -> None:
        """State that all of them hold."""
        self._steps.append((gates, ()))

    def skipped(self, gates: Collection[Gate], reason: str) -> None:
        """State that none of them applies. `reason` is one of a few fixed sentences."""
        found = [entry.skipped(reason) for entry in gates]
        self._steps += found
        self.noted += found

    def judge(self, conditional: Conditional[S], subject: S) -> None:
        """Judge one subject by rules that apply on one condition."""
        if conditional.holds(subject):
            self.run(conditional.rules, subject)
        else:
            self._steps += conditional.skips
            self.noted += conditional.skips

    def run(self, rules: Sequence[Check[S]], subject: S) -> None:
        """Judge one subject by every rule, going on after a failure so that all faults come at once."""
        noted = []
        for rule in rules:
            outcome = rule.judge(subject)
            if outcome is not None:
                noted.append(rule.finding(outcome))
        self._steps.append((rules, noted))
        self.noted += noted
        self.has_failed = self.has_failed or any(finding.verdict is Verdict.FAILED for finding in noted)

    def take(self, findings: Findings) -> None:
        """Note the findings of another stage."""
        self._steps += findings._steps
        self.noted += findings.noted
        self.has_failed = self.has_failed or findings.has_failed

    def judgement(self, value: T | None = None) -> Judgement[T]:
        """The end of the stage; a failed stage has no value."""
        return Judgement(self, None if self.has_failed else value)


#: A finding, a check that passed, or checks that passed but for the findings beside them.
_Step = Finding | Gate | tuple[Collection[Gate], Sequence[Finding]]


def _ids(step: _Step) -> list[str]:
    if isinstance(step, Finding):
        return [step.check.id]
    return [step.id] if isinstance(step, Gate) else [entry.id for entry in step[0]]


@dataclass(slots=True)
class Report:
    """Everything that was found about one request, in order; grows stage by stage.

    `report_id` is ours and random, `interaction_id` the caller's label, `at` epoch seconds; `generation` numbers the
    configuration and trust that judged, from 1 at the start of a process.
    """

    report_id: str
    interaction_id: str
    operation: str
    market: str
    at: float
    findings: Findings = field(default_factory=Findings)
    decision: str = "undecided"
    generation: int = 0
    #: What the stages proved, for the audit row: client_id, org_id, software_id, subject, kid …
    facts: dict[str, str] = field(default_factory=dict)
    #: Who answers for the decision: `tpp`, `gateway` where it ends by itself what a TPP began, `admin:NAME`.
    author: str = "tpp"

    def settle(self, judgement: Judgement[T]) -> T:
        """Take over a stage's findings and give its value.

        Raises: Rejected, naming every failed check of the stage.
        """
        self.findings.take(judgement.findings)
        if judgement.findings.has_failed:
            raise Rejected([finding.fault for finding in judgement.failures])
        if judgement.value is None:
            # An empty stage never passes: without a value nothing was proven.
            raise AssertionError(f"{self.operation}: a stage passed without a value")
        return judgement.value

    def run(self, rules: Sequence[Check[Any]], subject: Any) -> None:
        """Judge by every rule. Raises: Rejected as `settle`; an empty rule set is a bug, never a pass."""
        if not rules:
            raise AssertionError(f"{self.operation}: an empty rule set never passes")
        stage = Findings()
        stage.run(rules, subject)
        self.settle(stage.judgement(subject))


_UNSAFE = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]")


def wire_text(text: str) -> str:
    """`text` within RFC 6749 §5.2's character set (no quotes, backslash, control or non-ASCII), at most 500 long."""
    return _UNSAFE.sub("?", text)[:500]
