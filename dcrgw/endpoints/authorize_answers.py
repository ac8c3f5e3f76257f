"""What became of the last interactions, so that a form sent twice gets its first answer again."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from dcrgw.flows.interacting import Redirect, Ticket

#: A second click comes at once. Later the client may have redeemed the code, and a code that it is handed again and
#: redeems again would end what it got.
_REPEATED_S = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """A decision with its redirect. `at` is epoch seconds."""

    decision: str
    redirect: Redirect = field(repr=False)
    at: float

    def again(self, decision: str, now: float) -> Redirect | None:
        """The same redirect for the same decision, if it is a second click."""
        return self.redirect if decision == self.decision and now < self.at + _REPEATED_S else None


class Answers:
    """In memory, by interaction and by the key that its browser had."""

    def __init__(self, most: int = 1000) -> None:
        self._most = most
        self._known: OrderedDict[tuple[str, str], Answer] = OrderedDict()

    def note(self, ticket: Ticket, answer: Answer) -> None:
        """Remember one."""
        self._known[ticket.id, ticket.key] = answer
        if len(self._known) > self._most:
            self._known.popitem(last=False)

    def of(self, ticket: Ticket) -> Answer | None:
        """What this browser has answered to this interaction."""
        return self._known.get((ticket.id, ticket.key))
