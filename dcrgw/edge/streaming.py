"""An answer that is passed on piece by piece: never a whole one in memory, never half of one that looks whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from aiohttp import web

from dcrgw.edge.connection import Connection
from dcrgw.edge.exchange import Cut
from dcrgw.errors import GatewayError


@asynccontextmanager
async def while_connected(request: web.BaseRequest) -> AsyncIterator[None]:
    """What is done within ends when the caller goes away. Raises: Cut then."""
    connection = cast(Connection, request.protocol)
    has_left = False
    try:
        async with asyncio.timeout(None) as bound:

            def leave() -> None:
                nonlocal has_left
                has_left = True
                bound.reschedule(0)

            forget = connection.when_lost(leave)
            try:
                yield
            finally:
                forget()
    except TimeoutError:
        if not has_left:
            raise
        raise Cut("left", 0, "the caller went away") from None


async def pass_on(
    request: web.BaseRequest, response: web.StreamResponse, pieces: AsyncIterator[bytes], *, idle_s: float
) -> web.StreamResponse:
    """Send a response with these pieces as its body, as fast as the caller takes them.

    `idle_s` is how long it may leave one untaken. Raises: what `pieces` raises before the first one; Cut after that.
    """
    first = await anext(pieces, None)
    await response.prepare(request)
    try:
        if first is not None:
            await _send(response, first, idle_s)
        async for piece in pieces:
            await _send(response, piece, idle_s)
        async with asyncio.timeout(idle_s):
            await response.write_eof()
    except (GatewayError, ConnectionError, TimeoutError) as failure:
        _abort(request)
        outcome = "left" if isinstance(failure, ConnectionError) else "cut"
        raise Cut(outcome, response.status, str(failure) or "the caller did not take the answer in time") from None
    except BaseException:
        # Cancelled, or a bug: what was sent is not the whole either.
        _abort(request)
        raise
    return response


async def _send(response: web.StreamResponse, piece: bytes, idle_s: float) -> None:
    async with asyncio.timeout(idle_s):
        await response.write(piece)


def _abort(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()
