"""From settings to an authorization server that can be asked, and from one generation to the next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest
from aiohttp import web
from fake_as import Came, FakeAs
from servers_behind import materials

from dcrgw.app.parts import Parts
from dcrgw.app.upstreams import upstream_part, upstreams
from dcrgw.core.certificates.forwarded import Form, read
from dcrgw.errors import Misconfigured, Unavailable
from dcrgw.materials import UpstreamMaterials
from dcrgw.ports.upstream import Asked

CERTIFICATE = b"\x30\x82\x01\x2c" + b"c" * 300


@dataclass
class Noon:
    def now(self) -> float:
        return 1_800_000_000.0


@dataclass
class Given:
    """As much of `Materials` as the upstreams are made of."""

    upstreams: dict[str, UpstreamMaterials] = field(default_factory=dict)


@pytest.fixture
async def server() -> AsyncIterator[FakeAs]:
    async with FakeAs() as started:
        yield started


@pytest.fixture
async def opened() -> AsyncIterator[list[Parts]]:
    parts: list[Parts] = []
    yield parts
    for each in parts:
        await each.close()


async def built(given: UpstreamMaterials, opened: list[Parts], former: Parts | None = None):
    parts = Parts(Noon(), former)
    opened.append(parts)
    return await upstreams(Given({"retail": given}), Noon(), lambda: 1000.0, parts), parts


async def test_a_server_is_asked_as_the_settings_say(server: FakeAs, opened: list[Parts]) -> None:
    server.says["POST", "/token"] = lambda _: web.json_response({"access_token": "x"})
    given = materials(server, certificate_form="nginx", certificate_header="ssl-client-cert", proof_header="X-Proof")
    port, parts = await built(given, opened)
    forged = (("SSL-Client-Cert", "forged"), ("ssl_client_cert", "forged"), ("X-Forwarded-Host", "evil.example"))
    told = await port.forward(
        "retail", Asked("token_endpoint", "POST", (*forged, ("Accept-Encoding", "gzip")), "", b"a=b", (CERTIFICATE,))
    )
    assert told.status == 200
    came = server.last("POST", "/token")
    assert came.peer == "gateway"
    assert came.fields("x-proof") == ["we-are-it"]
    assert came.fields("x-forwarded-host") == [server.issuer.removeprefix("https://")]
    assert came.fields("accept-encoding") == ["identity"]
    assert came.fields("ssl_client_cert") == []
    assert read(Form.NGINX, came.fields("ssl-client-cert")) == (CERTIFICATE,)
    assert parts.health_of(upstream_part("retail"))[0].ready


async def test_without_a_certificate_nothing_stands_in_its_header(server: FakeAs, opened: list[Parts]) -> None:
    server.says["POST", "/token"] = lambda _: web.json_response({})
    port, _ = await built(materials(server), opened)
    await port.forward(
        "retail", Asked("token_endpoint", "POST", (("Client-Cert", "forged"), ("Client-Cert-Chain", "x")))
    )
    came = server.last("POST", "/token")
    assert came.fields("client-cert") == came.fields("client-cert-chain") == []


async def test_an_endpoint_that_it_has_not_and_a_market_that_has_none(server: FakeAs, opened: list[Parts]) -> None:
    port, _ = await built(materials(server), opened)
    with pytest.raises(Misconfigured):
        await port.forward("retail", Asked("end_session_endpoint", "GET"))
    with pytest.raises(Misconfigured):
        await port.discovery("wholesale")


async def test_an_answer_compressed_unasked_is_no_answer(server: FakeAs, opened: list[Parts]) -> None:
    server.says["POST", "/token"] = lambda _: web.Response(body=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
    port, _ = await built(materials(server), opened)
    with pytest.raises(Unavailable):
        await port.forward("retail", Asked("token_endpoint", "POST"))


async def test_pages_are_below_the_server(server: FakeAs, opened: list[Parts]) -> None:
    server.says["GET", "/interaction/1"] = lambda _: web.Response(text="hello")
    port, _ = await built(materials(server), opened)
    async with port.open("retail", Asked("/interaction/1", "GET", query="a=b")) as page:
        assert [piece async for piece in page.pieces] == [b"hello"]
    assert server.last("GET", "/interaction/1").query == "a=b"


async def test_many_are_asked_at_once(server: FakeAs, opened: list[Parts]) -> None:
    asked, markets = 0, ("uk", "br", "au")
    all_asked = asyncio.Event()
    document = server._discovery

    async def together(came: Came) -> web.Response:
        nonlocal asked
        asked += 1
        if asked == len(markets):
            all_asked.set()
        await all_asked.wait()
        return document(came)

    server.says["GET", "/.well-known/openid-configuration"] = together
    parts = Parts(Noon())
    opened.append(parts)
    given = Given({name: replace(materials(server), market=name) for name in markets})
    port = await upstreams(given, Noon(), lambda: 1000.0, parts)
    for name in markets:
        assert (await port.discovery(name))["issuer"] == server.issuer


async def test_one_of_another_issuer_refuses_the_start(server: FakeAs, opened: list[Parts]) -> None:
    server.document["issuer"] = "https://evil.example"
    with pytest.raises(Misconfigured):
        await built(materials(server), opened)


async def test_one_that_is_not_there_makes_us_not_ready(server: FakeAs, opened: list[Parts]) -> None:
    given = materials(server)
    await server.stop()
    port, parts = await built(given, opened)
    assert not parts.health_of(upstream_part("retail"))[0].ready
    with pytest.raises(Unavailable):
        await port.forward("retail", Asked("token_endpoint", "POST"))
    await server.start()


async def test_an_unchanged_server_lives_on_and_a_changed_one_is_made_anew(server: FakeAs, opened: list[Parts]) -> None:
    first, before = await built(materials(server), opened)
    second, same = await built(materials(server), opened, before)
    assert same.renewed == ()
    third, changed = await built(materials(server, total_s=3.0), opened, same)
    assert changed.renewed == (upstream_part("retail"),)
    for each in (first, second, third):
        assert (await each.discovery("retail"))["issuer"] == server.issuer
    assert server.paths() == ["/.well-known/openid-configuration"] * 2
