"""Slow and silent clients. The loop's clock is put forward: what was sent in time is in time on any machine."""

from __future__ import annotations

import asyncio

import pytest

from dcrgw.edge.answers import json_answer
from dcrgw.edge.connection import Connection, Phase
from dcrgw.edge.limits import Limits

LIMITS = Limits(header_s=20, body_s=20, idle_s=20)
TOO_LONG_S = 21


def in_header(connection: Connection) -> bool:
    """Part of a head was read."""
    return connection._phase is Phase.HEADER and connection._header_bytes > 0


async def test_connection_that_sends_nothing_is_closed(edge):
    await edge.listen(limits=LIMITS)
    client = await edge.connect()
    await edge.until_each(lambda each: each.was_made)
    edge.later(TOO_LONG_S)
    assert await client.closed()


async def test_slow_header_is_answered_and_closed(edge):
    await edge.listen(limits=LIMITS)
    client = await edge.connect()
    client.send(b"POST /register HTTP/1.1\r\nHost: bank.exam")
    await edge.until_each(in_header)
    edge.later(TOO_LONG_S)
    answer = await client.answer()
    assert (answer.status, answer.checks) == (408, ["http.deadline"])
    assert answer.headers["connection"] == "close"
    assert await client.closed()


async def test_header_that_trickles_is_closed_all_the_same(edge):
    await edge.listen(limits=LIMITS)
    client = await edge.connect()
    sent = b"GET / HTTP/1.1\r\nX: "
    client.send(sent)
    for _ in range(3):
        client.send(b"a")
        sent += b"a"
        await edge.until_each(lambda each, read=sent: each._header_bytes == len(read))
        edge.later(TOO_LONG_S / 3)
    assert (await client.answer()).status == 408


async def test_slow_body_is_answered_and_closed(edge, request_head):
    await edge.listen(limits=LIMITS)
    client = await edge.connect()
    client.send(request_head(Content_Length="10") + b"abc")
    await edge.until_each(lambda each: each._phase is Phase.BODY)
    edge.later(TOO_LONG_S)
    answer = await client.answer()
    assert (answer.status, answer.checks) == (408, ["http.deadline"])
    assert await client.closed()


async def test_body_that_nobody_reads_does_not_hold_the_connection(edge, request_head):
    async def refuse(_request, exchange):
        return json_answer(401, {"error": "invalid_client"}, exchange)

    await edge.listen(refuse, limits=LIMITS)
    answer, client = await edge.ask(request_head(Content_Length="10") + b"abc")
    assert answer.status == 401
    edge.later(TOO_LONG_S)
    assert await client.closed()


async def test_idle_connection_is_closed_after_its_answer(edge, request_head):
    await edge.listen(limits=LIMITS)
    answer, client = await edge.ask(request_head("GET"))
    assert answer.status == 200
    await edge.until_each(lambda each: each.is_idle)
    edge.later(TOO_LONG_S)
    assert await client.closed()


async def test_slow_header_of_a_second_request_is_closed(edge, request_head):
    await edge.listen(limits=Limits(header_s=20, idle_s=600))
    answer, client = await edge.ask(request_head("GET"))
    assert answer.status == 200
    client.send(b"GET / HT")
    await edge.until_each(in_header)
    edge.later(TOO_LONG_S)
    assert (await client.answer()).status == 408
    assert await client.closed()


async def test_handler_may_take_longer_than_any_deadline_of_the_connection(edge, request_head):
    async def slow(request, exchange):
        await request.read()
        edge.later(TOO_LONG_S)
        # What was due meanwhile has its turn.
        await asyncio.sleep(0.05)
        return json_answer(200, {}, exchange)

    await edge.listen(slow, limits=LIMITS)
    answer, _ = await edge.ask(request_head(Content_Length="2") + b"ab")
    assert answer.status == 200


async def test_client_that_reads_no_answer_is_cut(edge, request_head):
    async def much(_request, exchange):
        return json_answer(200, {"filler": "a" * 20_000_000}, exchange)

    listener = await edge.listen(much, limits=Limits(idle_s=0.2))
    client = await edge.connect(limit=1024)
    client.send(request_head("GET"))
    async with asyncio.timeout(60):
        await edge.events.first("request")
        assert await listener.drain(50)


async def test_connections_of_one_address_are_capped(edge, request_head):
    await edge.listen(limits=Limits(connections_per_ip=2))
    first, second, third = [await edge.connect() for _ in range(3)]
    assert await third.closed()
    assert (await edge.events.first("connection_refused"))["peer"] == "127.0.0.1"
    for client in (first, second):
        assert (await client.ask(request_head("GET"))).status == 200
    first.writer.transport.abort()
    for _ in range(100):
        again = await edge.connect()
        again.send(request_head("GET"))
        try:
            assert (await again.answer()).status == 200
            return
        except (ConnectionError, asyncio.IncompleteReadError):
            await asyncio.sleep(0.02)
    pytest.fail("a place was not given back")


async def test_unfinished_handshake_takes_a_place(edge, tmp_path):
    from dcrgw.edge.tls import server_context
    from dcrgw.testkit.certificates import CertificateAuthority

    issued = CertificateAuthority.create("Root").issue_server("localhost")
    pair = tmp_path / "pair.pem"
    pair.write_bytes(issued.key_pem + issued.chain_pem)
    context = server_context(lambda made: made.load_cert_chain(pair), client_anchors=None)
    await edge.listen(ssl_context=context, limits=Limits(connections_per_ip=1))
    await edge.connect()
    assert await (await edge.connect()).closed()
    assert (await edge.events.first("connection_refused"))["reason"] == "connections_per_ip"
