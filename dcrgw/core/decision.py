"""A decision that is over, and what of it is told to whom.

The bank sees all of it. The TPP sees what its own request was judged by: every check with its clause and its public
words, the keys that were used, and nothing that an answer keeps from it on purpose.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dcrgw.core.checks import CATALOGUE, Findings, Found, Verdict
from dcrgw.core.evidence import Arrival, Entry, Moment, Timing
from dcrgw.core.jose.keys import KeySet
from dcrgw.core.registration.profile import Profile

#: Facts of a TPP about itself, or about what it sent.
_OWN_FACTS = (
    "subject", "certificate_kind", "x5t_s256", "directory", "statement_kid", "software_id", "org_id", "client_id",
)  # fmt: skip

#: Where one answer stands for many a no, so that nobody learns what clients, tokens and secrets there are: the check
#: that is told, and the beginnings of those that are not.
_ONE_NO: Mapping[str, tuple[str, ...]] = {
    "client.authenticated": ("client.",),
    "management.authorised": ("management.token.", "management.client.", "management.certificate."),
}
#: Ends of which the answer says no more than that it was not the caller's fault.
_OUR_FAULTS = frozenset({"misconfigured", "failed"})


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision. `at` is epoch seconds; `generations` name configuration, trust and scripts as they were."""

    report_id: str
    interaction_id: str
    operation: str
    market: str
    at: float
    decision: str
    findings: tuple[Found, ...]
    facts: Mapping[str, str]
    arrival: Arrival
    journal: tuple[Entry, ...] = ()
    timings: tuple[Timing, ...] = ()
    generations: Mapping[str, str] = field(default_factory=dict)
    #: Whose clauses are cited, as in the answer; None for all of a check's.
    profile: Profile | None = field(default=None, repr=False)
    #: Judged elsewhere, and put into the record.
    imported: bool = False

    def with_outcome(self, decision: str, findings: tuple[Found, ...]) -> Decision:
        """The same request decided otherwise."""
        return replace(self, decision=decision, findings=findings)

    def told(self) -> dict[str, Any]:
        """All of it, for the bank."""
        return {
            **self._head(),
            "imported": self.imported,
            "facts": dict(self.facts),
            "keys": list(keys_used(self.journal)),
            "timings": [
                {"what": each.what, "at_ms": each.begun_ms, "took_ms": each.took_ms, "stages": list(each.stages)}
                for each in self.timings
            ],
            "generations": dict(self.generations),
            "findings": [{**self._told(found), "detail": found[3]} for found in self.findings],
        }

    def told_to_tpp(self) -> dict[str, Any]:
        """What the TPP whose request it was may see."""
        return {
            **self._head(),
            "decision": "failed" if self.decision in _OUR_FAULTS else self.decision,
            "facts": {name: self.facts[name] for name in _OWN_FACTS if name in self.facts},
            "keys": list(keys_used(self.journal)),
            "findings": [self._told(found) for found in self._public()],
        }

    def _head(self) -> dict[str, Any]:
        return {
            "report_id": self.report_id,
            "interaction_id": self.interaction_id,
            "operation": self.operation,
            "market": self.market,
            "at": self.at,
            "decision": self.decision,
        }

    def _public(self) -> Iterator[Found]:
        failed = {check for check, verdict, _, _ in self.findings if verdict == Verdict.FAILED}
        hidden = tuple(start for check, starts in _ONE_NO.items() if check in failed for start in starts)
        for found in self.findings:
            check, verdict, _, _ = found
            if check.startswith(hidden) and check not in _ONE_NO:
                continue
            if verdict == Verdict.FAILED and self.decision in _OUR_FAULTS:
                continue
            yield found

    def _told(self, found: Found) -> dict[str, Any]:
        check, verdict, description, _ = found
        known = CATALOGUE.get(check)
        spec = known.spec if known else ""
        return {
            "check": check,
            "verdict": verdict,
            "spec": self.profile.cited(spec) if self.profile and spec else spec,
            "rule": known.sentence if known else "a check of another version",
            "description": description,
        }


def keys_used(journal: tuple[Entry, ...]) -> Iterator[dict[str, Any]]:
    """Which key set was asked for which key, where it came from, and whether the key was there."""
    for entry in journal:
        if entry.port not in ("keysets.of_directory", "keysets.of_software"):
            continue
        keys = entry.answer if isinstance(entry.answer, KeySet) else None
        *_, kid = entry.question
        found = keys.keys.get(kid) if keys else None
        yield {
            "of": entry.port.removeprefix("keysets.of_"),
            "directory": entry.question[0],
            "url": (keys.source if keys else "") or (entry.question[1] if len(entry.question) > 2 else ""),
            "kid": kid,
            "found": found is not None,
            "thumbprint": found.thumbprint if found else None,
        }


def timings_of(moments: Sequence[Moment], ended: float, findings: Findings) -> tuple[Timing, ...]:
    """A journal's moments from the first one on, with what was judged in between. `ended`: monotonic seconds."""
    if not moments:
        return ()
    begin = moments[0][1]
    found: list[Timing] = []
    last, stated = begin, 0
    for what, begun, answered, steps in sorted(moments, key=lambda moment: moment[1]):
        if begun > last:
            found.append(_timing("judging", begin, last, begun, findings.stages(stated, steps)))
            stated = max(stated, steps)
        found.append(_timing(what, begin, begun, answered))
        last = max(last, answered)
    return (*found, _timing("judging", begin, last, max(last, ended), findings.stages(stated)))


def _timing(what: str, begin: float, begun: float, ended: float, stages: tuple[str, ...] = ()) -> Timing:
    return Timing(what, round((begun - begin) * 1000, 3), round((ended - begun) * 1000, 3), stages)
