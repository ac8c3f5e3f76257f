"""The template: a small process, started before any secret is read, that forks a worker for each order.

It talks over one socket of whole packets. It alone kills and reaps its workers, so no number of a process that is
gone is ever used again for another.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from dcrgw.scripting.worker import kernel
from dcrgw.scripting.worker.confinement import Limits, attempted, leave_network
from dcrgw.scripting.worker.framing import Line
from dcrgw.scripting.worker.serving import serve

_LONGEST_PACKET = 65536


def run(control: int) -> NoReturn:
    """Serve orders on this file descriptor until the gateway hangs up."""
    # A gateway with thousands of connections hands over a high number, which select and closerange do not reach.
    low = os.dup(control)
    os.close(control)
    _Template(socket.socket(fileno=low)).serve()
    os._exit(0)


class _Template:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        #: Our number for each worker, by its process id.
        self._workers: dict[int, int] = {}
        measures = [
            attempted("no_network", leave_network),
            attempted("adopts_orphans", lambda: kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)),
        ]
        self._woken, waker = os.pipe()
        for end in (self._woken, waker):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(waker)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        # What a worker inherits is not written to again by the collector, so its pages stay shared.
        gc.collect()
        gc.freeze()
        self._tell({"ready": {measure.name: measure.refused for measure in measures}})

    def serve(self) -> None:
        while True:
            ready, _, _ = select.select([self._control.fileno(), self._woken], [], [])
            if self._woken in ready:
                with suppress(BlockingIOError):
                    os.read(self._woken, 4096)
                self._reap()
            if self._control.fileno() in ready:
                packet, ends, _, _ = socket.recv_fds(self._control, _LONGEST_PACKET, 2)
                if not packet:
                    return  # the gateway is gone, and every worker dies with this process
                self._obey(json.loads(packet), ends)

    def _obey(self, order: dict[str, Any], ends: list[int]) -> None:
        if "kill" in order:
            for pid, number in list(self._workers.items()):
                if number == order["kill"]:
                    _kill_group(pid)
            return
        number, parent = order["fork"], os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            self._tell({"ended": number, "status": None, "why": str(error)})
            pid = -1
        if pid == 0:
            _become_worker(order, ends, parent)
        for end in ends:
            os.close(end)
        if pid > 0:
            self._workers[pid] = number
            self._tell({"forked": number, "pid": pid})

    def _reap(self) -> None:
        for pid in list(self._workers):
            # Looked at before it is reaped: until then nobody else can have its number, or its group's.
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue
            _kill_group(pid)
            _, status = os.waitpid(pid, 0)
            self._tell({"ended": self._workers.pop(pid), "status": os.waitstatus_to_exitcode(status)})
        self._end_orphans()

    def _end_orphans(self) -> None:
        """What a worker started and left behind became our child: it goes too."""
        for pid in _children():
            if pid not in self._workers:
                with suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)

    def _tell(self, message: dict[str, Any]) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):
            self._control.send(json.dumps(message).encode())


def _children() -> list[int]:
    """Every process whose parent this one is; not every kernel lists them in one place."""
    found, me = [], os.getpid()
    for name in os.listdir("/proc"):
        if name.isdecimal():
            with suppress(OSError):
                # After the command in brackets, which may hold anything: state, then parent.
                if int(Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[1]) == me:
                    found.append(int(name))
    return found


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    # It may not have made its group yet.
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def _become_worker(order: dict[str, Any], ends: list[int], parent: int) -> NoReturn:
    """In the child: nothing of the template may ever run here again."""
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGPROF, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        line, output = ends
        os.dup2(output, 1)
        os.dup2(output, 2)
        line = os.dup2(line, 3, inheritable=False) if line != 3 else line
        os.closerange(4, os.sysconf("SC_OPEN_MAX"))
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == parent:
            limits = Limits(**order["limits"])
            serve(Line(socket.socket(fileno=line)), limits, order["readable"])
    except BaseException as error:
        with suppress(OSError):
            os.write(2, f"worker: {type(error).__name__}: {error}\n".encode())
        os._exit(70)
    os._exit(0)
