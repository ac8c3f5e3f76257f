"""What differs between two outcomes of one request: the decision, and each check whose verdict is another."""

from __future__ import annotations

from dataclasses import dataclass

from dcrgw.compliance.bundle import Decided


@dataclass(frozen=True, slots=True)
class CheckShift:
    """One check whose finding differs; an empty verdict: it was not judged there at all."""

    check: str
    before: str
    after: str
    #: What the later finding says, public and private words.
    description: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Shift:
    """One request's two decisions, and the checks that differ in the order in which the later one met them."""

    before: str
    after: str
    checks: tuple[CheckShift, ...]

    @property
    def is_decision(self) -> bool:
        """Whether the decision itself is another."""
        return self.before != self.after

    def __bool__(self) -> bool:
        return self.is_decision or bool(self.checks)


def shift(before: Decided, after: Decided) -> Shift:
    """What differs; falsy when nothing does."""
    earlier, later = _by_check(before), _by_check(after)
    changed = [
        CheckShift(check, earlier[check][0] if check in earlier else "", verdict, description, detail)
        for check, (verdict, description, detail) in later.items()
        if earlier.get(check) != (verdict, description, detail)
    ]
    gone = [CheckShift(check, verdict, "") for check, (verdict, _, _) in earlier.items() if check not in later]
    return Shift(before.decision, after.decision, (*changed, *gone))


def _by_check(decided: Decided) -> dict[str, tuple[str, str, str]]:
    """Each check's finding; of a check that was judged twice (before and after scripts) the last one."""
    return {check: (verdict, description, detail) for check, verdict, description, detail in decided.findings}
