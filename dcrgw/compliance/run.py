"""A run over many bundles: each decided under two sets of rules, and what differs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from dcrgw.compliance.bundle import Bundle, Decided
from dcrgw.compliance.comparing import Shift, shift
from dcrgw.compliance.settings import Rules
from dcrgw.compliance.sources import Found


@dataclass(frozen=True, slots=True)
class Result:
    """One file: both outcomes and what differs, or what is wrong with the file."""

    found: Found
    before: Decided | None = None
    after: Decided | None = None
    fault: str = ""

    @property
    def shift(self) -> Shift | None:
        """What differs between the outcomes; None where there are none."""
        return shift(self.before, self.after) if self.before and self.after else None


@dataclass(slots=True)
class Tally:
    """How a run ended, in numbers."""

    bundles: int = 0
    unreadable: int = 0
    decisions: int = 0
    findings: int = 0

    def count(self, result: Result) -> None:
        """Note one more result."""
        self.bundles += 1
        differs = result.shift
        if differs is None:
            self.unreadable += 1
        elif differs.is_decision:
            self.decisions += 1
        elif differs:
            self.findings += 1

    @property
    def sentence(self) -> str:
        """`3 of 412 decisions change`, and what else there is to say."""
        said = f"{self.decisions} of {self.bundles} decisions change"
        if self.findings:
            said += f", {self.findings} more change a finding"
        return said + (f", {self.unreadable} could not be replayed" if self.unreadable else "")


async def compared(files: Iterable[Found], before: Rules | None, after: Rules) -> AsyncIterator[Result]:
    """Each file decided under both rules; `before` None is the recorded decision as it stands."""
    for found in files:
        if found.bundle is None:
            yield Result(found, fault=found.fault)
            continue
        try:
            first = await _decided(found.bundle, before)
            yield Result(found, first, await after.decide(found.bundle))
        except KeyError:
            market = found.bundle.market.name
            yield Result(found, fault=f"its market {market} is in one of the configurations not")


async def _decided(bundle: Bundle, rules: Rules | None) -> Decided:
    return bundle.decided if rules is None else await rules.decide(bundle)
