"""What a developer reads."""

import json

from dcrgw.tpp import telling
from dcrgw.tpp.client import Answer
from dcrgw.tpp.telling import Hope

REGISTERED, DELETED = Hope(201, "registered"), Hope(204, "deleted")


def lines(status: int, body, hope=REGISTERED, **headers) -> str:
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    return "\n".join(telling.answer(Answer(status, headers, octets, 10, 20), hope))


def test_a_registered_client_is_shown_whole():
    assert '"client_id": "c1"' in lines(201, {"client_id": "c1"})


def test_every_failing_check_is_told_with_its_clause():
    told = lines(
        400,
        {
            "error": "invalid_redirect_uri",
            "error_description": "first",
            "errors": [
                {"check": "rules.redirect_uris.subset", "description": "first", "spec": "OB UK DCR 3.3"},
                {"check": "rules.scope.within_roles", "description": "second", "spec": "OB UK DCR 1.4"},
            ],
        },
        **{"x-fapi-interaction-id": "i-1"},
    )
    assert "dcrgw tpp report" not in told
    for part in ("400", "invalid_redirect_uri", "rules.redirect_uris.subset", "rules.scope.within_roles", "second"):
        assert part in told
    assert "OB UK DCR 1.4" in told
    assert "i-1" in told


def test_a_refusal_says_how_to_read_its_report():
    assert "dcrgw tpp report https://bank/r/1" in lines(400, {"error": "invalid_request", "report": "https://bank/r/1"})


def test_a_challenge_is_told():
    told = lines(401, {"error": "invalid_token"}, DELETED, **{"WWW-Authenticate": 'Bearer error="invalid_token"'})
    assert told.startswith("not deleted: 401")
    assert 'Bearer error="invalid_token"' in told


def test_a_success_without_a_body_is_one_line():
    assert lines(204, b"", DELETED).count("\n") == 0
    assert lines(200, b"", Hope(200, "read")).endswith("(no body)")


def test_an_answer_of_another_shape_is_shown_as_it_is():
    assert "<html>" in lines(502, b"<html>")
    assert "e1" in lines(400, {"error": "e1", "errors": "none"})
    assert "e1" in lines(400, {"error": "e1", "errors": ["x", 1, {}]})
    assert "(no body)" in lines(503, b"")
    assert "[1]" in lines(201, [1])


def test_nothing_that_drives_a_terminal_is_printed():
    for status in (201, 400):
        told = lines(status, b"\x1b[2J\x07\xff")
        assert "\x1b" not in told
        assert "\x07" not in told
    assert "\x1b" not in lines(400, {"error": "\x1b[31m", "errors": [{"check": "\x1b", "description": "\x9b"}]})
    assert "\x1b" not in lines(400, {"error": "e"}, **{"x-fapi-interaction-id": "\x1b"})
    assert "\x1b" not in lines(201, {"client_name": "\x1b[31m\u202e"})
    assert "\u202e" not in lines(201, {"client_name": "\x1b[31m\u202e"})
