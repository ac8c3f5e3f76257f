"""What each component last said of itself. Components push; a probe only reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dcrgw.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class Condition:
    """One component's word. `since` is the epoch second of the last change between ok and not ok."""

    component: str
    ok: bool
    since: float
    #: A class of error or a short phrase of ours, never a message from elsewhere. Of an ok component: a warning.
    reason: str = ""
    #: What an operator is to look at, one by one.
    details: tuple[str, ...] = ()


class Health:
    """The conditions of all components. One that is expected and silent counts as not ready."""

    def __init__(self, clock: Clock, expected: Iterable[str] = ()) -> None:
        self._clock = clock
        self._draining = False
        self._conditions: dict[str, Condition] = {}
        self._adopted: tuple[Health, ...] = ()
        for component in expected:
            self.set(component, False, "starting")

    def set(self, component: str, ok: bool, reason: str = "", details: Iterable[str] = ()) -> None:
        """Take a component's word."""
        before = self._conditions.get(component)
        since = before.since if before is not None and before.ok == ok else self._clock.now()
        self._conditions[component] = Condition(component, ok, since, reason, tuple(details))

    def adopt(self, others: Iterable[Health]) -> None:
        """Tell what others are told too, from now on, in place of those adopted before."""
        self._adopted = tuple(others)

    def drain(self) -> None:
        """Be not ready from now on, whatever the components say."""
        self._draining = True
        self.set("edge", False, "draining")

    @property
    def ready(self) -> bool:
        """True when new requests may come."""
        return not self._draining and all(condition.ok for condition in self.conditions)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Every component's, by name."""
        adopted = [condition for each in self._adopted for condition in each.conditions]
        return tuple(sorted([*self._conditions.values(), *adopted], key=lambda condition: condition.component))
