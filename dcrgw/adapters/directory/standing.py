"""The directories' word on a TPP: each asked in the way of its kind, and not more often than it takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from cachetools import TTLCache

from dcrgw.adapters.directory.desk import Desk, Question
from dcrgw.adapters.directory.endpoint import EndpointStatus
from dcrgw.adapters.directory.list_desk import ListDesk
from dcrgw.adapters.directory.scim_desk import ScimDesk
from dcrgw.adapters.directory.settings import ListedDirectory, OpenBankingDirectory
from dcrgw.core.registration.standing import Standing
from dcrgw.errors import Misconfigured

#: A withdrawn TPP is refused within this bound, whatever the operator configures.
LONGEST_ANSWER_S = 300.0


class DirectoryStanding:
    """`dcrgw.ports.directory.Directories` over several directories. Close it at the end.

    `answers_s` is how long an answer counts (at most 300 s); a failure is never kept, but after a few of them an
    endpoint is left alone for a while. `on_change` is told when an endpoint's health changed.
    """

    def __init__(
        self,
        directories: Iterable[OpenBankingDirectory | ListedDirectory],
        *,
        answers_s: float = 60.0,
        answers: int = 8192,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        on_change: Callable[[EndpointStatus], None] | None = None,
    ) -> None:
        if not 0 <= answers_s <= LONGEST_ANSWER_S:
            raise Misconfigured(f"a directory's answer counts for 0 to {LONGEST_ANSWER_S:.0f} seconds")
        self._desks: dict[str, Desk] = {
            one.name: ListDesk(one, answers_s=answers_s, now=now, clock=clock, on_change=on_change)
            if isinstance(one, ListedDirectory)
            else ScimDesk(one, now=now, clock=clock, on_change=on_change)
            for one in directories
        }
        self._answers: TTLCache[tuple[str, Question], Standing] = TTLCache(answers, answers_s, timer=clock)

    async def standing(self, directory: str, software_id: str, org_id: str | None) -> Standing:
        """The TPP's standing. Raises: Unavailable; Misconfigured for a directory that has no endpoint."""
        desk = self._desk(directory)
        return await self._ask(directory, desk, desk.question(software_id, org_id))

    async def own_standing(self, directory: str) -> Standing:
        """The bank's own standing. Raises: as `standing`."""
        desk = self._desk(directory)
        own = desk.own_question
        if own is None:
            raise Misconfigured(f"the directory {directory} cannot be asked about the bank itself")
        return await self._ask(directory, desk, own)

    def status(self) -> tuple[EndpointStatus, ...]:
        """Health of every endpoint that is asked."""
        return tuple(endpoint.status() for desk in self._desks.values() for endpoint in desk.endpoints)

    def purge(self) -> None:
        """Forget every answer."""
        self._answers.clear()
        for desk in self._desks.values():
            desk.forget()

    async def close(self) -> None:
        """End the requests under way. The fetchers belong to whoever made them."""
        for desk in self._desks.values():
            await desk.close()

    def _desk(self, directory: str) -> Desk:
        desk = self._desks.get(directory)
        if desk is None:
            raise Misconfigured(f"the directory {directory} has no standing endpoint configured")
        return desk

    async def _ask(self, directory: str, desk: Desk, question: Question) -> Standing:
        if desk.keeps_answers:
            return await desk.ask(question)
        key = (directory, question)
        known = self._answers.get(key)
        if known is not None:
            return known
        answer = await desk.ask(question)
        self._answers[key] = answer
        return answer
