from __future__ import annotations

import json
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.core.checks import CATALOGUE
from dcrgw.edge.answers import REGISTRATION_CODES, answer, json_answer, principal
from dcrgw.edge.exchange import Exchange, interaction_id
from dcrgw.edge.faults import method_not_allowed, not_found
from dcrgw.errors import ErrorCode, Fault, Misconfigured, Rejected, Unavailable
from dcrgw.testkit import markets


def exchange(*, codes=None, explain=True, market=True, **more) -> Exchange:
    chosen = markets.market(error_codes=codes or {}, explain_errors=explain) if market else None
    return Exchange("3fa85f64-5717-4562-b3fc-2c963f66afa6", "register", 0.0, market=chosen, **more)


def fault(check="statement.exp.past", code=ErrorCode.INVALID_SOFTWARE_STATEMENT, status=400, description="exp is past"):
    return Fault(check, code, description, "RFC 7519 section 4.1.4", status)


def body_of(response) -> dict:
    return json.loads(response.body)


def test_rejection_names_every_failed_check_of_its_stage():
    response = answer(Rejected([fault(), fault("statement.iat.future"), fault("statement.jti")]), exchange())
    assert response.status == 400
    body = body_of(response)
    assert body["error"] == "invalid_software_statement"
    assert body["error_description"].endswith("(and 2 more)")
    assert [error["check"] for error in body["errors"]] == [
        "statement.exp.past",
        "statement.iat.future",
        "statement.jti",
    ]
    assert set(body["errors"][0]) == {"check", "description", "spec"}


def test_market_may_keep_its_checks_to_itself():
    assert "errors" not in body_of(answer(Rejected([fault()]), exchange(explain=False)))


def test_market_may_choose_another_registration_code():
    codes = {"statement.exp.past": "unapproved_software_statement"}
    assert body_of(answer(Rejected([fault()]), exchange(codes=codes)))["error"] == "unapproved_software_statement"


@pytest.mark.parametrize("code", ["server_error", "invalid_client", "access_denied", ""])
def test_market_cannot_choose_any_other_code(code):
    body = body_of(answer(Rejected([fault()]), exchange(codes={"statement.exp.past": code})))
    assert body["error"] == "invalid_software_statement"


def test_market_cannot_rename_an_identity_failure():
    refusal = Rejected([fault("tls.chain", ErrorCode.INVALID_CLIENT, 401)])
    response = answer(refusal, exchange(codes={"tls.chain": "invalid_client_metadata"}))
    assert (response.status, body_of(response)["error"]) == (401, "invalid_client")
    assert response.headers["WWW-Authenticate"]


def test_refused_token_is_challenged_as_a_bearer_token():
    response = answer(Rejected([fault("token.unknown", ErrorCode.INVALID_TOKEN, 401)]), exchange())
    assert response.status == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token", error_description="exp is past"'


def test_challenge_of_the_raiser_goes_first():
    refusal = Rejected([fault("token.absent", ErrorCode.INVALID_TOKEN, 401)], headers={"WWW-Authenticate": "Bearer"})
    both = principal(ExceptionGroup("", [refusal, Rejected([fault()])]))
    for error in (refusal, both):
        assert answer(error, exchange()).headers["WWW-Authenticate"] == "Bearer"


def test_wrong_method_names_the_right_ones():
    response = answer(method_not_allowed(["PUT", "GET"]), exchange())
    assert response.status == 405
    assert response.headers["Allow"] == "GET, PUT"


@pytest.mark.parametrize("malformed", [ErrorCode.INVALID_CLIENT_METADATA, ErrorCode.INVALID_REQUEST])
def test_malformed_http_has_the_listeners_own_code(malformed):
    for refusal in (not_found(), Rejected([fault("request.x", ErrorCode.INVALID_REQUEST)])):
        assert body_of(answer(refusal, exchange(malformed=malformed)))["error"] == malformed


def test_every_http_check_leaves_register_with_a_registration_code():
    gates = [gate for gate in CATALOGUE.values() if gate.id.startswith("http.")]
    assert gates
    for gate in gates:
        response = answer(gate.rejection("no"), exchange())
        assert response.status == gate.status
        assert 400 <= response.status < 500
        assert body_of(response)["error"] in REGISTRATION_CODES


def test_unavailable_says_when_to_come_back():
    response = answer(Unavailable("directory", "10.0.0.1 timed out", retry_after_s=7), exchange())
    assert (response.status, body_of(response)["error"]) == (503, "temporarily_unavailable")
    assert response.headers["Retry-After"] == "7"
    assert b"10.0.0.1" not in response.body
    assert b"directory" not in response.body


@pytest.mark.parametrize("error", [Misconfigured("/etc/key.pem"), ValueError("s3cr3t"), SystemExit(3), TimeoutError()])
def test_everything_else_says_nothing(error):
    response = answer(error, exchange())
    assert (response.status, body_of(response)["error"]) == (500, "server_error")
    assert b"s3cr3t" not in response.body
    assert b"key.pem" not in response.body


BUG, BANK, NO, UNKNOWN = ValueError(), Misconfigured(""), Rejected([fault()]), Unavailable("d", "r")


@pytest.mark.parametrize(
    ("errors", "decides"),
    [((NO, UNKNOWN), NO), ((UNKNOWN, BANK), BANK), ((NO, BANK, BUG), BUG), ((UNKNOWN,), UNKNOWN)],
)
def test_of_several_failures_the_worst_decides(errors, decides):
    assert principal(BaseExceptionGroup("", [BaseExceptionGroup("", [error]) for error in errors])) is decides


def test_several_rejections_become_one():
    both = principal(ExceptionGroup("", [NO, Rejected([fault("statement.jti")])]))
    assert isinstance(both, Rejected)
    assert [f.check for f in both.faults] == ["statement.exp.past", "statement.jti"]


@given(st.text(min_size=1, max_size=600))
@settings(max_examples=60)
def test_no_description_leaves_the_oauth_character_set(text):
    response = answer(Rejected([fault(description=text)]), exchange())
    description = body_of(response)["error_description"]
    assert all(0x20 <= ord(c) <= 0x7E and c not in '"\\' for c in description)
    assert response.body.isascii()


def test_every_answer_is_labelled_and_never_cached():
    for response in (json_answer(200, {"a": "é"}, exchange()), json_answer(204, None, exchange())):
        assert response.headers["x-fapi-interaction-id"] == "3fa85f64-5717-4562-b3fc-2c963f66afa6"
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Pragma"] == "no-cache"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_answer_without_a_body_has_none():
    assert json_answer(204, None, exchange()).body is None


@pytest.mark.parametrize("text", ["3fa85f64-5717-4562-b3fc-2c963f66afa6", "3FA85F64-5717-4562-B3FC-2C963F66AFA6"])
def test_callers_uuid_is_echoed(text):
    assert interaction_id([text]) == text


@pytest.mark.parametrize(
    "values",
    [
        [],
        [""],
        ["3fa85f6457174562b3fc2c963f66afa6"],
        ["{3fa85f64-5717-4562-b3fc-2c963f66afa6}"],
        ["urn:uuid:3fa85f64-5717-4562-b3fc-2c963f66afa6"],
        ["3fa85f64-5717-4562-b3fc-2c963f66afa6\n"],
        ["3fa85f64-5717-4562-b3fc-2c963f66afa6"] * 2,
        ["\u0663fa85f64-5717-4562-b3fc-2c963f66afa6"],
    ],
)
def test_any_other_label_is_replaced(values):
    made = interaction_id(values)
    assert made not in values
    assert uuid.UUID(made).version == 4
