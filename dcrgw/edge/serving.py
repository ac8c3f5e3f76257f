"""Around every handler: an exchange before it, an answer whatever it raises, one log event after it."""

from __future__ import annotations

import asyncio
import re
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from dcrgw.core.checks import Report, wire_text
from dcrgw.edge.answers import answer, dress, principal
from dcrgw.edge.events import Sink, log_event
from dcrgw.edge.exchange import INTERACTION_HEADER, Cut, Exchange, Handler, interaction_id
from dcrgw.edge.faults import HttpFault
from dcrgw.edge.limits import Limits
from dcrgw.edge.screening import screen
from dcrgw.errors import ErrorCode, Misconfigured, Rejected, Unavailable

#: The map from failures to responses that a listener uses.
Answer = Callable[[BaseException, Exchange], web.Response]

_LOGGED_PATH_LENGTH = 200
#: No id is longer than 36 characters; what is may be a token that stands where an id should.
_LONG_SEGMENT = re.compile(r"([^/]{8})[^/]{29,}")


@dataclass(slots=True)
class Serving:
    """A handler made safe to call. `draining` makes every answer the last one of its connection."""

    listener: str
    handler: Handler
    limits: Limits
    hosts: frozenset[str] | None = None
    malformed: ErrorCode = ErrorCode.INVALID_CLIENT_METADATA
    answer: Answer = answer
    on_event: Sink = log_event
    monotonic: Callable[[], float] = time.monotonic
    draining: bool = False

    def become(self, other: Serving) -> None:
        """Serve what `other` serves; requests under way go on as they began."""
        self.handler, self.limits, self.hosts = other.handler, other.limits, other.hosts
        self.malformed, self.answer = other.malformed, other.answer

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to one request. Raises: CancelledError only."""
        exchange = self._exchange(request)
        try:
            screen(request, self.limits, self.hosts)
            response = await self.handler(request, exchange)
            dress(response, exchange)
        except asyncio.CancelledError:
            self._log(request, exchange, status=0, outcome="cancelled")
            raise
        except Cut as cut:
            self._log(request, exchange, status=cut.status, outcome=cut.outcome, reason=cut.reason)
            return web.Response(status=503)  # to nobody: the connection is gone
        except (Exception, SystemExit) as error:
            # SystemExit too: a handler that exits would otherwise end the whole loop.
            return self._failed(error, request, exchange)
        self._log(request, exchange, status=response.status)
        return self._last_if_draining(response)

    def refuse(self, request: web.BaseRequest, error: BaseException) -> web.Response:
        """The answer to what never became a request that a handler could see."""
        return self._failed(error, request, self._exchange(request))

    def _exchange(self, request: web.BaseRequest) -> Exchange:
        label = interaction_id(request.headers.getall(INTERACTION_HEADER, ()))
        return Exchange(label, self.listener, self.monotonic(), self.malformed)

    def _failed(self, error: BaseException, request: web.BaseRequest, exchange: Exchange) -> web.Response:
        response = self._answer(error, exchange)
        if isinstance(error, HttpFault) and error.closes:
            response.force_close()
        self._log(request, exchange, status=response.status, **_reason(principal(error)))
        self._last_if_draining(response)
        return response

    def _answer(self, error: BaseException, exchange: Exchange) -> web.Response:
        """The handler's own answer to a failure, where it has one; if that fails too, the listener's."""
        if exchange.answer is not None:
            try:
                return exchange.answer(error, exchange)
            except Exception:
                traceback.print_exc()
        return self.answer(error, exchange)

    def _last_if_draining(self, response: web.StreamResponse) -> web.StreamResponse:
        if self.draining:
            response.force_close()
        return response

    def _log(self, request: web.BaseRequest, exchange: Exchange, **outcome: Any) -> None:
        report = exchange.report
        fields: dict[str, Any] = {
            "listener": self.listener,
            "method": wire_text(request.method),
            "path": _logged_path(request.raw_path),
            "interaction_id": exchange.interaction_id,
            "peer": request.remote,
            "duration_ms": round((self.monotonic() - exchange.started) * 1000, 1),
        }
        if exchange.generation:
            fields["generation"] = exchange.generation
        if exchange.market is not None:
            fields["market"] = exchange.market.name
        if report is not None:
            fields |= {"report_id": report.report_id, "decision": report.decision, "checks": _failed(report)}
        try:
            self.on_event("request", **{**exchange.notes, **fields, **outcome})
        except Exception:
            # What was decided stands: a log that fails must not take the answer with it.
            traceback.print_exc()


def _failed(report: Report) -> list[str]:
    """The ids of the failed checks."""
    return [finding.check.id for finding in report.findings.failures]


def _reason(cause: BaseException) -> dict[str, Any]:
    """What the log says of a failure and the wire does not."""
    if isinstance(cause, Rejected):
        return {"checks": [fault.check for fault in cause.faults]}
    if isinstance(cause, Unavailable):
        return {"dependency": cause.dependency, "reason": cause.reason}
    if isinstance(cause, Misconfigured):
        return {"reason": str(cause), "error": cause}
    return {"error": cause}


def _logged_path(target: str) -> str:
    """A request's path as a log may keep it: no query, and no segment that is longer than an id."""
    return wire_text(_LONG_SEGMENT.sub(r"\1...", target.partition("?")[0]))[:_LOGGED_PATH_LENGTH]
