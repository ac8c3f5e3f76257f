"""Listeners of the sandbox's own servers: loopback only, TLS 1.2 and up, gone at once when told so."""

from __future__ import annotations

import socket
import ssl
from contextlib import ExitStack, suppress
from pathlib import Path
from random import sample

from aiohttp import web

#: The sandbox is for one machine; nobody else reaches it.
LOOPBACK = "127.0.0.1"
#: How long a stop waits for answers that a `slow` fault holds back.
SHUTDOWN_S = 0.2
#: Below are services with a name, and what people usually take for their own.
_LEAST_PORT = 10_000
#: So many ports that two who choose at random hardly meet.
_ENOUGH = 1000
#: Those that were given, and may not be listened on yet.
_given: set[int] = set()


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
    """Different ports that nobody listens on now, and that no outgoing connection is given meanwhile.

    None is given twice in the life of this process: who was given one may be slow to listen on it.
    A port that the kernel picks is one that it may lend to any connection as soon as it is free again; a listener
    that is to come back to its port, after a restart say, would find it taken now and then.
    """
    with ExitStack() as held:
        ports: list[int] = []
        for port in sample(ports_to_choose_from, k=len(ports_to_choose_from)):
            if port in _given:
                continue
            probe = held.enter_context(socket.socket())
            with suppress(OSError):
                probe.bind((LOOPBACK, port))
                ports.append(port)
            if len(ports) == count:
                _given.update(ports)
                return ports
    raise OSError("no port is free")


def _ports() -> range:
    """Those that the kernel lends to nobody; where there is no telling, those that Linux does not lend by default."""
    try:
        lent = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split()[0])
    except (OSError, ValueError):
        lent = 32768
    return range(_LEAST_PORT, lent) if lent - _LEAST_PORT >= _ENOUGH else range(_LEAST_PORT, 65536)


#: Where `free_ports` looks. Several processes that start at once may each be given a part.
ports_to_choose_from = _ports()
