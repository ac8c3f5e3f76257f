"""One directory that publishes a list of all its participants: fetched whole, and looked up here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from dcrgw.adapters.directory.desk import Question
from dcrgw.adapters.directory.endpoint import Endpoint, EndpointStatus, EndpointTrouble, Trouble, refusal
from dcrgw.adapters.directory.listings import LISTS, ListUnreadable, Participants, standing
from dcrgw.adapters.directory.settings import ListedDirectory
from dcrgw.adapters.flights import Flights
from dcrgw.core.registration.standing import Standing


class ListDesk:
    """Keeps the list for `answers_s`; a failure is never kept."""

    keeps_answers = True

    def __init__(
        self,
        directory: ListedDirectory,
        *,
        answers_s: float,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        on_change: Callable[[EndpointStatus], None] | None = None,
    ) -> None:
        self.directory = directory
        self.list = Endpoint(f"directory.{directory.name}.{directory.kind}", clock=clock, on_change=on_change)
        self._answers_s = answers_s
        self._now = now
        self._clock = clock
        self._flights: Flights[str, Participants] = Flights()
        #: The list, when it was made (epoch seconds), and until when it serves (monotonic seconds).
        self._kept: tuple[Participants, float, float] | None = None

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The list's URL."""
        return (self.list,)

    def question(self, software_id: str, org_id: str | None) -> Question:
        """What asks for one software."""
        return (self.directory.url, software_id, org_id)

    @property
    def own_question(self) -> None:
        """A list tells of TPPs; our own place in it is not asked."""

    async def ask(self, question: Question) -> Standing:
        """What the list says of a software. Raises: Unavailable."""
        _, software_id, org_id = question
        kept = self._kept
        if kept is None or self._clock() >= kept[2]:
            asked_at, began = self._now(), self._clock()
            # All that wait for the same list take the same one.
            listed = await self._flights.join(self.directory.url, lambda: self.list.ask(self._read))
            kept = self._kept = (listed, asked_at, began + self._answers_s)
        return standing(kept[0], software_id, org_id, observed_at=kept[1], source=self.directory.url)

    def forget(self) -> None:
        """The next question fetches the list anew."""
        self._kept = None

    async def close(self) -> None:
        """End the request under way."""
        await self._flights.close()

    async def _read(self) -> Participants:
        kind = LISTS[self.directory.kind]
        answer = await self.directory.fetcher.get(self.directory.url, hosts=None, headers=kind.headers)
        if answer.status != 200:
            raise refusal(answer, self._now())
        try:
            # In a thread: a national list is megabytes of JSON.
            return await asyncio.to_thread(kind.read, answer.body)
        except ListUnreadable as error:
            raise EndpointTrouble(Trouble.UNREADABLE, str(error)) from None
