"""The gateway's end of one worker: messages to it and from it, and what it printed. Nothing it says is believed
before it was checked.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, cast

from dcrgw.errors import Misconfigured
from dcrgw.scripting.output import MOST_CHARACTERS
from dcrgw.scripting.template import Hired, Template
from dcrgw.scripting.veil import Veil
from dcrgw.scripting.worker.confinement import Limits
from dcrgw.scripting.worker.framing import FramingBroken, Unpacking, pack_down

#: How long after its pipe broke we wait to learn how the process ended.
_LEARN_S = 2.0
_MOST_PRINTED_BYTES = 4 * MOST_CHARACTERS
#: More than there are: its script could have told this.
_MOST_WALLS = 16


class WorkerLost(Exception):
    """The worker is gone, or was given up. `how` says what happened to it."""

    def __init__(self, how: str) -> None:
        self.how = how
        super().__init__(how)


class Worker(asyncio.Protocol):
    """One worker process with one script."""

    def __init__(self, template: Template, hired: Hired, output: int, veil: Veil) -> None:
        self._template, self._hired, self._output, self._veil = template, hired, output, veil
        self._unpacking = Unpacking()
        self._waiting: asyncio.Future[dict[str, Any] | None] | None = None
        self._transport: asyncio.Transport | None = None
        self._broken = ""
        self.is_open = True
        #: How many calls it was given.
        self.calls = 0
        #: Name of each wall around it -> why this machine refused it, empty where it stands.
        self.confinement: Mapping[str, str] = {}
        self.methods: frozenset[str] = frozenset()
        self.is_loaded = False
        #: Called once when the process is gone, or given up, without anybody waiting for its word.
        self.on_lost: Callable[[Worker], None] = lambda _worker: None

    @classmethod
    async def hire(cls, template: Template, limits: Limits, readable: Sequence[str], veil: Veil) -> Worker:
        """A worker without a script yet; `veil` is over what it will print. Raises: Unavailable."""
        ours, theirs = socket.socketpair()
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        try:
            hired = await template.fork(limits, readable, [theirs.fileno(), writing])
            loop = asyncio.get_running_loop()
            worker = cls(template, hired, reading, veil)
            await loop.create_unix_connection(lambda: worker, sock=ours)
        except BaseException:
            ours.close()
            os.close(reading)
            raise
        finally:
            theirs.close()
            os.close(writing)
        return worker

    @property
    def pid(self) -> int | None:
        """Its process id, once it is known."""
        return self._hired.pid

    @property
    def lives(self) -> bool:
        """False once it is known to be gone: its template may have been heard to die before its own pipe broke."""
        return self.is_open and not self._hired.ended.done()

    async def load(self, order: Mapping[str, Any]) -> None:
        """Hand over the script. Raises: Misconfigured in the worker's words, WorkerLost."""
        told = await self.exchange(order)
        if isinstance(told.get("refused"), str):
            raise Misconfigured(self._veil(told["refused"][:MOST_CHARACTERS]))
        methods, confinement = told.get("loaded"), told.get("confinement")
        if not _is_texts(methods) or not isinstance(confinement, dict):
            raise self.give_up("it answered its loading with something else")
        self.methods = frozenset(cast(list[str], methods))
        self.is_loaded = True
        named = islice(confinement.items(), _MOST_WALLS)
        self.confinement = {name[:40]: str(reason)[:200] for name, reason in named}

    async def exchange(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Say something and hear the answer. Raises: WorkerLost, ValueError for what cannot be said."""
        if not self.is_open:
            raise WorkerLost(await self._how())
        data = pack_down(message)
        assert self._transport is not None
        self._transport.write(data)
        return await self._next()

    def printed(self) -> str:
        """What it wrote to its output since the last look."""
        kept = b""
        with suppress(BlockingIOError, OSError):
            while len(kept) < _MOST_PRINTED_BYTES and (data := os.read(self._output, 65536)):
                kept += data
        return self._veil(kept.decode(errors="replace")) if kept else ""

    def kill(self) -> None:
        """End it and all that it started, now."""
        self.is_open = False
        self._template.kill(self._hired)
        if self._transport is not None:
            self._transport.abort()

    def give_up(self, how: str) -> WorkerLost:
        """End a worker that does not keep to the form; what to raise."""
        self.kill()
        return WorkerLost(how)

    async def dismiss(self, within_s: float) -> bool:
        """destroy, and the end of the process. False when the script did not say True, or not in time."""
        try:
            async with asyncio.timeout(within_s):
                return (await self.exchange({"destroy": True})).get("destroyed") is True
        except (TimeoutError, WorkerLost):
            return False
        finally:
            self.kill()

    def release(self) -> None:
        """Close what is left of it here, once nobody wants to know what it printed."""
        output, self._output = self._output, -1
        if output >= 0:
            os.close(output)

    async def _next(self) -> dict[str, Any]:
        self._waiting = asyncio.get_running_loop().create_future()
        try:
            told = await self._waiting
        finally:
            self._waiting = None
        if told is None:
            raise WorkerLost(await self._how())
        return told

    async def _how(self) -> str:
        if self._broken:
            return self._broken
        with suppress(TimeoutError):
            return f"the worker {await asyncio.wait_for(asyncio.shield(self._hired.ended), _LEARN_S)}"
        return "the worker hung up"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """asyncio's."""
        try:
            for message in self._unpacking.take(data):
                self._hear(message)
        except FramingBroken as broken:
            self._broken = f"the worker broke the protocol: {broken}"
            self.kill()
            self._tell(None)

    def connection_lost(self, error: Exception | None) -> None:
        """asyncio's."""
        self.is_open = False
        # Its pipe may end before it does: a script can close file descriptors.
        self._template.kill(self._hired)
        self._tell(None)
        self.on_lost(self)

    def _hear(self, message: dict[str, Any]) -> None:
        """One word for each of ours: more would be taken for the answer to the next call, or fill our memory."""
        if not self._tell(message):
            raise FramingBroken("it spoke without being asked")

    def _tell(self, message: dict[str, Any] | None) -> bool:
        """To whoever waits for the worker's word; None when it is lost. False when nobody waits."""
        if self._waiting is None or self._waiting.done():
            return False
        self._waiting.set_result(message)
        return True


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)
