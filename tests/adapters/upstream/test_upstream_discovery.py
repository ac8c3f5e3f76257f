"""The discovery document of an authorization server: whose it is, how long it counts, and what becomes of failures."""

from __future__ import annotations

import pytest
from aiohttp import web
from fake_as import oauth_error

from dcrgw.adapters.upstream.way import Question
from dcrgw.errors import Misconfigured, Unavailable
from dcrgw.sandbox.serving import free_ports

WELL_KNOWN = "/.well-known/openid-configuration"


async def test_the_document_of_the_markets_issuer_is_kept(bench) -> None:
    at = await bench(issuer="https://bank.example/as")
    discovery = at.discovery()
    await discovery.start()
    metadata = await discovery.current()
    assert metadata.document["token_endpoint"] == "https://bank.example/as/token"
    assert metadata.places["token_endpoint"] == f"{at.server.url}/token"
    await discovery.current()
    assert at.server.paths() == [WELL_KNOWN]
    assert at.told == [(True, "")]


@pytest.mark.parametrize("issuer", ["https://bank.example/", "https://BANK.example", "https://evil.example"])
async def test_another_issuer_is_refused_at_the_start_in_words_that_say_what_to_set(bench, issuer: str) -> None:
    at = await bench(issuer=issuer)
    with pytest.raises(Misconfigured) as refused:
        await at.discovery(issuer="https://bank.example").start()
    assert "set its issuer" in str(refused.value)
    assert at.told[-1][0] is False


async def test_another_issuer_later_is_asked_nothing_any_more(bench) -> None:
    at = await bench()
    discovery = at.discovery()
    await discovery.start()
    at.server.document["issuer"] = "https://evil.example"
    await discovery.renew()
    with pytest.raises(Unavailable):
        await discovery.current()
    assert at.told[-1][0] is False
    del at.server.document["issuer"]
    at.seconds += 60
    assert (await discovery.current()).document["issuer"] == at.server.issuer
    assert at.told[-1] == (True, "")


async def test_one_that_is_not_there_is_waited_for(bench) -> None:
    at = await bench()
    await at.server.stop()
    discovery = at.discovery()
    await discovery.start()
    assert at.told[-1][0] is False
    with pytest.raises(Unavailable):
        await discovery.current()
    await at.server.start()
    at.seconds += 60
    assert (await discovery.current()).document["issuer"] == at.server.issuer


async def test_strangers_do_not_make_us_ask_more_often(bench) -> None:
    at = await bench()
    at.server.says["GET", WELL_KNOWN] = lambda _: web.Response(status=500)
    discovery = at.discovery()
    await discovery.renew()
    for _ in range(10):
        with pytest.raises(Unavailable):
            await discovery.current()
    assert at.server.paths() == [WELL_KNOWN]


async def test_a_kept_document_serves_through_an_outage_but_not_for_ever(bench) -> None:
    at = await bench()
    discovery = at.discovery()
    await discovery.start()
    at.server.says["GET", WELL_KNOWN] = lambda _: web.Response(status=503)
    at.seconds += 600
    await discovery.renew()
    assert (await discovery.current()).document["issuer"] == at.server.issuer
    assert at.told[-1][0] is True
    at.seconds += 3600
    with pytest.raises(Unavailable):
        await discovery.current()


async def test_silence_to_any_question_is_told_at_once_and_its_end_with_the_first_answer(bench) -> None:
    at = await bench(port=free_ports(1)[0])
    way = at.way(total_s=30.0)
    await at.discovery(way).renew()
    assert at.told == [(True, "")]
    await at.server.stop()
    with pytest.raises(Unavailable):
        await way.ask(Question("POST", f"{at.server.url}/token"))
    ok, reason = at.told[-1]
    assert ok
    assert reason
    await at.server.start()
    assert (await way.ask(Question("POST", f"{at.server.url}/token"))).status == 404
    assert at.told[-1] == (True, "")


async def test_a_fault_of_the_servers_own_is_told_at_once_too(bench) -> None:
    at = await bench()
    way = at.way()
    await at.discovery(way).renew()
    at.server.says["POST", "/token"] = lambda _: web.Response(status=500)
    await way.ask(Question("POST", f"{at.server.url}/token"))
    assert at.told[-1] == (True, "it answers 500")
    at.server.says["POST", "/token"] = lambda _: oauth_error(400, "invalid_grant")
    await way.ask(Question("POST", f"{at.server.url}/token"))
    assert at.told[-1] == (True, "")


async def test_an_answer_makes_nobody_ready_whose_issuer_is_another(bench) -> None:
    at = await bench()
    way = at.way()
    discovery = at.discovery(way)
    await discovery.renew()
    at.server.document["issuer"] = "https://evil.example"
    await discovery.renew()
    await way.ask(Question("POST", f"{at.server.url}/token"))
    assert at.told[-1][0] is False


async def test_trouble_of_others_asks_for_nothing(bench) -> None:
    at = await bench()
    way = at.way()
    await at.discovery(way).start()
    at.server.says["POST", "/token"] = lambda _: web.Response(status=500)
    for _ in range(10):
        await way.ask(Question("POST", f"{at.server.url}/token"))
    assert at.server.paths("GET") == [WELL_KNOWN]
    assert at.told[-1][1]


async def test_an_answer_to_others_takes_back_no_trouble_of_the_document(bench) -> None:
    at = await bench()
    way = at.way()
    discovery = at.discovery(way)
    await discovery.renew()
    at.server.says["GET", WELL_KNOWN] = lambda _: web.Response(status=403)
    await discovery.renew()
    assert "403" in at.told[-1][1]
    at.server.says["POST", "/token"] = lambda _: web.Response(status=500)
    await way.ask(Question("POST", f"{at.server.url}/token"))
    at.server.says["POST", "/token"] = lambda _: oauth_error(400, "invalid_grant")
    for _ in range(2):
        await way.ask(Question("POST", f"{at.server.url}/token"))
        assert at.told[-1][0] is True
        assert "403" in at.told[-1][1]


async def test_a_document_renewed_takes_trouble_back(bench) -> None:
    at = await bench()
    way = at.way()
    discovery = at.discovery(way)
    await discovery.renew()
    at.server.says["POST", "/token"] = lambda _: web.Response(status=500)
    await way.ask(Question("POST", f"{at.server.url}/token"))
    await discovery.renew()
    assert at.told[-1] == (True, "")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b"{}"),
        (302, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"issuer":7}'),
        (200, b'{"issuer":"a","issuer":"b"}'),
        (200, b'{"x":' * 40 + b"1" + b"}" * 40),
    ],
)
async def test_what_is_no_document_is_an_outage(bench, status: int, body: bytes) -> None:
    at = await bench()
    at.server.says["GET", WELL_KNOWN] = lambda _: web.Response(status=status, body=body, headers={"Location": "/y"})
    discovery = at.discovery()
    await discovery.start()
    with pytest.raises(Unavailable):
        await discovery.current()
    assert at.server.paths()[0] == WELL_KNOWN


async def test_a_server_without_openid_connect_has_its_document_elsewhere(bench) -> None:
    at = await bench(issuer="https://bank.example")
    at.server.says["GET", WELL_KNOWN] = lambda _: web.Response(status=404)
    at.server.says["GET", "/.well-known/oauth-authorization-server"] = lambda _: web.json_response(
        {"issuer": "https://bank.example", "token_endpoint": "https://bank.example/token"}
    )
    discovery = at.discovery()
    await discovery.start()
    assert (await discovery.current()).places == {"token_endpoint": f"{at.server.url}/token"}


async def test_an_endpoint_elsewhere_is_refused(bench) -> None:
    at = await bench(document={"token_endpoint": "https://evil.example/token"})
    with pytest.raises(Misconfigured):
        await at.discovery().start()
    told = at.discovery(paths={"token_endpoint": "/oauth2/token"})
    await told.start()
    assert (await told.current()).places["token_endpoint"] == f"{at.server.url}/oauth2/token"
