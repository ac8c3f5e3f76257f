"""The way to an authorization server: what it holds to, and every way in which an answer can fail to come."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from fake_as import Came, Raw, Streaming, Trust, saying

from dcrgw.adapters.upstream.way import Question
from dcrgw.errors import Misconfigured, Unavailable

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def to(at, path: str = "/x", method: str = "GET", **more) -> Question:
    return Question(method, f"{at.server.url}{path}", **more)


async def test_what_is_asked_arrives_byte_for_byte(bench) -> None:
    at = await bench()
    at.server.says["POST", "/a%2Fb"] = lambda _: web.Response(status=418, text="ok", headers={"X-One": "1"})
    fields = (("X-Two", "a"), ("X-Two", "b"), ("Content-Type", "text/plain"))
    answer = await at.way().ask(to(at, "/a%2Fb?c=%41&d", "POST", fields=fields, body=b"\x00body"))
    came = at.server.last("POST", "/a%2Fb")
    assert (came.query, came.body, came.fields("X-Two")) == ("c=%41&d", b"\x00body", ["a", "b"])
    assert {name.lower() for name, _ in came.headers} == {"host", "x-two", "content-type", "content-length"}
    assert (answer.status, answer.body, answer.field("x-one")) == (418, b"ok", "1")


async def test_fields_of_the_connection_stay_behind_both_ways(bench) -> None:
    at = await bench()
    at.server.raw = saying(
        b"HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nContent-Length: 2\r\n"
        b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\nok"
    )
    answer = await at.way().ask(to(at))
    assert answer.fields == (("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"))
    at.server.raw = None
    at.server.says["GET", "/x"] = lambda _: web.Response()
    hop = (("Connection", "X-Secret"), ("X-Secret", "1"), ("Transfer-Encoding", "chunked"), ("X-End", "1"))
    await at.way().ask(to(at, fields=hop))
    assert {name.lower() for name, _ in at.server.last("GET", "/x").headers} == {"host", "x-end"}


async def test_our_fields_take_the_place_of_others_however_spelled(bench) -> None:
    at = await bench()
    at.server.says["GET", "/x"] = lambda _: web.Response()
    way = at.way(ours=(("X-Proof", "ours"),))
    await way.ask(to(at, fields=(("x-proof", "theirs"), ("X_Proof", "theirs"))))
    came = at.server.last("GET", "/x")
    assert came.fields("x-proof") == ["ours"]
    assert came.fields("x_proof") == []


async def test_our_certificate_is_shown(bench) -> None:
    at = await bench()
    at.server.says["GET", "/x"] = lambda _: web.Response()
    await at.way(with_certificate=True).ask(to(at))
    assert at.server.arrived[-1].peer == "gateway"


async def test_a_redirect_is_an_answer_and_not_followed(bench) -> None:
    at = await bench()
    at.server.says["GET", "/x"] = lambda _: web.Response(status=302, headers={"Location": f"{at.server.url}/y"})
    assert (await at.way().ask(to(at))).status == 302
    assert at.server.paths() == ["/x"]


async def test_a_server_of_a_strange_authority_is_asked_nothing(bench) -> None:
    at = await bench()
    with pytest.raises(Unavailable) as failed:
        await at.way(trust=Trust()).ask(to(at))
    assert "trust_keystore" in failed.value.reason
    assert at.server.arrived == []


async def test_the_environments_proxy_is_not_asked(bench, monkeypatch: pytest.MonkeyPatch) -> None:
    at = await bench()
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    at.server.says["GET", "/x"] = lambda _: web.Response()
    assert (await at.way().ask(to(at))).status == 200


def _never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


@pytest.mark.parametrize(
    "speaks",
    [
        saying(b""),
        saying(b"HTTP/1.1 200 OK\r\n"),
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"),
        saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal"),
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!"),
        saying(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 20_000 + b"\r\n\r\n"),
        saying(b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 500 + b"\r\n"),
        saying(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n"),
        saying(b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 9000),
    ],
    ids=[
        "silence",
        "no end",
        "cut body",
        "cut chunk",
        "two lengths",
        "long field",
        "many fields",
        "garbage",
        "announced",
        "long body",
    ],
)
async def test_an_answer_that_is_none_is_unavailable_and_asked_for_once(bench, speaks: Raw) -> None:
    at = await bench()
    times = 0

    async def counting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal times
        times += 1
        await speaks(reader, writer)

    at.server.raw = counting
    with pytest.raises(Unavailable) as failed:
        await at.way(max_bytes=8192).ask(to(at, "/x?code=secret", "PUT", body=b"{}"))
    assert "secret" not in failed.value.reason
    assert times == 1


@pytest.mark.parametrize(
    "speaks",
    [_never, saying(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nslow", then_hang=True)],
    ids=["no word", "no more words"],
)
async def test_a_hanging_server_is_waited_for_as_long_as_set(bench, speaks: Raw) -> None:
    at = await bench()
    at.server.raw = speaks
    with pytest.raises(Unavailable) as failed:
        await at.way(total_s=0.05).ask(to(at))
    assert "total_s" in failed.value.reason


@pytest.mark.parametrize(("method", "times"), [("GET", 2), ("PUT", 1), ("DELETE", 1), ("POST", 1)])
async def test_only_what_has_no_effect_is_asked_again_on_a_connection_that_was_closed(bench, method, times) -> None:
    """The server closes a kept connection just as the next request arrives."""
    at = await bench()
    asked = []

    async def once_each(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await writer.drain()
        asked.append(await reader.readuntil(b"\r\n\r\n"))

    at.server.raw = once_each
    way = at.way()
    await way.ask(to(at))
    if times == 1:
        with pytest.raises(Unavailable):
            await way.ask(to(at, "/y", method))
    else:
        assert (await way.ask(to(at, "/y", method))).status == 200
    assert len(asked) == 1


async def test_a_server_that_fails_again_and_again_is_left_alone_a_while(bench) -> None:
    at = await bench()
    await at.server.stop()
    way = at.way()
    for _ in range(5):
        with pytest.raises(Unavailable):
            await way.ask(to(at))
    await at.server.start()
    at.server.says["GET", "/x"] = lambda _: web.Response()
    with pytest.raises(Unavailable) as paused:
        await way.ask(to(at))
    assert paused.value.retry_after_s >= 1
    assert at.server.arrived == []
    at.seconds += 1.5
    assert (await way.ask(to(at))).status == 200


async def test_questions_that_fail_while_others_are_answered_are_no_outage(bench) -> None:
    at = await bench()
    begun, cut = asyncio.Semaphore(0), asyncio.Event()

    async def lose(_: Came) -> web.Response:
        begun.release()
        await cut.wait()
        raise ConnectionResetError

    at.server.says["POST", "/slow"] = lose
    at.server.says["GET", "/x"] = lambda _: web.Response()
    way = at.way()

    async def others() -> None:
        for _ in range(8):
            await begun.acquire()
        at.seconds += 1
        assert (await way.ask(to(at))).status == 200
        at.seconds += 9
        await at.server.stop()
        cut.set()

    slow = [way.ask(to(at, "/slow", "POST")) for _ in range(8)]
    outcomes = await asyncio.gather(*slow, others(), return_exceptions=True)
    assert [type(each) for each in outcomes] == [Unavailable] * 8 + [type(None)]
    await at.server.start()
    assert (await way.ask(to(at))).status == 200


async def test_a_cancelled_question_leaves_the_way_usable(bench) -> None:
    at = await bench()
    hangs = asyncio.Event()

    async def hang(_: Came) -> web.Response:
        hangs.set()
        await asyncio.Event().wait()
        return web.Response()

    at.server.says["GET", "/x"] = hang
    way = at.way(connections=1)
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(way.ask(to(at)))
        await hangs.wait()
        asking.cancel()
    at.server.says["GET", "/x"] = lambda _: web.Response(text="ok")
    assert (await way.ask(to(at))).body == b"ok"


async def test_after_its_end_a_way_asks_nothing(bench) -> None:
    at = await bench()
    way = at.way()
    await way.close()
    with pytest.raises(Unavailable):
        await way.ask(to(at))


async def test_a_way_that_proves_nothing_is_not_made() -> None:
    from dcrgw.adapters.upstream.way import Bounds, Way

    context = Trust().client()
    context.check_hostname = False
    with pytest.raises(Misconfigured):
        Way("upstream.retail", ssl_context=context, bounds=Bounds(), clock=lambda: 0.0)


async def test_a_page_comes_piece_by_piece(bench) -> None:
    at = await bench()
    more = asyncio.Event()
    at.server.says["GET", "/x"] = lambda _: Streaming([b"first"], then=more.wait, Set_Cookie="a=1")
    async with at.way().open(to(at)) as page:
        assert (page.status, page.fields[0]) == (200, ("Set-Cookie", "a=1"))
        assert await anext(page.pieces) == b"first"
        more.set()
        assert [piece async for piece in page.pieces] == []


async def test_a_large_page_is_read_as_fast_as_it_is_taken(bench) -> None:
    """A hundred times the cap of judged answers: it is passed on, and not held."""
    at = await bench()
    at.server.says["GET", "/x"] = lambda _: Streaming([b"a" * 65_536] * 16)
    async with at.way(max_bytes=8192).open(to(at)) as page:
        assert sum([len(piece) async for piece in page.pieces]) == 65_536 * 16


async def test_a_page_that_falls_silent_ends(bench) -> None:
    at = await bench()
    at.server.raw = saying(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", then_hang=True)
    async with at.way(idle_s=0.05).open(to(at)) as page:
        assert await anext(page.pieces) == b"half"
        with pytest.raises(Unavailable):
            await anext(page.pieces)


async def test_a_page_that_is_cut_is_no_whole_page(bench) -> None:
    at = await bench()
    at.server.raw = saying(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    async with at.way().open(to(at)) as page:
        with pytest.raises(Unavailable):
            [piece async for piece in page.pieces]


async def test_who_leaves_a_page_early_ends_its_connection(bench) -> None:
    at = await bench()
    ended = asyncio.Event()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        assert await reader.read() == b""
        ended.set()

    at.server.raw = speak
    async with at.way().open(to(at)) as page:
        await anext(page.pieces)
    async with asyncio.timeout(60):
        await ended.wait()


async def test_a_page_without_a_body_gives_its_connection_back(bench) -> None:
    at = await bench()
    connections = set()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(writer)
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 303 See Other\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n")

    at.server.raw = speak
    way = at.way()
    for _ in range(2):
        async with way.open(to(at)) as page:
            assert page.status == 303
    assert len(connections) == 1
