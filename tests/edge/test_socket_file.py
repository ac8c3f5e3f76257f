"""A listener on a socket file: who may open it, who is told to have opened it, what is left behind."""

# ruff: noqa: ASYNC240 - a test may look at a file

from __future__ import annotations

import asyncio
import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from dcrgw.edge.answers import json_answer
from dcrgw.edge.binding import SocketFile
from dcrgw.edge.exchange import Exchange
from dcrgw.edge.limits import Limits
from dcrgw.edge.listeners import Listener
from dcrgw.edge.peer import peer_user
from dcrgw.edge.problems import problem_answer
from dcrgw.edge.socket_paths import reachable
from dcrgw.errors import Misconfigured, Unavailable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "admin.sock"


async def tell_user(request: web.BaseRequest, exchange: Exchange) -> web.StreamResponse:
    user = peer_user(request)
    return json_answer(200, None if user is None else {"uid": user.uid, "gids": sorted(user.gids)}, exchange)


async def ask(path: Path, head: bytes) -> bytes:
    with reachable(path) as address:
        reader, writer = await asyncio.open_unix_connection(address)
    try:
        writer.write(head)
        async with asyncio.timeout(60):
            start = await reader.readuntil(b"\r\n\r\n")
            length = int(start.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            return start + await reader.readexactly(length)
    finally:
        writer.transport.abort()


async def test_the_kernel_tells_who_connected(edge: Any, path: Path, request_head: Any) -> None:
    await edge.listen(tell_user, file=SocketFile(path))
    assert edge.address == (str(path), 0)
    answer = await ask(path, request_head("GET"))
    expected = {os.getgid(), *os.getgroups()}
    assert b'{"uid":%d,"gids":[%s]}' % (os.getuid(), b",".join(b"%d" % gid for gid in sorted(expected))) in answer


async def test_a_tcp_peer_is_no_user(edge: Any, request_head: Any) -> None:
    await edge.listen(tell_user)
    answer, _ = await edge.ask(request_head("GET"))
    assert answer.body == b""


async def test_only_owner_and_group_may_open_it(edge: Any, path: Path) -> None:
    before = os.umask(0)
    try:
        await edge.listen(file=SocketFile(path, os.getgid()))
    finally:
        os.umask(before)
    status = path.lstat()
    assert stat.S_ISSOCK(status.st_mode)
    assert (stat.S_IMODE(status.st_mode), status.st_gid) == (0o660, os.getgid())


async def test_the_file_goes_when_the_listener_stops(edge: Any, path: Path) -> None:
    listener = await edge.listen(file=SocketFile(path))
    assert await listener.drain(15)
    assert not path.exists()


async def test_a_successors_file_stays(edge: Any, path: Path) -> None:
    first = await edge.listen(file=SocketFile(path))
    path.unlink()
    await edge.listen(file=SocketFile(path))
    await first.close()
    assert path.exists()


async def test_a_killed_process_socket_is_replaced(edge: Any, path: Path, request_head: Any) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    await edge.listen(tell_user, file=SocketFile(path))
    assert b"200 OK" in await ask(path, request_head("GET"))


async def test_a_living_process_socket_is_not_taken(edge: Any, path: Path, request_head: Any) -> None:
    await edge.listen(tell_user, file=SocketFile(path))
    with pytest.raises(Misconfigured, match="another process"):
        await Listener("second", tell_user, file=SocketFile(path)).start()
    assert b"200 OK" in await ask(path, request_head("GET"))


async def test_a_file_of_another_kind_is_left_alone(path: Path) -> None:
    path.write_bytes(b"precious")
    with pytest.raises(Misconfigured):
        await Listener("admin", tell_user, file=SocketFile(path)).start()
    assert path.read_bytes() == b"precious"


async def test_a_folder_that_is_missing_is_misconfigured(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        await Listener("admin", tell_user, file=SocketFile(tmp_path / "missing" / "admin.sock")).start()


async def test_a_path_longer_than_the_kernel_takes_serves_all_the_same(
    edge: Any, tmp_path: Path, request_head: Any
) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    await edge.listen(tell_user, file=SocketFile(deep / "admin.sock"))
    assert b"200 OK" in await ask(deep / "admin.sock", request_head("GET"))
    with pytest.raises(Misconfigured, match="another process"):
        await Listener("second", tell_user, file=SocketFile(deep / "admin.sock")).start()


async def test_connections_of_one_user_are_limited(edge: Any, path: Path) -> None:
    await edge.listen(tell_user, file=SocketFile(path), limits=Limits(connections_per_ip=1))
    _, first = await asyncio.open_unix_connection(str(path))
    reader, second = await asyncio.open_unix_connection(str(path))
    refused = await edge.events.first("connection_refused")
    assert refused["peer"] == f"uid {os.getuid()}"
    assert await reader.read() == b""
    for writer in (first, second):
        writer.transport.abort()


async def test_failures_leave_as_problem_details_where_a_listener_says_so(edge: Any, request_head: Any) -> None:
    async def fail(request: web.BaseRequest, exchange: Exchange) -> web.StreamResponse:
        raise {"GET": Unavailable("registry", "s3cret", retry_after_s=7), "PUT": ValueError("s3cret")}[request.method]

    await edge.listen(fail, answer=problem_answer)
    for head, status, check in [
        (request_head("TRACE"), 405, "http.method"),
        (b"nonsense\r\n\r\n", 400, "http.syntax"),
        (request_head("GET"), 503, None),
        (request_head("PUT"), 500, None),
    ]:
        answer, _ = await edge.ask(head)
        assert answer.status == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["cache-control"] == "no-store"
        body = answer.json
        assert (body["type"], body["status"]) == ("about:blank", status)
        assert body["interaction_id"] == answer.headers["x-fapi-interaction-id"]
        assert [each["check"] for each in body.get("errors", [])] == ([check] if check else [])
        assert b"s3cret" not in answer.body
        assert (answer.headers.get("retry-after") == "7") is (status == 503)
