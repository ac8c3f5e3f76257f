"""Requests: media types, forms, claims; beyond one case a check."""

from __future__ import annotations

import json
from typing import Any

import pytest
from registration_cases import asking, plain
from registration_pipeline import DIRECTORY_KEY, SOFTWARE_KEY, Story, play, signed

from dcrgw.core.checks import Verdict
from dcrgw.testkit.statements import BANK_ORG_ID, NOW, request_claims, rfc7591_request_claims, rfc7591_statement_claims


@pytest.mark.parametrize(
    "media_type",
    [
        "application/jose",
        "application/jwt",
        "APPLICATION/JOSE",
        "application/jwt; charset=utf-7",
        " application/jose ;x",
    ],
)
def test_both_media_types_are_taken_in_any_letter_case_with_parameters(media_type: str) -> None:
    assert play(Story(media_type=media_type)).failed == {}


@pytest.mark.parametrize(
    "media_type", [None, "", "text/plain", "application/json", "multipart/form-data", "application/jose+json", "jose"]
)
def test_any_other_media_type_is_answered_with_415(media_type: str | None) -> None:
    fault = play(Story(media_type=media_type)).failed["request.shape.media_type"].fault
    assert fault.status == 415


def test_plain_profile_takes_json_only() -> None:
    assert "request.shape.media_type" in play(Story(profile="rfc7591", media_type="application/jwt")).failed


@pytest.mark.parametrize("body", [b"", b"\n", b"{}", b"a.b", b"a.b.c.d.e", b"\xff\xfe", b" eyJh.e30.AA", b"." * 10_000])
def test_body_that_is_no_token_is_refused_and_never_an_error(body: bytes) -> None:
    failed = play(Story(body=body)).failed
    assert len(failed) == 1
    assert next(iter(failed)).startswith("request.jws.")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'{"a":1,"a":2}',
        b'{"software_statement":"a.b.c","software_\\u0073tatement":"a.b.c"}',
        b"\xef\xbb\xbf{}",
        b'{"a":NaN}',
        b"[" * 100_000,
    ],
)
def test_plain_body_that_is_no_strict_object_is_refused(body: bytes) -> None:
    story = Story(profile="rfc7591", media_type="application/json", body=body)
    assert set(play(story).failed) == {"request.shape.json"}


@pytest.mark.parametrize("statement", [1, True, [], {}, "", ["a.b.c"]])
def test_statement_that_is_not_one_string_is_refused(statement: Any) -> None:
    assert set(play(asking(software_statement=statement)).failed) == {"request.shape.statement"}


def test_statement_with_a_broken_shape_is_an_invalid_statement() -> None:
    assert set(play(asking(software_statement="a.b")).failed) == {"statement.jws.parts"}


def test_statement_given_twice_is_refused() -> None:
    payload = b'{"software_statement":"a.b.c","software_statement":"a.b.c"}'
    body = SOFTWARE_KEY.sign_raw({"alg": "ES256", "kid": "sig-1"}, payload).encode()
    assert set(play(Story(body=body)).failed) == {"request.jws.payload_json"}


@pytest.mark.parametrize("aud", [[BANK_ORG_ID], ["https://other.example", BANK_ORG_ID]])
def test_list_of_audiences_that_holds_ours_is_taken(aud: list[str]) -> None:
    assert play(asking(aud=aud)).failed == {}


@pytest.mark.parametrize("aud", [None, "", [], [[BANK_ORG_ID]], {BANK_ORG_ID: 1}, BANK_ORG_ID.lower(), 5])
def test_audience_that_does_not_hold_ours_is_refused(aud: Any) -> None:
    assert "request.aud.ours" in play(asking(aud=aud)).failed


@pytest.mark.parametrize("iss", ["", "a" * 30, 5, ["4Zq1m8TnS8xQe7YtB0bK9a"]])
def test_issuer_that_is_not_the_software_is_refused(iss: Any) -> None:
    failed = play(asking(iss=iss)).failed
    assert failed.keys() & {"request.iss.present", "request.iss.software"}


@pytest.mark.parametrize("claim", ["iat", "exp"])
@pytest.mark.parametrize("value", [None, True, "1795000000", [], NOW * 1_000])
def test_date_that_is_none_is_refused(claim: str, value: Any) -> None:
    failed = play(asking(**{claim: value})).failed
    assert any(check.startswith(f"request.{claim}.") for check in failed)


def test_fractional_dates_are_taken() -> None:
    assert play(asking(iat=NOW + 0.25, exp=NOW + 300.5)).failed == {}


@pytest.mark.parametrize(("lifetime", "refused"), [(3_600, False), (3_601, True)])
def test_lifetime_is_at_most_an_hour(lifetime: int, refused: bool) -> None:
    assert ("request.exp.lifetime" in play(asking(exp=NOW + lifetime)).failed) is refused


@pytest.mark.parametrize("jti", [None, "", 1, "x" * 36, "b0f3a6d2c1e54f6798ab0cd1ef234567"])
def test_jti_that_is_no_uuid_is_refused(jti: Any) -> None:
    assert set(play(asking(jti=jti)).failed) == {"request.jti.form"}


def test_jti_may_be_of_either_letter_case() -> None:
    assert play(asking(jti="B0F3A6D2-C1E5-4F67-98AB-0CD1EF234567")).failed == {}


def test_claims_and_metadata_faults_come_together() -> None:
    failed = play(asking(aud="x", exp=None, scope=["openid"])).failed
    assert set(failed) == {"request.aud.ours", "request.exp.past", "rules.metadata.types"}


def test_plain_request_is_not_asked_what_only_a_signed_one_can_say() -> None:
    ending = play(plain())
    assert ending.failed == {}
    assert ending.verdicts["request.jws.signature"] is Verdict.SKIPPED
    assert ending.verdicts["request.aud.ours"] is Verdict.SKIPPED
    assert ending.verdicts["rules.identity.software"] is Verdict.SKIPPED
    assert ending.verdicts["rules.redirect_uris.subset"] is Verdict.SKIPPED


def test_plain_request_may_bring_a_statement_and_the_statement_wins() -> None:
    ssa = signed(DIRECTORY_KEY, rfc7591_statement_claims(scope="openid"))
    body = json.dumps(rfc7591_request_claims(ssa)).encode()
    ending = play(Story(profile="rfc7591", media_type="application/json", body=body))
    assert ending.failed == {}
    assert ending.metadata is not None
    assert ending.metadata.text("client_name") == "Example Client"
    assert ending.metadata.text("client_name#ja-Jpan-JP") == "クライアント名"
    assert ending.metadata.text("scope") == "openid"


def test_plain_request_with_a_statement_for_another_software_id_is_refused() -> None:
    ssa = signed(DIRECTORY_KEY, rfc7591_statement_claims())
    body = json.dumps(rfc7591_request_claims(ssa, software_id="other")).encode()
    story = Story(profile="rfc7591", media_type="application/json", body=body)
    assert set(play(story).failed) == {"request.software_id.statement"}


def test_request_says_what_it_proved() -> None:
    registration = play(Story()).registration
    assert registration is not None
    request = registration.request
    claims = request_claims(None)
    assert (request.iss, request.aud, request.jti) == (claims["iss"], (claims["aud"],), claims["jti"])
    assert (request.kid, request.alg) == ("sig-1", "ES256")
    assert request.claims["jti"] == claims["jti"]
