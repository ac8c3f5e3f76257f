"""The directory's word on a TPP, asked at most once a minute for each software."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from cachetools import TTLCache

from dcrgw.adapters.directory import scim
from dcrgw.adapters.directory.endpoint import Endpoint, EndpointStatus, EndpointTrouble, Trouble, refusal
from dcrgw.adapters.directory.settings import OpenBankingDirectory
from dcrgw.adapters.directory.token import AccessToken, AccessTokens
from dcrgw.adapters.fetcher import Fetched, FetchFailed, FetchReason
from dcrgw.adapters.flights import Flights
from dcrgw.core.registration.standing import Standing
from dcrgw.errors import Misconfigured

#: A withdrawn TPP is refused within this bound, whatever the operator configures.
LONGEST_ANSWER_S = 300.0

_Question = tuple[str, str, str | None]


class DirectoryStanding:
    """`dcrgw.ports.directory.Directories` over several directories. Close it at the end.

    `answers_s` is how long an answer counts (at most 300 s); a failure is never kept, but after a few of them an
    endpoint is left alone for a while. `on_change` is told when an endpoint's health changed.
    """

    def __init__(
        self,
        directories: Iterable[OpenBankingDirectory],
        *,
        answers_s: float = 60.0,
        answers: int = 8192,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        on_change: Callable[[EndpointStatus], None] | None = None,
    ) -> None:
        if not 0 <= answers_s <= LONGEST_ANSWER_S:
            raise Misconfigured(f"a directory's answer counts for 0 to {LONGEST_ANSWER_S:.0f} seconds")
        self._desks = {one.name: _Desk(one, now=now, clock=clock, on_change=on_change) for one in directories}
        self._answers: TTLCache[tuple[str, _Question], Standing] = TTLCache(answers, answers_s, timer=clock)

    async def standing(self, directory: str, software_id: str, org_id: str | None) -> Standing:
        """The TPP's standing. Raises: Unavailable; Misconfigured for a directory that has no endpoint."""
        desk = self._desk(directory)
        return await self._ask(desk, (desk.directory.tpp_url, software_id, org_id))

    async def own_standing(self, directory: str) -> Standing:
        """The bank's own standing. Raises: as `standing`."""
        desk = self._desk(directory)
        own = desk.directory
        return await self._ask(desk, (own.own_url or own.tpp_url, own.client_id, None))

    def status(self) -> tuple[EndpointStatus, ...]:
        """Health of every token and SCIM endpoint."""
        return tuple(endpoint.status() for desk in self._desks.values() for endpoint in (desk.token, desk.scim))

    def purge(self) -> None:
        """Forget every answer."""
        self._answers.clear()

    async def close(self) -> None:
        """End the requests under way. The fetchers belong to whoever made them."""
        for desk in self._desks.values():
            await desk.close()

    def _desk(self, directory: str) -> _Desk:
        desk = self._desks.get(directory)
        if desk is None:
            raise Misconfigured(f"the directory {directory} has no standing endpoint configured")
        return desk

    async def _ask(self, desk: _Desk, question: _Question) -> Standing:
        key = (desk.directory.name, question)
        known = self._answers.get(key)
        if known is not None:
            return known
        answer = await desk.ask(question)
        self._answers[key] = answer
        return answer


class _Desk:
    """One directory: its token, its SCIM endpoint, and the questions that are under way."""

    def __init__(
        self,
        directory: OpenBankingDirectory,
        *,
        now: Callable[[], float],
        clock: Callable[[], float],
        on_change: Callable[[EndpointStatus], None] | None,
    ) -> None:
        self.directory = directory
        self.token = Endpoint(f"directory.{directory.name}.token", clock=clock, on_change=on_change)
        self.scim = Endpoint(f"directory.{directory.name}.scim", clock=clock, on_change=on_change)
        self._tokens = AccessTokens(directory, self.token, now=now, clock=clock)
        self._now = now
        self._flights: Flights[_Question, Standing] = Flights()

    async def ask(self, question: _Question) -> Standing:
        return await self._flights.join(question, lambda: self._put(question))

    async def close(self) -> None:
        await self._flights.close()
        await self._tokens.close()

    async def _put(self, question: _Question) -> Standing:
        # The token first: its endpoint has its own breaker, and its outage says nothing about SCIM.
        token = await self._tokens.current()
        return await self.scim.ask(lambda: self._read(question, token))

    async def _read(self, question: _Question, token: AccessToken) -> Standing:
        base_url, software_id, org_id = question
        url = scim.question(base_url, software_id)
        answer = await self._get(url, token)
        if answer.status == 401:
            # Revoked before its time, or the directory restarted: one fresh token, and no more than one.
            self._tokens.drop(token)
            answer = await self._get(url, await self._tokens.current())
        if answer.status in (401, 403):
            raise EndpointTrouble(Trouble.OWN_CREDENTIAL_REFUSED, f"answered {answer.status}")
        if answer.status != 200:
            raise refusal(answer, self._now())
        try:
            listing = scim.read(answer.body)
            return scim.standing(listing, software_id, org_id, observed_at=self._now(), source=url)
        except scim.AnswerUnreadable as error:
            raise EndpointTrouble(Trouble.UNREADABLE, str(error), of_this_question=True) from None

    async def _get(self, url: str, token: AccessToken) -> Fetched:
        said = {"Authorization": f"Bearer {token.value}", "Accept": "application/scim+json, application/json"}
        try:
            return await self.directory.fetcher.get(url, hosts=None, headers=said)
        except FetchFailed as failure:
            if failure.reason is not FetchReason.SIZE:
                raise
            # One TPP with a record beyond all bounds must not keep the others out.
            raise EndpointTrouble(Trouble.UNREADABLE, failure.detail, of_this_question=True) from None
