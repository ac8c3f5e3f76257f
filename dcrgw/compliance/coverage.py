"""How much of the catalogue a run of what-if cases has put to the test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dcrgw.compliance.whatif import Outcome
from dcrgw.core.checks import CATALOGUE

#: The stages of a registration that what a caller sends can fail.
_STAGES = ("tls", "identity", "request", "statement", "rules")


@dataclass(slots=True)
class Coverage:
    """Counts cases, and the checks that each refused or judged."""

    cases: int = 0
    missed: int = 0
    refusing: set[str] = field(default_factory=set)
    judged: set[str] = field(default_factory=set)

    def count(self, outcome: Outcome) -> None:
        """Note one more case."""
        self.cases += 1
        self.missed += not outcome.is_as_expected
        self.refusing.update(outcome.failed)
        self.judged.update(outcome.judged)

    @property
    def stages(self) -> Mapping[str, tuple[set[str], set[str]]]:
        """By stage: the checks that refused a case, and all that this market put to work."""
        whole = {stage: {check for check in self._whole if check.startswith(f"{stage}.")} for stage in _STAGES}
        return {stage: (checks & self.refusing, checks) for stage, checks in whole.items() if checks}

    @property
    def unplanted(self) -> set[str]:
        """The checks of those stages at which no case failed."""
        return self._whole - self.refusing

    @property
    def sentence(self) -> str:
        """`3 of 196 faults were not found by their own check; 70 of 119 checks refused a case`."""
        whole = self._whole
        return (
            f"{self.missed} of {self.cases} cases came out otherwise than expected;"
            f" {len(whole & self.refusing)} of {len(whole)} checks refused a case"
        )

    @property
    def _whole(self) -> set[str]:
        return {check for check in CATALOGUE if check.startswith(tuple(f"{stage}." for stage in _STAGES))}
