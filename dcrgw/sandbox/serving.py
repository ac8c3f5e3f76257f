"""Listeners of the sandbox's own servers: loopback only, TLS 1.2 and up, gone at once when told so."""

from __future__ import annotations

import socket
import ssl
from contextlib import ExitStack
from pathlib import Path

from aiohttp import web

#: The sandbox is for one machine; nobody else reaches it.
LOOPBACK = "127.0.0.1"
#: How long a stop waits for answers that a `slow` fault holds back.
SHUTDOWN_S = 0.2


class Listener:
    """One served application; `port` is the real one."""

    def __init__(self, runner: web.AppRunner, port: int) -> None:
        self._runner = runner
        self.port = port

    async def stop(self) -> None:
        """Close the port and every connection."""
        await self._runner.cleanup()


async def listen(app: web.Application, port: int, tls: ssl.SSLContext | None = None) -> Listener:
    """Serve `app` on loopback; port 0 takes a free one. Raises: OSError when the port is taken."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S, handle_signals=False)
    await runner.setup()
    site = web.TCPSite(runner, LOOPBACK, port, ssl_context=tls)
    try:
        await site.start()
    except OSError:
        await runner.cleanup()
        raise
    return Listener(runner, runner.addresses[0][1])


def server_tls(certificate: Path, key: Path, *, client_ca: bytes | None = None) -> ssl.SSLContext:
    """A server's TLS context; with `client_ca` (PEM) the handshake demands a certificate from there."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    if client_ca is not None:
        context.load_verify_locations(cadata=client_ca.decode("ascii"))
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def free_ports(count: int) -> list[int]:
    """Different ports that nobody listens on now."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((LOOPBACK, 0))
        return [probe.getsockname()[1] for probe in probes]
