from __future__ import annotations

import pytest
from aiohttp import web

from dcrgw.core.checks import Findings, Gate, Report
from dcrgw.edge.answers import json_answer
from dcrgw.errors import ErrorCode, Misconfigured, Unavailable

GATE = Gate("test_edge.refusal", "none", ErrorCode.INVALID_SOFTWARE_STATEMENT, "A test's refusal.")
UUID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"


async def test_one_event_tells_of_a_served_request_and_nothing_secret(edge, request_head):
    await edge.listen()
    head = request_head(
        path="/register?token=s3cr3t", Authorization="Bearer s3cr3t", Content_Length="6", X_Fapi_Interaction_Id=UUID
    )
    answer, _ = await edge.ask(head + b"s3cr3t")
    assert answer.headers["x-fapi-interaction-id"] == UUID
    [fields] = edge.events.named("request")
    assert fields | {"duration_ms": 0} == {
        "listener": "register",
        "method": "POST",
        "path": "/register",
        "status": 200,
        "interaction_id": UUID,
        "peer": "127.0.0.1",
        "duration_ms": 0,
    }
    assert fields["duration_ms"] >= 0


async def test_event_of_a_judged_request_names_report_decision_and_checks(edge, request_head):
    async def judge(request, exchange):
        exchange.report = Report("r-1", exchange.interaction_id, "create", "uk", 0.0, decision="refused")
        exchange.notes["client_id"] = "c-1"
        stage = Findings()
        stage.settle(GATE, "no")
        exchange.report.settle(stage.judgement(1))

    await edge.listen(judge)
    answer, _ = await edge.ask(request_head("GET"))
    assert (answer.status, answer.checks) == (400, ["test_edge.refusal"])
    [fields] = edge.events.named("request")
    assert fields["report_id"] == "r-1"
    assert fields["decision"] == "refused"
    assert fields["checks"] == ["test_edge.refusal"]
    assert fields["client_id"] == "c-1"


async def test_handler_may_answer_failures_in_its_own_way(edge, request_head):
    async def own(request, exchange):
        exchange.answer = lambda error, exchange: web.Response(status=418, text=type(error).__name__)
        raise Unavailable("directory", "timed out")

    await edge.listen(own)
    answer, _ = await edge.ask(request_head("GET"))
    assert (answer.status, answer.body) == (418, b"Unavailable")
    [fields] = edge.events.named("request")
    assert (fields["status"], fields["dependency"]) == (418, "directory")


async def test_own_answer_that_fails_gives_way_to_the_listeners(edge, request_head):
    async def own(request, exchange):
        exchange.answer = lambda error, exchange: 1 / 0
        raise Unavailable("directory", "timed out")

    await edge.listen(own)
    answer, _ = await edge.ask(request_head("GET"))
    assert (answer.status, answer.json["error"]) == (503, "temporarily_unavailable")


FAILURES = {
    "unavailable": (Unavailable("directory", "timed out"), 503),
    "misconfigured": (Misconfigured("key expired"), 500),
    "bug": (KeyError("s3cr3t"), 500),
    "exit": (SystemExit(1), 500),
    "timeout": (TimeoutError("s3cr3t"), 500),
}


@pytest.mark.parametrize(("error", "status"), FAILURES.values(), ids=FAILURES)
async def test_whatever_a_handler_raises_is_answered_and_the_connection_goes_on(edge, request_head, error, status):
    async def fail(_request, _exchange):
        raise error

    await edge.listen(fail)
    client = await edge.connect()
    for _ in range(2):
        answer = await client.ask(request_head("GET"))
        assert answer.status == status
        assert b"s3cr3t" not in answer.body
    assert len(edge.events.named("request")) == 2


async def test_handler_that_returns_nothing_is_a_bug(edge, request_head):
    async def nothing(_request, _exchange):
        return None

    await edge.listen(nothing)
    answer, _ = await edge.ask(request_head("GET"))
    assert answer.status == 500


async def test_path_is_logged_escaped_and_cut(edge):
    await edge.listen()
    await edge.ask(b"GET /" + b"\xc3\xa9\"'" + b"a" * 1000 + b" HTTP/1.1\r\nHost: bank.example\r\n\r\n")
    [fields] = edge.events.named("request")
    assert fields["path"].isascii()
    assert len(fields["path"]) <= 200


async def test_a_token_in_the_place_of_an_id_is_not_logged(edge, request_head):
    await edge.listen()
    await edge.ask(request_head("GET", f"/uk/register/{UUID}/{'t0ken' * 9}"))
    [fields] = edge.events.named("request")
    assert fields["path"] == f"/uk/register/{UUID}/t0kent0k..."


async def test_head_has_the_headers_of_get(edge, request_head):
    await edge.listen()
    client = await edge.connect()
    client.send(request_head("HEAD"))
    answer = await client.answer(head=True)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"


async def test_no_answer_names_the_software(edge, request_head):
    async def plain(_request, exchange):
        return json_answer(204, None, exchange)

    await edge.listen(plain)
    answer, _ = await edge.ask(request_head("DELETE"))
    assert answer.status == 204
    assert answer.body == b""
    assert "server" not in answer.headers
    assert "content-length" not in answer.headers


@pytest.mark.parametrize(
    "line", [b"X-Fapi-Interaction-Id: not a uuid\r\n", f"X-Fapi-Interaction-Id: {UUID}\r\n".encode() * 2]
)
async def test_label_that_is_no_uuid_is_not_echoed(edge, line):
    await edge.listen()
    answer, _ = await edge.ask(b"GET / HTTP/1.1\r\nHost: bank.example\r\n" + line + b"\r\n")
    assert answer.status == 200
    assert answer.headers["x-fapi-interaction-id"] != UUID
    assert len(answer.headers["x-fapi-interaction-id"]) == 36


@pytest.mark.parametrize("path", ["/register", "/fails"])
async def test_a_log_that_fails_does_not_take_the_answer_with_it(edge, request_head, capsys, path):
    async def handle(request, exchange):
        if request.path == "/fails":
            raise Misconfigured("a script")
        return json_answer(200, {}, exchange)

    def broken(event, **fields):
        raise OSError("the log is gone")

    edge.events = broken
    await edge.listen(handle)
    answer, _ = await edge.ask(request_head("GET", path=path))
    assert answer.status == (500 if path == "/fails" else 200)
    assert "the log is gone" in capsys.readouterr().err
