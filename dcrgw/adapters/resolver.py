"""Name look-ups that cannot starve others: own threads, few, and never the default executor's."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


class BoundedResolver(AbstractResolver):
    """The system's resolver, at most `lookups` names at a time.

    getaddrinfo cannot be cancelled and may hang for half a minute. Each look-up therefore has a daemon thread
    of its own (so a hanging one does not hold up the exit either), a hanging name holds its slot until it
    returns, and a fetcher has its own resolver: a software's dead name servers never delay the directory's.
    aiohttp asks once per name, however many requests wait for it.
    """

    def __init__(self, lookups: int = 8) -> None:
        self._slots = asyncio.Semaphore(lookups)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a host. Raises: OSError as getaddrinfo does."""
        async with self._slots:
            found = await _getaddrinfo(host, port, family)
        return [
            ResolveResult(hostname=host, host=address[0], port=port, family=kind, proto=proto, flags=_NUMERIC)
            for kind, _, proto, _, address in found
            # A scoped address is link-local: never one that we may connect to.
            if len(address) == 2 or not address[3]
        ]

    async def close(self) -> None:
        """Nothing to close: threads that still hang are daemons."""


async def _getaddrinfo(host: str, port: int, family: int) -> list[tuple[Any, Any, int, str, tuple[Any, ...]]]:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[tuple[Any, Any, int, str, tuple[Any, ...]]]] = loop.create_future()

    def deliver(found: Any, error: OSError | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(found)

    def look_up() -> None:
        found, error = None, None
        try:
            found = socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as failure:
            error = failure if isinstance(failure, OSError) else OSError("not a host name")
        try:
            loop.call_soon_threadsafe(deliver, found, error)
        except RuntimeError:
            return  # the loop was closed while the name hung: nobody waits any more

    try:
        threading.Thread(target=look_up, name="dns", daemon=True).start()
    except RuntimeError:
        raise OSError("no thread for the look-up") from None
    return await answer
