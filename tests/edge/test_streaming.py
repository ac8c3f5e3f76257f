"""Answers that are passed on piece by piece: never half of one that looks whole, and nobody works for who has left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from dcrgw.edge.streaming import pass_on, while_connected
from dcrgw.errors import Unavailable

REQUEST = b"GET /page HTTP/1.1\r\nHost: bank.example\r\n\r\n"


async def of(*pieces: bytes | Exception) -> AsyncIterator[bytes]:
    """These, as they would come from elsewhere."""
    for piece in pieces:
        if isinstance(piece, Exception):
            raise piece
        yield piece


def passing(*pieces: bytes | Exception, length: int | None = None, idle_s: float = 60.0):
    """A handler that passes these on."""

    async def handle(request, _exchange):
        response = web.StreamResponse()
        if length is not None:
            response.content_length = length
        return await pass_on(request, response, of(*pieces), idle_s=idle_s)

    return handle


async def rest(client) -> bytes:
    async with asyncio.timeout(60):
        try:
            return await client.reader.read()
        except ConnectionError:
            return b""


async def test_whole_answer_leaves_its_connection_as_it_was(edge):
    await edge.listen(passing(b"one", b"two"))
    client = await edge.connect()
    for _ in range(2):
        client.send(REQUEST)
        async with asyncio.timeout(60):
            said = await client.reader.readuntil(b"0\r\n\r\n")
        assert said.endswith(b"\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
    await edge.events.until(lambda: len(edge.events.named("request")) == 2)
    assert [each["status"] for each in edge.events.named("request")] == [200, 200]


async def test_failure_before_the_first_piece_is_an_answer(edge):
    await edge.listen(passing(Unavailable("upstream", "gone")))
    answer, client = await edge.ask(REQUEST)
    assert (answer.status, answer.headers["content-type"]) == (503, "application/json")
    assert (await client.ask(REQUEST)).status == 503


async def test_failure_after_it_is_the_end_of_the_connection(edge):
    for length, failure in ((None, Unavailable("upstream", "cut")), (6, Unavailable("upstream", "cut"))):
        await edge.listen(passing(b"one", failure, length=length))
        client = await edge.connect()
        client.send(REQUEST)
        said = await rest(client)
        assert b"one" in said or said == b""
        assert not said.endswith(b"0\r\n\r\n")
        await edge.events.first("request")
        told = edge.events.named("request")[-1]
        assert (told["outcome"], told["status"], told["reason"]) == ("cut", 200, "upstream: cut")
        edge.events.seen.clear()


async def test_answer_that_nobody_takes_is_cut(edge):
    await edge.listen(passing(*[b"x" * 65_536] * 1_000, idle_s=0.2))
    client = await edge.connect()
    client.writer.transport.pause_reading()
    client.send(REQUEST)
    assert (await edge.events.first("request"))["outcome"] == "cut"


async def test_work_for_who_has_left_ends(edge):
    began, ended = asyncio.Event(), asyncio.Event()

    async def handle(request, _exchange):
        async with while_connected(request):
            began.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

    await edge.listen(handle)
    client = await edge.connect()
    client.send(REQUEST)
    async with asyncio.timeout(60):
        await began.wait()
        client.writer.transport.abort()
        await ended.wait()
    told = await edge.events.first("request")
    assert (told["outcome"], told["status"]) == ("left", 0)
    assert "error" not in told


async def test_own_deadlines_within_are_not_taken_for_a_leave(edge):
    async def handle(request, _exchange):
        async with while_connected(request):
            raise TimeoutError

    await edge.listen(handle)
    answer, _ = await edge.ask(REQUEST)
    assert answer.status == 500


async def test_who_left_before_the_work_began_gets_none(edge):
    began = asyncio.Event()
    gone = asyncio.Event()
    worked = False

    async def handle(request, _exchange):
        nonlocal worked
        began.set()
        await gone.wait()
        async with while_connected(request):
            await asyncio.sleep(50)
            worked = True

    await edge.listen(handle)
    client = await edge.connect()
    client.send(REQUEST)
    async with asyncio.timeout(60):
        await began.wait()
        client.writer.transport.abort()
        await asyncio.sleep(0.05)
        gone.set()
        assert (await edge.events.first("request"))["outcome"] == "left"
    assert not worked
