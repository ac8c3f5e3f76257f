"""SIGTERM under load: what has begun gets its answer."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket

import pytest

from dcrgw.edge.answers import json_answer
from dcrgw.edge.drain import serve_until_signal
from dcrgw.edge.health import Health
from dcrgw.edge.listeners import Listener
from dcrgw.endpoints.health import health_endpoint
from dcrgw.errors import Misconfigured


class FixedClock:
    def now(self) -> float:
        return 1_700_000_000.0


class Gate:
    """A handler that answers when it is let."""

    def __init__(self) -> None:
        self.begun = 0
        self.open = asyncio.Event()
        self.cancelled = 0

    async def __call__(self, request, exchange):
        self.begun += 1
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return json_answer(201, {}, exchange)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(60):
            while self.begun < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def until_refused(edge) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                (await edge.connect()).writer.transport.abort()
            except ConnectionRefusedError:
                return


def sigterm() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


async def test_requests_that_have_begun_are_answered_and_new_ones_refused(edge, request_head):
    gate, health = Gate(), Health(FixedClock())
    listener = await edge.listen(gate)
    idle = await edge.connect()
    busy = [await edge.connect() for _ in range(50)]
    for client in busy:
        client.send(request_head("GET"))
    await gate.until(50)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(
            serve_until_signal([listener], health, drain_delay_s=0, drain_s=50, on_event=edge.events)
        )
        await asyncio.sleep(0)
        sigterm()
        await edge.events.first("draining")
        await until_refused(edge)
        assert not health.ready
        # Fresh: its first request is still on its way, and is served.
        idle.send(request_head("GET"))
        await gate.until(51)
        gate.open.set()
        for client in (*busy, idle):
            answer = await client.answer()
            assert answer.status == 201
            assert answer.headers["connection"] == "close"
            assert await client.closed()
    assert serving.result() is True
    assert gate.cancelled == 0


async def test_idle_connections_are_closed_at_once(edge, request_head):
    listener = await edge.listen()
    client = await edge.connect()
    assert (await client.ask(request_head("GET"))).status == 200
    assert await listener.drain(50)
    assert await client.closed()


async def test_second_signal_cuts_what_is_left(edge, request_head):
    gate = Gate()
    listener = await edge.listen(gate)
    client = await edge.connect()
    client.send(request_head("GET"))
    await gate.until(1)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(
            serve_until_signal([listener], Health(FixedClock()), drain_delay_s=0, drain_s=600, on_event=edge.events)
        )
        await asyncio.sleep(0)
        sigterm()
        await edge.events.first("draining")
        sigterm()
        assert await client.closed()
    assert serving.result() is False
    assert gate.cancelled == 1


async def test_handler_that_does_not_end_is_cancelled_after_the_limit(edge, request_head):
    gate = Gate()
    listener = await edge.listen(gate)
    client = await edge.connect()
    client.send(request_head("GET"))
    await gate.until(1)
    assert not await listener.drain(0.1)
    await listener.close()
    assert await client.closed()
    assert gate.cancelled == 1


async def test_probes_tell_of_the_drain_before_anything_closes(edge, request_head):
    health = Health(FixedClock())
    probes = Listener("health", health_endpoint(health), on_event=edge.events)
    registrations = await edge.listen()
    address = edge.address
    edge.address = await probes.start()
    assert (await edge.ask(request_head("GET", "/readyz")))[0].status == 200
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(
            serve_until_signal(
                [registrations], health, drain_delay_s=20, drain_s=50, probes=[probes], on_event=edge.events
            )
        )
        await asyncio.sleep(0)
        sigterm()
        await edge.events.first("draining")
        answer, _ = await edge.ask(request_head("GET", "/readyz"))
        assert answer.status == 503
        edge.address = address
        assert (await edge.ask(request_head("GET")))[0].status == 200
        edge.later(20)
    assert serving.result() is True


async def test_address_in_use_is_a_misconfiguration(edge):
    await edge.listen()
    with pytest.raises(Misconfigured):
        await edge.listen(port=edge.address[1])


async def test_lack_of_descriptors_pauses_accepting_and_passes(edge, request_head, monkeypatch):
    await edge.listen()
    accept, full = socket.socket.accept, [3]

    def scarce(self):
        if full[0]:
            full[0] -= 1
            raise OSError(errno.EMFILE, "too many open files")
        return accept(self)

    monkeypatch.setattr(socket.socket, "accept", scarce)
    answer, _ = await edge.ask(request_head("GET"))
    assert answer.status == 200
    assert [fields["reason"] for fields in edge.events.named("accept_failed")] == ["EMFILE"] * 3
