"""Those who knock at the administration: over the socket file, as another user, by mutual TLS."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
import ssl
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from town import Reply

from dcrgw.edge.socket_paths import reachable
from dcrgw.testkit.certificates import CertificateAuthority, Issued

#: A user and a group that no machine gives rights to.
STRANGER = 65534


#: Not the loop's own pool: the gateway, which is in this process, needs that one to answer.
_CLIENTS = ThreadPoolExecutor(16)


async def aside(work: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
    """The result of what blocks, from a thread of the tests."""
    return await asyncio.get_running_loop().run_in_executor(_CLIENTS, partial(work, *arguments, **more))


class _Local(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=120)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(120)
        with reachable(self._path) as address:
            self.sock.connect(address)


def _ask(connection: http.client.HTTPConnection, method: str, target: str, **more: Any) -> Reply:
    try:
        connection.request(method, target, **more)
        answer = connection.getresponse()
        raw = answer.read()
        return Reply(answer.status, dict(answer.headers), json.loads(raw) if raw else {})
    finally:
        connection.close()


async def ask(path: Path, method: str, target: str, **more: Any) -> Reply:
    """One request over a socket file, as ourselves."""
    return await aside(_ask, _Local(path), method, target, **more)


async def ask_as(uid: int, groups: list[int], folder: Path, name: str, method: str, target: str) -> dict[str, Any]:
    """The same as another user, from a process of its own: its status and body, or its error. Needs root."""

    def knock() -> dict[str, Any]:
        try:
            os.chdir(folder)
            os.setgroups(groups)
            os.setgid(uid)
            os.setuid(uid)
            reply = _ask(_Local(Path(name)), method, target)
        except OSError as error:
            return {"error": type(error).__name__}
        return {"status": reply.status, "body": reply.body}

    return await aside(_in_a_child, knock)


def _in_a_child(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    answer, tell = os.pipe()
    with warnings.catch_warnings():
        # Newer Pythons warn of other threads; this child does nothing that could wait for them.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            # Forked, not started anew: the interpreter may be out of that user's reach.
            os.write(tell, json.dumps(work()).encode())
        finally:
            os._exit(0)
    os.close(tell)
    with os.fdopen(answer, "rb") as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return json.loads(told)


def administrator(authority: CertificateAuthority, name: str, folder: Path) -> tuple[Path, Path]:
    """A certificate and key of this common name, as files."""
    return _written(authority.issue(subject=f"CN={name}"), folder, name)


def server(authority: CertificateAuthority, folder: Path) -> None:
    """The administration's own server certificate: admin.pem and admin.key."""
    _written(authority.issue_server("localhost"), folder, "admin")


def _written(issued: Issued, folder: Path, name: str) -> tuple[Path, Path]:
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_bytes(issued.chain_pem)
    key.touch(0o600)
    key.write_bytes(issued.key_pem)
    return certificate, key


async def ask_by_tls(
    port: int, ca: Path, pair: tuple[Path, Path] | None, method: str, target: str, **more: Any
) -> Reply:
    """One request over mutual TLS. Raises: ssl.SSLError, OSError for a refused handshake."""
    context = ssl.create_default_context(cafile=ca)
    if pair is not None:
        context.load_cert_chain(*pair)
    connection = http.client.HTTPSConnection("localhost", port, timeout=120, context=context)
    return await aside(_ask, connection, method, target, **more)
