"""Asking one endpoint of a directory: behind a breaker, and every trouble told as `Unavailable`."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import TypeVar

from dcrgw.adapters.breaker import Breaker
from dcrgw.adapters.fetcher import Fetched, FetchFailed
from dcrgw.errors import Unavailable

T = TypeVar("T")

#: The longest pause that a directory's Retry-After is honoured for.
LONGEST_PAUSE_S = 60.0


class Trouble(StrEnum):
    """What an operator has to look at. The first is our own fault, the others are the directory's."""

    OWN_CREDENTIAL_REFUSED = "own credential refused"
    NO_ANSWER = "no answer"
    UNREADABLE = "unreadable answer"
    OVERLOADED = "asked to wait"
    BROKEN = "failing"


class EndpointTrouble(Exception):
    """The endpoint gave no usable answer. `detail` holds no token, assertion, key or body.

    `of_this_question`: another question may well be answered, so that it tells nothing about the endpoint.
    """

    def __init__(
        self, trouble: Trouble, detail: str, *, retry_after_s: float | None = None, of_this_question: bool = False
    ) -> None:
        self.trouble = trouble
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.of_this_question = of_this_question
        super().__init__(f"{trouble}: {detail}")


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    """Health of one endpoint. `last_success_age_s` is None when it never answered as it should."""

    dependency: str
    is_open: bool
    last_error: str | None
    last_success_age_s: float | None


class Endpoint:
    """One URL of a directory with its breaker. `dependency` names it in failures: `directory.primary.token`."""

    def __init__(
        self,
        dependency: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        on_change: Callable[[EndpointStatus], None] | None = None,
    ) -> None:
        self.dependency = dependency
        self._clock = clock
        self._on_change = on_change
        self._breaker = Breaker(clock=clock, longest_pause_s=LONGEST_PAUSE_S)

    async def ask(self, question: Callable[[], Awaitable[T]]) -> T:
        """The question's answer. It may raise FetchFailed or EndpointTrouble, which become Unavailable."""
        wait_s = self._breaker.admit()
        if wait_s > 0:
            raise self._unavailable(f"paused after: {self._breaker.last_error}", wait_s)
        try:
            answer = await question()
        except FetchFailed as failure:
            trouble = EndpointTrouble(Trouble.NO_ANSWER, str(failure))
        except EndpointTrouble as raised:
            trouble = raised
        except BaseException:
            self._breaker.abandoned()
            raise
        else:
            self._note(self._breaker.succeeded)
            return answer
        if trouble.of_this_question:
            self._breaker.abandoned()
        else:
            self._note(lambda: self._failed(trouble))
        raise self._unavailable(str(trouble), trouble.retry_after_s)

    def status(self) -> EndpointStatus:
        """The health as of now."""
        breaker = self._breaker
        age_s = None if breaker.last_success_at is None else self._clock() - breaker.last_success_at
        return EndpointStatus(self.dependency, breaker.is_open, breaker.last_error, age_s)

    def _failed(self, trouble: EndpointTrouble) -> None:
        # A credential that was refused is refused again: only an operator can help.
        at_once = trouble.trouble is Trouble.OWN_CREDENTIAL_REFUSED
        self._breaker.failed(str(trouble), retry_after_s=trouble.retry_after_s, at_once=at_once)

    def _note(self, change: Callable[[], None]) -> None:
        before = self._breaker.last_error
        change()
        if self._on_change is not None and self._breaker.last_error != before:
            self._on_change(self.status())

    def _unavailable(self, reason: str, retry_after_s: float | None) -> Unavailable:
        wait_s = min(retry_after_s or 5.0, LONGEST_PAUSE_S)
        return Unavailable(self.dependency, reason, retry_after_s=max(1, math.ceil(wait_s)))


def refusal(answer: Fetched, now: float) -> EndpointTrouble:
    """What an answer that is neither a yes nor about our credential means. `now` is epoch seconds."""
    wait_s = retry_after_s(answer.retry_after, now)
    if answer.status == 429 or (answer.status == 503 and wait_s is not None):
        return EndpointTrouble(Trouble.OVERLOADED, f"answered {answer.status}", retry_after_s=wait_s or 5.0)
    return EndpointTrouble(Trouble.BROKEN, f"answered {answer.status}")


def retry_after_s(said: str | None, now: float) -> float | None:
    """The seconds of a Retry-After (RFC 9110 §10.2.3), a number or a date; None when it is neither."""
    if said is None:
        return None
    if said.isascii() and said.isdigit():
        return float(said[:9])
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - now)
    except (ValueError, OverflowError):
        return None
