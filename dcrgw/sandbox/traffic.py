"""What arrives at the directory's public endpoints, and how it is answered wrongly on purpose."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from enum import StrEnum

#: Requests remembered; a test that floods the directory must not fill the memory.
REMEMBERED = 10_000


class Endpoint(StrEnum):
    """An endpoint whose requests are logged and whose faults can be switched."""

    JWKS = "jwks"
    SOFTWARE_JWKS = "software-jwks"
    TOKEN = "token"
    SCIM = "scim"


class FaultMode(StrEnum):
    """How an endpoint misbehaves."""

    NONE = "none"
    #: Answers rightly, `delay_s` late.
    SLOW = "slow"
    ERROR = "500"
    #: 200 with bytes that are no JSON.
    GARBAGE = "garbage"
    #: 200 with no bytes at all.
    EMPTY = "empty"
    #: The connection is cut without an answer.
    DOWN = "down"
    #: 302 to a place that answers rightly, so that a client which follows shows itself in the log.
    REDIRECT = "redirect"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `count` is how many requests it still meets; None means all of them."""

    mode: FaultMode = FaultMode.NONE
    delay_s: float = 30.0
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request that arrived. `path` has the query; `at` is epoch seconds."""

    endpoint: Endpoint
    path: str
    at: float


@dataclass(slots=True)
class Traffic:
    """The request log and the fault switches."""

    arrivals: deque[Arrival] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    _faults: dict[Endpoint, Fault] = field(default_factory=dict)

    def switch(self, endpoint: Endpoint, fault: Fault) -> None:
        """Make an endpoint misbehave from now on, or behave again."""
        self._faults[endpoint] = fault

    def arrive(self, arrival: Arrival) -> Fault:
        """Log one request and give the fault that it meets."""
        self.arrivals.append(arrival)
        fault = self._faults.get(arrival.endpoint, Fault())
        if fault.count is not None:
            left = fault.count - 1
            self._faults[arrival.endpoint] = replace(fault, count=left) if left > 0 else Fault()
        return fault

    def reset(self) -> None:
        """Forget every request and every fault."""
        self.arrivals.clear()
        self._faults.clear()
