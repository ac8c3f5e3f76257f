"""How much of the catalogue a run of what-if cases has put to the test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dcrgw.compliance.whatif import Tried
from dcrgw.core.checks import CATALOGUE

#: The stages of a registration or an update that what a caller sends can fail.
_STAGES = ("tls", "identity", "request", "statement", "rules", "update")


@dataclass(slots=True)
class Coverage:
    """Counts cases, and the checks that each refused or judged."""

    cases: int = 0
    missed: int = 0
    refusing: set[str] = field(default_factory=set)
    judged: set[str] = field(default_factory=set)

    def count(self, outcome: Tried) -> None:
        """Note one more case."""
        self.cases += 1
        self.missed += not outcome.is_as_expected
        self.refusing.update(outcome.failed)
        self.judged.update(outcome.judged)

    @property
    def stages(self) -> Mapping[str, tuple[set[str], set[str]]]:
        """By stage: the checks that refused a case, and all that applied to one."""
        applied = {stage: {check for check in self.applied if check.startswith(f"{stage}.")} for stage in _STAGES}
        return {stage: (checks & self.refusing, checks) for stage, checks in applied.items() if checks}

    @property
    def applied(self) -> set[str]:
        """The checks of those stages that had something to say of some case."""
        return _whole() & (self.judged | self.refusing)

    @property
    def unplanted(self) -> set[str]:
        """Those of them at which no case failed."""
        return self.applied - self.refusing

    @property
    def idle(self) -> set[str]:
        """The checks of those stages that apply to no such request in this market."""
        return _whole() - self.applied

    @property
    def sentence(self) -> str:
        """`3 of 196 cases came out otherwise than expected; 90 of the 104 checks that apply refused a case`."""
        applied = self.applied
        return (
            f"{self.missed} of {self.cases} cases came out otherwise than expected;"
            f" {len(applied & self.refusing)} of the {len(applied)} checks that apply refused a case"
        )


def _whole() -> set[str]:
    return {check for check in CATALOGUE if check.startswith(tuple(f"{stage}." for stage in _STAGES))}
