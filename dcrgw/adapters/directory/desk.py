"""What every kind of directory offers: questions about a TPP, and answers."""

from __future__ import annotations

from typing import Protocol

from dcrgw.adapters.directory.endpoint import Endpoint
from dcrgw.core.registration.standing import Standing

#: URL, software id, organisation id (None: whichever lists the software).
Question = tuple[str, str, str | None]


class Desk(Protocol):
    """One directory, by what it takes to ask it. `keeps_answers`: it remembers them itself, for its own time."""

    keeps_answers: bool

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The URLs that it asks."""
        ...

    def question(self, software_id: str, org_id: str | None) -> Question:
        """What asks for one software."""
        ...

    @property
    def own_question(self) -> Question | None:
        """What asks for ourselves; None for a directory that has no such answer."""
        ...

    async def ask(self, question: Question) -> Standing:
        """The answer to a question. Raises: Unavailable."""
        ...

    def forget(self) -> None:
        """Let no answer from before serve."""
        ...

    async def close(self) -> None:
        """End the requests under way."""
        ...
