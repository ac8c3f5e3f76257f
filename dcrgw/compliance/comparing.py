"""What differs between two outcomes of one request: decision, checks, and what is stored of the client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from dcrgw.compliance.bundle import Decided
from dcrgw.compliance.outcomes import Outcome, Stored
from dcrgw.compliance.replay import UNANSWERED
from dcrgw.core.checks import Verdict

_LONGEST = 200


@dataclass(frozen=True, slots=True)
class CheckShift:
    """One check whose finding differs; an empty verdict: it was not judged there at all."""

    check: str
    before: str
    after: str
    #: What the later finding says, public and private words.
    description: str = ""
    detail: str = ""

    @property
    def is_reached_only(self) -> bool:
        """Whether all there is to say is that it is judged now, or no longer, and refuses nothing."""
        return {self.before, self.after} <= {"", Verdict.PASSED, Verdict.SKIPPED} and "" in (self.before, self.after)

    @property
    def words(self) -> str:
        """For one line."""
        said = self.description or self.detail
        return f"{self.check}: {self.before or '-'} -> {self.after or '-'}{said and f' ({said})'}"


@dataclass(frozen=True, slots=True)
class MemberShift:
    """One member of the stored client that is another, as JSON texts; an empty one: it is not there."""

    member: str
    before: str
    after: str

    @property
    def words(self) -> str:
        """For one line."""
        return f"client {self.member}: {_brief(self.before)} -> {_brief(self.after)}"


@dataclass(frozen=True, slots=True)
class Shift:
    """One request's two decisions, and the checks that differ in the order in which the later one met them."""

    before: str
    after: str
    checks: tuple[CheckShift, ...]
    #: What is stored otherwise, where both decisions store a client.
    stored: tuple[MemberShift, ...] = ()
    #: Why the later one has no yes and no no: what it asked and the recording does not hold, or what failed.
    why: str = ""

    @property
    def is_decision(self) -> bool:
        """Whether the decision itself is another."""
        return self.before != self.after

    @property
    def is_effect(self) -> bool:
        """Whether what comes of the request is another: the decision, or the client that is stored."""
        return self.is_decision or bool(self.stored)

    def __bool__(self) -> bool:
        return self.is_effect or bool(self.checks)

    @property
    def sentence(self) -> str:
        """`registered becomes refused`, or in what else they differ."""
        if self.is_decision:
            return f"{self.before} becomes {self.after}"
        if self.stored:
            return f"{self.after}, and stored otherwise"
        return f"{self.after}, by other findings" if self.checks else self.after

    @property
    def lines(self) -> tuple[str, ...]:
        """What differs beside the decision, a line each; checks that only follow from another end are counted."""
        told = [self.why] if self.why else []
        told += [each.words for each in self.checks if not each.is_reached_only]
        told += [each.words for each in self.stored]
        gone = sum(each.is_reached_only and not each.after for each in self.checks)
        new = sum(each.is_reached_only and not each.before for each in self.checks)
        told += [f"{gone} checks are no longer reached"] if gone else []
        return (*told, *([f"{new} checks are reached, and refuse nothing"] if new else []))


def shift(before: Outcome, after: Outcome) -> Shift:
    """What differs; falsy when nothing does."""
    earlier, later = _by_check(before.decided), _by_check(after.decided)
    changed = [
        CheckShift(check, earlier[check][0] if check in earlier else "", verdict, description, detail)
        for check, (verdict, description, detail) in later.items()
        if earlier.get(check) != (verdict, description, detail)
    ]
    gone = [CheckShift(check, verdict, "") for check, (verdict, _, _) in earlier.items() if check not in later]
    stored = tuple(_members(before.stored, after.stored)) if before.stored and after.stored else ()
    decisions = before.decided.decision, after.decided.decision
    return Shift(*decisions, (*changed, *gone), stored, _why(after.decided) if decisions[0] != decisions[1] else "")


def _members(before: Stored, after: Stored) -> Iterator[MemberShift]:
    for member in dict.fromkeys((*before, *after)):
        was, now = (_text(side, member) for side in (before, after))
        if was != now:
            yield MemberShift(member, was, now)


def _text(stored: Stored, member: str) -> str:
    return json.dumps(stored[member], sort_keys=True) if member in stored else ""


def _why(decided: Decided) -> str:
    if missing := decided.facts.get(UNANSWERED):
        return f"the recording holds no answer of {missing} to what was asked"
    return decided.facts.get("failure", "")


def _brief(text: str) -> str:
    """A JSON text for people; answers of the administration hold no double quotes."""
    text = text.replace('"', "'")
    return (text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "...") or "-"


def _by_check(decided: Decided) -> dict[str, tuple[str, str, str]]:
    """Each check's finding; of a check that was judged twice (before and after scripts) the last one."""
    return {check: (verdict, description, detail) for check, verdict, description, detail in decided.findings}
