"""What arrives at the directory's public endpoints, and how it is answered wrongly on purpose."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.Response]]

#: What a `garbage` fault answers.
GARBAGE = b"<html>\x00\xff\xfe not what you asked for"
_JSON = "application/json"
#: Requests remembered; a test that floods the directory must not fill the memory.
REMEMBERED = 10_000


class Endpoint(StrEnum):
    """An endpoint whose requests are logged and whose faults can be switched."""

    JWKS = "jwks"
    SOFTWARE_JWKS = "software-jwks"
    REVOKED_JWKS = "revoked-jwks"
    TOKEN = "token"
    SCIM = "scim"
    LIST = "list"
    CRL = "crl"
    OCSP = "ocsp"


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


def faulty(traffic: Traffic, endpoint: Endpoint, handler: Handler, now: Callable[[], float]) -> Handler:
    """The handler, but every request is logged first, and answered as the endpoint's fault says."""

    async def answer(request: web.Request) -> web.Response:
        fault = traffic.arrive(Arrival(endpoint, request.raw_path, now()))
        if "redirected" in request.query:
            return await handler(request)
        return await _misbehave(fault, request, handler)

    return answer


async def _misbehave(fault: Fault, request: web.Request, handler: Handler) -> web.Response:
    match fault.mode:
        case FaultMode.NONE:
            return await handler(request)
        case FaultMode.SLOW:
            await asyncio.sleep(fault.delay_s)
            return await handler(request)
        case FaultMode.ERROR:
            return web.json_response({"error": "server_error"}, status=500)
        case FaultMode.GARBAGE:
            return web.Response(body=GARBAGE, content_type=_JSON)
        case FaultMode.EMPTY:
            return web.Response(body=b"", content_type=_JSON)
        case FaultMode.REDIRECT:
            # 307 keeps method and body, so that following it would succeed.
            return web.Response(status=307, headers={"Location": str(request.rel_url.update_query(redirected="1"))})
        case FaultMode.DOWN:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
