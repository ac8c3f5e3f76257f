"""Where a listener is reached: a TCP port, or a socket file that only its owner and group may open."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dcrgw.edge.peer import user_of
from dcrgw.edge.socket_paths import reachable
from dcrgw.errors import Misconfigured

_BACKLOG = 512
_SOCKET_MODE = 0o660


@dataclass(frozen=True, slots=True)
class Binding:
    """A socket that listens. `told` is its host and port; for a socket file the path, and 0."""

    socket: socket.socket
    told: tuple[str, int]
    #: Gives up what the socket leaves behind on the disk.
    release: Callable[[], None] = lambda: None

    def close(self) -> None:
        """Stop listening."""
        self.release()
        self.socket.close()


@dataclass(frozen=True, slots=True)
class TcpPlace:
    """A host and a port; port 0 takes a free one."""

    host: str
    port: int

    def bind(self) -> Binding:
        """Raises: Misconfigured when the place cannot be had."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        dualstack = self.host == "::"
        try:
            bound = socket.create_server(
                (self.host, self.port), family=family, backlog=_BACKLOG, dualstack_ipv6=dualstack
            )
        except OSError as error:
            raise Misconfigured(f"cannot listen on {self.host} port {self.port}: {error.strerror}") from error
        bound.setblocking(False)
        host, port = bound.getsockname()[:2]
        return Binding(bound, (host, port))

    def peer(self, _connection: socket.socket, address: tuple[str, int]) -> str:
        """Who connected, by address."""
        return address[0]


@dataclass(frozen=True, slots=True)
class SocketFile:
    """A socket in the file system, mode 0660. `group` (a gid) is the group that may open it beside the owner."""

    path: Path
    group: int | None = None

    def bind(self) -> Binding:
        """Raises: Misconfigured when the place cannot be had, or another process serves there."""
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with reachable(self.path) as address:
                self._clear(address)
                bound.bind(address)
            # Nobody can connect before listen(), so nobody meets the permissions of the umask.
            if self.group is not None:
                os.chown(self.path, -1, self.group)
            self.path.chmod(_SOCKET_MODE)
            bound.listen(_BACKLOG)
        except OSError as error:
            bound.close()
            raise Misconfigured(f"cannot listen on {self.path}: {error.strerror}") from error
        except Misconfigured:
            bound.close()
            raise
        bound.setblocking(False)
        status = self.path.lstat()
        return Binding(bound, (str(self.path), 0), lambda: self._unlink(status.st_dev, status.st_ino))

    def peer(self, connection: socket.socket, _address: object) -> str:
        """Who connected, by user."""
        user = user_of(connection)
        return f"uid {user.uid}" if user is not None else "uid unknown"

    def _clear(self, address: str) -> None:
        """Remove what a killed process left behind, and nothing else."""
        try:
            mode = self.path.lstat().st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(mode):
            raise Misconfigured(f"cannot listen on {self.path}: it is a file that is no socket")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(address)
            except ConnectionRefusedError:
                self.path.unlink()
                return
        raise Misconfigured(f"cannot listen on {self.path}: another process serves there")

    def _unlink(self, device: int, inode: int) -> None:
        """Remove our own socket: by now a successor's may stand in its place."""
        with suppress(OSError):
            status = self.path.lstat()
            if (status.st_dev, status.st_ino) == (device, inode):
                self.path.unlink()


Place = TcpPlace | SocketFile
