"""One OB directory: a token for ourselves, then a SCIM question for each software."""

from __future__ import annotations

from collections.abc import Callable

from dcrgw.adapters.directory import scim
from dcrgw.adapters.directory.desk import Question
from dcrgw.adapters.directory.endpoint import Endpoint, EndpointStatus, EndpointTrouble, Trouble, refusal
from dcrgw.adapters.directory.settings import OpenBankingDirectory
from dcrgw.adapters.directory.token import AccessToken, AccessTokens
from dcrgw.adapters.fetcher import Fetched, FetchFailed, FetchReason
from dcrgw.adapters.flights import Flights
from dcrgw.core.registration.standing import Standing


class ScimDesk:
    """One directory: its token, its SCIM endpoint, and the questions that are under way."""

    keeps_answers = False

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
        self._flights: Flights[Question, Standing] = Flights()

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The token URL and the SCIM endpoint."""
        return (self.token, self.scim)

    def question(self, software_id: str, org_id: str | None) -> Question:
        """What asks for one software."""
        return (self.directory.tpp_url, software_id, org_id)

    @property
    def own_question(self) -> Question:
        """What asks for ourselves."""
        own = self.directory
        return (own.own_url or own.tpp_url, own.client_id, None)

    async def ask(self, question: Question) -> Standing:
        """The answer to a question, asked once however many wait for it. Raises: Unavailable."""
        return await self._flights.join(question, lambda: self._put(question))

    def forget(self) -> None:
        """It keeps none."""

    async def close(self) -> None:
        """End the requests under way."""
        await self._flights.close()
        await self._tokens.close()

    async def _put(self, question: Question) -> Standing:
        # The token first: its endpoint has its own breaker, and its outage says nothing about SCIM.
        token = await self._tokens.current()
        return await self.scim.ask(lambda: self._read(question, token))

    async def _read(self, question: Question, token: AccessToken) -> Standing:
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
