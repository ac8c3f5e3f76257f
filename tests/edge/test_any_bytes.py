"""No bytes that a client sends are ever our fault."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.edge.answers import json_answer
from dcrgw.edge.limits import Limits
from dcrgw.edge.listeners import Listener

REQUEST = (
    b"POST /register HTTP/1.1\r\nHost: bank.example\r\nContent-Type: application/jwt\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: bank.example\r\n\r\n"
)
EDIT = st.tuples(st.integers(0, len(REQUEST)), st.integers(0, 12), st.binary(max_size=12))


async def send(pieces: list[bytes]) -> tuple[bytes, list[tuple[str, dict[str, Any]]]]:
    seen: list[tuple[str, dict[str, Any]]] = []

    async def echo(request, exchange):
        return json_answer(200, {"length": len(await request.read())}, exchange)

    listener = Listener(
        "register",
        echo,
        limits=Limits(header_s=0.05, body_s=0.05, idle_s=0.05),
        on_event=lambda event, /, **fields: seen.append((event, fields)),
    )
    reader, writer = await asyncio.open_connection(*await listener.start())
    try:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0)
        async with asyncio.timeout(60):
            received = await reader.read()
    except ConnectionError:
        received = b""
    finally:
        writer.transport.abort()
        await listener.close()
    return received, seen


@settings(max_examples=40)
@given(st.lists(EDIT, max_size=4), st.integers(1, len(REQUEST)))
def test_broken_request_is_answered_below_500_and_closed(edits, cut):
    data = REQUEST
    for at, dropped, inserted in edits:
        data = data[:at] + inserted + data[at + dropped :]
    received, seen = asyncio.run(send([data[:cut], data[cut:]]))
    statuses = [fields["status"] for event, fields in seen if event == "request"]
    assert all(200 <= status < 500 for status in statuses)
    assert not any("error" in fields for _, fields in seen)
    final = [status for status in re.findall(rb"HTTP/\d\.\d (\d{3}) [A-Z]", received) if status != b"100"]
    assert received.count(b"x-fapi-interaction-id: ") == len(final)
