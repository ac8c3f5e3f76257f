"""A listener: one address, one handler, its TLS and its limits.

The loop's own servers tell neither the peer's address before a handshake nor why one failed, so connections
are accepted here and given to the loop one by one.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from aiohttp import http_parser, web

from dcrgw.edge.answers import answer
from dcrgw.edge.binding import SocketFile, TcpPlace
from dcrgw.edge.connection import Connection
from dcrgw.edge.events import Sink, Throttle, log_event
from dcrgw.edge.exchange import Handler
from dcrgw.edge.limits import Limits
from dcrgw.edge.places import Places
from dcrgw.edge.serving import Answer, Serving
from dcrgw.edge.tls import handshake_socket, refusal_reason
from dcrgw.errors import ErrorCode, Misconfigured

__all__ = ["Limits", "Listener"]

#: Accepted in one go, before other connections get their turn.
_BATCH = 32
#: Without descriptors the socket stays readable: looking again at once would only burn the CPU.
_ACCEPT_PAUSE_S = 0.5
#: What `close` gives to handlers, and to connections, to see that it is over.
_FAREWELL_S = 0.1


class Listener:
    """Serves one handler on one address, or on a socket `file` in its place.

    `hosts` are the names that an absolute request target may have.
    """

    def __init__(
        self,
        name: str,
        handler: Handler,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        file: SocketFile | None = None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        ssl_context: ssl.SSLContext | None = None,
        hosts: frozenset[str] | None = None,
        malformed: ErrorCode = ErrorCode.INVALID_CLIENT_METADATA,
        answer: Answer = answer,
        on_event: Sink = log_event,
    ) -> None:
        self.name = name
        #: For handshakes from now on. None is plain HTTP.
        self.ssl_context = ssl_context
        self._noise = Throttle(on_event)
        self._accepting: asyncio.Task[None] | None = None
        self._serving = Serving(name, handler, limits, hosts, malformed, answer, on_event)
        self._place = file or TcpPlace(host, port)
        self._places = Places(limits.connections_per_ip)
        self._connections: dict[Connection, str] = {}
        self._stopping = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def connections(self) -> int:
        """How many connections are open, those in their handshake included."""
        return len(self._connections)

    def around(self, wrap: Callable[[Handler], Handler]) -> None:
        """Put something around the handler."""
        self._serving.handler = wrap(self._serving.handler)

    def become(self, other: Listener) -> None:
        """Serve from now on what `other`, which is never started, would serve: handler, TLS, limits and hosts.

        Connections stay; their next request is the new handler's. A context is never changed: a live one can be
        given anchors, but none can be taken away.
        """
        self.ssl_context = other.ssl_context
        self._serving.become(other._serving)
        self._places.each = other._places.each

    async def start(self) -> tuple[str, int]:
        """Bind and serve. Gives the bound host and port; for a socket file its path, and 0.

        Raises: Misconfigured when that cannot be.
        """
        _demand_c_parser()
        self._loop = asyncio.get_running_loop()
        self._server = web.Server(self._serving, request_factory=_make_request)
        self._binding = self._place.bind()
        self._socket = self._binding.socket
        # The one task of a listener: kept here, and the group within keeps the handshakes.
        self._accepting = self._loop.create_task(self._accept_until_stopped(), name=f"accept {self.name}")
        await asyncio.sleep(0)
        return self._binding.told

    def stop_accepting(self) -> None:
        """Take no new connections; those that the kernel has accepted are still served."""
        self._serving.draining = True
        self._stopping.set()

    async def drain(self, seconds: float) -> bool:
        """Stop accepting and let what was begun end. True when everything ended within `seconds`."""
        self.stop_accepting()
        try:
            async with asyncio.timeout(seconds):
                if self._accepting is not None:
                    await asyncio.shield(self._accepting)
                for connection in [c for c in self._connections if c.is_idle]:
                    connection.leave()
                await self._empty.wait()
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """End everything now. Handlers that still run are cancelled."""
        self.stop_accepting()
        if self._accepting is None:
            return
        self._accepting.cancel()
        await asyncio.gather(self._accepting, return_exceptions=True)
        await self._server.shutdown(_FAREWELL_S)
        for connection in list(self._connections):
            connection.cut()
        with suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL_S):
                await self._empty.wait()

    # -- accepting

    async def _accept_until_stopped(self) -> None:
        try:
            async with asyncio.TaskGroup() as handshakes:
                self._listen_for(handshakes)
                try:
                    await self._stopping.wait()
                    # The clients in the kernel's queue believe that they are connected.
                    while self._accept_some(handshakes):
                        pass
                finally:
                    self._loop.remove_reader(self._socket)
        finally:
            self._binding.close()

    def _listen_for(self, handshakes: asyncio.TaskGroup) -> None:
        if not self._stopping.is_set():
            self._loop.add_reader(self._socket, self._accept_some, handshakes)

    def _accept_some(self, handshakes: asyncio.TaskGroup) -> bool:
        """Accept a batch. True when there may be more."""
        for _ in range(_BATCH):
            try:
                connection, address = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return False
            except OSError as error:
                self._pause(handshakes, error)
                return False
            self._admit(connection, self._place.peer(connection, address), handshakes)
        return True

    def _pause(self, handshakes: asyncio.TaskGroup, error: OSError) -> None:
        self._event("accept_failed", reason=errno.errorcode.get(error.errno or 0, "unknown"))
        self._loop.remove_reader(self._socket)
        self._loop.call_later(_ACCEPT_PAUSE_S, self._listen_for, handshakes)

    def _admit(self, connection: socket.socket, peer: str, handshakes: asyncio.TaskGroup) -> None:
        place = self._places.take(peer)
        if place is None:
            connection.close()
            self._event("connection_refused", peer=peer, reason="connections_per_ip")
            return
        handshakes.create_task(self._take_up(connection, peer, place))

    async def _take_up(self, wire: socket.socket, peer: str, place: str) -> None:
        """Shake hands, and leave the connection to its protocol."""
        connection = Connection(self._server, self._serving, self._forget, loop=self._loop)
        self._connections[connection] = place
        self._empty.clear()
        handshake_socket.set(wire)
        options: dict[str, Any] = {}
        if self.ssl_context is not None:
            options = {"ssl": self.ssl_context, "ssl_handshake_timeout": self._serving.limits.handshake_s}
        try:
            await self._loop.connect_accepted_socket(lambda: connection, wire, **options)
        except Exception as error:
            self._event("handshake_refused", peer=peer, reason=refusal_reason(error))
        finally:
            if not connection.was_made:
                self._forget(connection)

    def _forget(self, connection: Connection) -> None:
        place = self._connections.pop(connection, None)
        if place is not None:
            self._places.give_back(place)
        if not self._connections:
            self._empty.set()

    def _event(self, event: str, **fields: Any) -> None:
        self._noise(event, listener=self.name, **fields)


def _make_request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    made: Callable[..., web.BaseRequest] = protocol.make_request
    return made(message, payload, writer, task)


def _demand_c_parser() -> None:
    """The pure Python parser has been the subject of smuggling advisories, and is what AIOHTTP_NO_EXTENSIONS gives."""
    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        raise Misconfigured("aiohttp runs without its C parser: unset AIOHTTP_NO_EXTENSIONS and install a built wheel")
