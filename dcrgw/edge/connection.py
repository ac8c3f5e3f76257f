"""One connection: aiohttp's HTTP/1.1 protocol with deadlines, our own refusals, and no Server header.

What of aiohttp's private parts is used stands in this file and in `request.py`, and every use has a test:
`_messages` (to see that headers are complete), `_ErrInfo` (that the parser gave up), `ERROR` (the stand-in request),
`_task_handler` (to see that nobody serves it any more).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from enum import Enum, auto
from functools import lru_cache, partial
from typing import Any, cast

from aiohttp import HttpVersion11, web
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import ERROR, RequestHandler, _ErrInfo
from multidict import CIMultiDict, CIMultiDictProxy

from dcrgw.edge.faults import DEADLINE, HEADER_SIZE, SYNTAX, HttpFault, of_parser
from dcrgw.edge.limits import Limits
from dcrgw.edge.peer import PeerUser, chain_of, user_of
from dcrgw.edge.request import Request
from dcrgw.edge.serving import Serving

MAX_HEADERS = 64
#: How long a closed connection may take to be gone before it is cut.
_FAREWELL_S = 5.0
#: How long the rest of a refused body is read and dropped, so that the client gets to read the refusal.
_LINGER_S = 2.0
#: aiohttp's own idle timer cannot be turned off, only put out of the way of ours.
_NEVER_S = 30 * 86400.0
#: What is known of a request that could not be parsed; aiohttp's own would be answered as HTTP/1.0.
_STAND_IN = ERROR._replace(version=HttpVersion11, headers=CIMultiDictProxy(CIMultiDict()))


class Phase(Enum):
    """What a connection is waiting for; each phase but HANDLING has a deadline."""

    IDLE = auto()
    HEADER = auto()
    BODY = auto()
    HANDLING = auto()
    SENDING = auto()
    CLOSING = auto()


@lru_cache(maxsize=64)
def _allowed(limits: Limits) -> dict[Phase, float | None]:
    """How many seconds each phase may take."""
    return {
        Phase.HEADER: limits.header_s,
        Phase.BODY: limits.body_s,
        Phase.IDLE: limits.idle_s,
        Phase.SENDING: limits.idle_s,
        Phase.CLOSING: _FAREWELL_S + _LINGER_S,
        # A handler has its own deadlines; whoever cut it here would not know what it has stored.
        Phase.HANDLING: None,
    }


class Connection(RequestHandler):
    """One client connection of a listener."""

    __slots__ = (
        "_allowed",
        "_due",
        "_fault",
        "_header_bytes",
        "_limits",
        "_lost",
        "_on_loss",
        "_phase",
        "_serving",
        "_taking",
        "_timer",
        "_wire",
        "peer_chain",
        "peer_user",
        "served",
    )

    def __init__(
        self,
        server: web.Server,
        serving: Serving,
        lost: Callable[[Connection], None],
        *,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        limits = serving.limits
        super().__init__(
            server,
            loop=loop,
            keepalive_timeout=_NEVER_S,
            lingering_time=min(_LINGER_S, limits.body_s),
            max_line_size=min(8190, limits.header_bytes),
            max_field_size=min(limits.field_bytes, limits.header_bytes),
            max_headers=MAX_HEADERS,
            auto_decompress=False,
            access_log=cast(logging.Logger, None),
        )
        self._limits = limits
        self._allowed = _allowed(limits)
        self._serving = serving
        self._lost = lost
        self._phase = Phase.IDLE
        #: When the phase must be over, loop time; None for never. The timer may be earlier, never later.
        self._due: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._header_bytes = 0
        #: What to answer in place of the parser's complaint, when we made it complain.
        self._fault: HttpFault | None = None
        #: The request whose body is still coming in.
        self._taking: web.BaseRequest | None = None
        self._wire: asyncio.Transport | None = None
        self.peer_chain: tuple[bytes, ...] = ()
        self.peer_user: PeerUser | None = None
        #: What wants to know when it is lost.
        self._on_loss: list[Callable[[], None]] = []
        #: Requests that were answered or are being answered.
        self.served = 0

    @property
    def is_idle(self) -> bool:
        """True between requests: closing now loses nothing that was sent to us."""
        return self._phase is Phase.IDLE

    @property
    def was_made(self) -> bool:
        """True once the transport, with its TLS handshake, stood."""
        return self._wire is not None

    def when_lost(self, call: Callable[[], None]) -> Callable[[], None]:
        """Let `call` be called once when the connection is lost, soon where it is already. Gives what takes it back."""
        if self.transport is None:
            handle = self._loop.call_soon(call)
            return handle.cancel
        self._on_loss.append(call)
        return lambda: self._on_loss.remove(call) if call in self._on_loss else None

    # -- the transport's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire = cast(asyncio.Transport, transport)
        self.peer_chain = chain_of(transport)
        self.peer_user = user_of(transport.get_extra_info("socket"))
        super().connection_made(transport)
        if self._task_handler is not None:
            self._task_handler.add_done_callback(self._handler_ended)
        self._enter(Phase.HEADER)

    def _handler_ended(self, task: asyncio.Task[None]) -> None:
        """aiohttp closes where its task ends well; where that fails nobody else would, and no deadline is left."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._serving.on_event("connection_failed", listener=self._serving.listener, error=error)
            self.cut()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._disarm()
        super().connection_lost(exc)
        self._taking = None
        self._lost(self)
        while self._on_loss:
            self._on_loss.pop()()

    def data_received(self, data: bytes) -> None:
        if self._phase is Phase.IDLE and data:
            self._enter(Phase.HEADER)
        super().data_received(data)
        if self._phase is Phase.HEADER:
            self._look_at_header(len(data))
        elif self._taking is not None and self._messages and isinstance(self._messages[-1][0], _ErrInfo):
            # The parser gave up inside a body; aiohttp would leave its reader waiting.
            self._taking.content.set_exception(of_parser(self._messages[-1][0].exc))

    def _look_at_header(self, received: int) -> None:
        self._header_bytes += received
        if self._messages:
            self._enter(Phase.HANDLING)
        elif self._header_bytes > self._limits.header_bytes:
            self._refuse(HttpFault(HEADER_SIZE, f"the headers are larger than {self._limits.header_bytes} bytes"))

    def _refuse(self, fault: HttpFault) -> None:
        """Answer headers that never end. A NUL makes the parser report an error, whose answer is then ours."""
        self._fault = fault
        self._enter(Phase.HANDLING)
        super().data_received(b"\0")

    # -- aiohttp's calls, one request at a time

    def make_request(self, message: Any, payload: StreamReader, writer: Any, task: asyncio.Task[None]) -> Request:
        """The request object for a parsed head; starts the body's deadline."""
        if message is ERROR:
            message = _STAND_IN
        request = self._request_of(message, payload, writer, task)
        self.served += 1
        self._taking = request
        self._enter(Phase.BODY)
        payload.on_eof(self._body_taken)
        return request

    def _request_of(self, message: Any, payload: StreamReader, writer: Any, task: asyncio.Task[None]) -> Request:
        make = partial(Request, client_max_size=self._limits.body_bytes)
        try:
            return make(message, payload, self, writer, task, self._loop)
        except Exception:
            # The parser takes a host that yarl does not (`xn--a`). aiohttp would leave the connection to itself then.
            request = make(_STAND_IN, payload, self, writer, task, self._loop)
            request.fault = HttpFault(SYNTAX, "the request target is no URL")
            return request

    def _body_taken(self) -> None:
        self._taking = None
        if self._phase is Phase.BODY:
            self._enter(Phase.HANDLING)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        self._enter(Phase.SENDING)
        sent = await super().finish_response(request, resp, start_time)
        if not resp.keep_alive:
            self._enter(Phase.CLOSING)
        elif not self._messages:
            self._enter(Phase.IDLE)
            if self._serving.draining:
                self.leave()
        return sent

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Our answer in place of aiohttp's, which would hold parts of the input."""
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun: the connection can only be closed")
        if isinstance(exc, Exception) and status == 400:
            error: BaseException = self._fault or of_parser(exc)
        else:
            error = exc or TimeoutError("a handler timed out")
        response = self._serving.refuse(request, error)
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """What goes wrong after the answer, such as a refused body that stays broken while it is read away."""
        error = kw.get("exc_info")
        if not isinstance(error, (HttpFault, ConnectionError)):
            self._serving.on_event("connection_failed", listener=self._serving.listener, error=error)

    # -- deadlines

    def _enter(self, phase: Phase) -> None:
        self._phase = phase
        if phase in (Phase.IDLE, Phase.HEADER):
            self._header_bytes = 0
        seconds = self._allowed[phase]
        if seconds is None or self.transport is None:
            self._due = None
            return
        self._due = self._loop.time() + seconds
        # A request passes six phases. One timer that looks again when it was early costs a tenth of six timers.
        if self._timer is None:
            self._timer = self._loop.call_at(self._due, self._look)
        elif self._due < self._timer.when():
            self._timer.cancel()
            self._timer = self._loop.call_at(self._due, self._look)

    def _disarm(self) -> None:
        self._due = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        """The timer's call: the phase that it was set for may be over."""
        self._timer = None
        if self._due is None:
            return
        if self._loop.time() < self._due:
            self._timer = self._loop.call_at(self._due, self._look)
        else:
            self._due = None
            self._expire()

    def _expire(self) -> None:
        match self._phase:
            case Phase.HEADER if self._header_bytes:
                self._refuse(HttpFault(DEADLINE, "the headers did not end in time"))
            case Phase.BODY if self._taking is not None:
                self._taking.content.set_exception(HttpFault(DEADLINE, "the body did not end in time"))
            case Phase.SENDING | Phase.CLOSING:
                self.cut()
            case _:
                self.leave()

    def leave(self) -> None:
        """Close an idle connection; cut it when the other end does not let go."""
        self._enter(Phase.CLOSING)
        self.force_close()

    def cut(self) -> None:
        """End the connection at once."""
        if self._wire is not None:
            self._wire.abort()
