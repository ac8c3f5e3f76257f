"""The gateway's end of the template process: start it, have it fork workers, end them, learn how they ended."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from dcrgw.errors import Unavailable
from dcrgw.scripting.worker.confinement import Limits

#: How an event is told: its name, and its fields.
Sink = Callable[..., None]

_PROGRAM = "import sys; sys.path[:] = {path!r}; from dcrgw.scripting.worker.template import run; run({control})"
_READY_S = 20.0
_LONGEST_PACKET = 65536
#: The wait before the next start of a template that died soon after its last.
_SOON_S, _FIRST_WAIT_S, _LONGEST_WAIT_S = 10.0, 0.1, 5.0


@dataclass(slots=True)
class Hired:
    """One worker process. `ended` says how it ended, once it has been reaped."""

    number: int
    ended: asyncio.Future[str]
    pid: int | None = None


@dataclass(slots=True)
class Template:
    """One template process at a time, started when told or when first needed, and again when it has died."""

    on_event: Sink
    #: What the template could not do on this machine, and why: name -> reason, empty where it could.
    measures: Mapping[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None
    _control: socket.socket | None = None
    _ready: asyncio.Future[None] | None = None
    _hired: dict[int, Hired] = field(default_factory=dict)
    _numbers: count[int] = field(default_factory=lambda: count(1))
    _started_at: float = 0.0
    _wait_s: float = 0.0
    _is_closed: bool = False

    @property
    def pid(self) -> int | None:
        """Its process id, None while there is none."""
        return self._process.pid if self._process else None

    @property
    def pids(self) -> list[int]:
        """The process ids of the workers that live."""
        return [each.pid for each in self._hired.values() if each.pid is not None]

    def start(self) -> None:
        """Start the process with an empty environment and nothing of ours open; it is ready some time later."""
        if self._process is not None:
            return
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        path = [str(Path(each).absolute()) for each in sys.path]
        program = _PROGRAM.format(path=path, control=theirs.fileno())
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
                [sys.executable, "-I", "-X", "utf8", "-c", program],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={},
                cwd="/",
                start_new_session=True,
            )
        loop = asyncio.get_running_loop()
        self._control, self._ready, self._started_at = ours, loop.create_future(), time.monotonic()
        loop.add_reader(ours, self._heard)

    async def fork(self, limits: Limits, readable: Sequence[str], ends: Sequence[int]) -> Hired:
        """A new worker that holds `ends`: its pipe to us and its output. Raises: Unavailable."""
        await self._be_ready()
        assert self._control is not None
        hired = Hired(next(self._numbers), asyncio.get_running_loop().create_future())
        order = {"fork": hired.number, "limits": limits.json(), "readable": list(readable)}
        try:
            socket.send_fds(self._control, [json.dumps(order).encode()], list(ends))
        except OSError as error:
            raise Unavailable("scripts", f"no worker can be ordered: {error.strerror}") from None
        self._hired[hired.number] = hired
        return hired

    def kill(self, hired: Hired) -> None:
        """End a worker and everything in its process group, now."""
        if self._control is None or hired.ended.done():
            return
        try:
            self._control.send(json.dumps({"kill": hired.number}).encode())
        except BlockingIOError:
            # Hundreds of orders lie unread: it hangs, and a worker that must end would go on.
            self.give_up("the template takes no more orders")
        except OSError:
            pass  # it died, which is heard in a moment

    def give_up(self, why: str) -> None:
        """End the process and with it every worker; it is started again when next needed."""
        self._hang_up(why)

    def close(self) -> None:
        """End it for good."""
        self._is_closed = True
        self._hang_up("the gateway ends")

    async def _be_ready(self) -> None:
        if self._is_closed:
            raise Unavailable("scripts", "the gateway ends")
        if self._process is None:
            # One that dies at once is not started in a circle.
            await asyncio.sleep(max(0.0, self._started_at + self._wait_s - time.monotonic()))
            self.start()
        assert self._ready is not None
        try:
            await asyncio.wait_for(asyncio.shield(self._ready), _READY_S)
        except TimeoutError:
            self._hang_up("the template was not ready in time")
            raise Unavailable("scripts", "the template process was not ready in time") from None

    def _heard(self) -> None:
        assert self._control is not None
        try:
            packet = self._control.recv(_LONGEST_PACKET)
        except BlockingIOError:
            return
        except OSError:
            packet = b""
        if not packet:
            self._died()
            return
        self._take(json.loads(packet))

    def _take(self, message: dict[str, Any]) -> None:
        if "ready" in message:
            self.measures = message["ready"]
            if self._ready is not None and not self._ready.done():
                self._ready.set_result(None)
        elif "forked" in message and (hired := self._hired.get(message["forked"])):
            hired.pid = message["pid"]
        elif "ended" in message and (hired := self._hired.pop(message["ended"], None)):
            why = message.get("why")
            _set(hired.ended, f"could not be started: {why}" if why else _manner(message["status"]))

    def _died(self) -> None:
        soon = time.monotonic() - self._started_at < _SOON_S
        self._wait_s = min(max(self._wait_s * 2, _FIRST_WAIT_S), _LONGEST_WAIT_S) if soon else 0.0
        self.on_event("script_template_died", pid=self.pid, restarts_in_s=self._wait_s)
        self._hang_up("the template process died")

    def _hang_up(self, why: str) -> None:
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control)
            self._control.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(Unavailable("scripts", why))
            self._ready.exception()  # perhaps nobody waits
        for hired in self._hired.values():
            _set(hired.ended, f"was lost, since {why}")
        self._hired.clear()
        self._process = self._control = self._ready = None


def _set(ended: asyncio.Future[str], how: str) -> None:
    if not ended.done():
        ended.set_result(how)


def _manner(status: int) -> str:
    """How a process ended, in words."""
    if status >= 0:
        return f"exited with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
