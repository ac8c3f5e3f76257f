"""A run over many bundles: each decided under two sets of rules, and what differs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from dcrgw.compliance.bundle import Bundle
from dcrgw.compliance.comparing import Shift, shift
from dcrgw.compliance.outcomes import Outcome, recorded_outcome
from dcrgw.compliance.replay import UNKNOWN, Undecidable
from dcrgw.compliance.settings import Deciding
from dcrgw.compliance.sources import Found


@dataclass(frozen=True, slots=True)
class Result:
    """One file: both outcomes and what differs, or what is wrong with the file."""

    found: Found
    before: Outcome | None = None
    after: Outcome | None = None
    fault: str = ""

    @property
    def shift(self) -> Shift | None:
        """What differs between the outcomes; None where there are none."""
        return shift(self.before, self.after) if self.before and self.after else None


@dataclass(slots=True)
class Tally:
    """How a run ended, in numbers. `rules` names what was compared with what, where it was not the recording alone."""

    rules: str = ""
    bundles: int = 0
    unreadable: int = 0
    decisions: int = 0
    #: Clients that are stored otherwise, where the decision is the same.
    stored: int = 0
    findings: int = 0
    #: Of which neither set of rules knows, since the recording answers nothing of what both ask.
    unknown: int = 0

    @property
    def effects(self) -> int:
        """How often something else comes of a request: another decision, or another client."""
        return self.decisions + self.stored

    def count(self, result: Result) -> None:
        """Note one more result."""
        self.bundles += 1
        differs = result.shift
        if differs is None:
            self.unreadable += 1
        elif differs.is_decision:
            self.decisions += 1
        elif differs.stored:
            self.stored += 1
        elif differs.after == UNKNOWN:
            self.unknown += 1
        elif differs:
            self.findings += 1

    @property
    def sentence(self) -> str:
        """`3 of 412 decisions change`, and what else there is to say."""
        said = f"{self.decisions} of {self.bundles} decisions change"
        if self.stored:
            said += f", {self.stored} more store a client otherwise"
        if self.findings:
            said += f", {self.findings} more change a finding"
        said += f", {self.unknown} stay unknown" if self.unknown else ""
        said += f", {self.unreadable} could not be replayed" if self.unreadable else ""
        return said + (f" ({self.rules})" if self.rules else "")


async def compared(files: Iterable[Found], before: Deciding | None, after: Deciding) -> AsyncIterator[Result]:
    """Each file decided under both rules; `before` None is the recorded decision as it stands."""
    for found in files:
        if found.bundle is None:
            yield Result(found, fault=found.fault)
            continue
        try:
            yield Result(found, await _decided(found.bundle, before), await after.decide(found.bundle))
        except Undecidable as undecidable:
            yield Result(found, fault=str(undecidable))


async def _decided(bundle: Bundle, rules: Deciding | None) -> Outcome:
    return recorded_outcome(bundle) if rules is None else await rules.decide(bundle)
