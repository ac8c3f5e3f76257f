"""What an update may not do: each check of core/registration/update.py passes and fails."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from registration_pipeline import DIRECTORY_KEY, Story, body_of, keys_of, play
from test_information import registered

from dcrgw.core.checks import CATALOGUE, Judgement, Verdict
from dcrgw.core.registration import request, statement, update
from dcrgw.core.registration.statement import SoftwareStatement
from dcrgw.errors import ErrorCode
from dcrgw.testkit import markets
from dcrgw.testkit.statements import NOW

META = ErrorCode.INVALID_CLIENT_METADATA
UNA = ErrorCode.UNAPPROVED_SOFTWARE_STATEMENT
UK, PLAIN = markets.profile(), markets.profile("rfc7591")
CLIENT = registered(secrets={"client_secret": "s3cret"})


def stated(**changes: Any) -> SoftwareStatement:
    proven = play(Story()).statement
    assert proven is not None
    return replace(proven, jws="another", **changes)


def verdicts(judgement: Judgement[Any]) -> dict[str, Verdict]:
    return {finding.check.id: finding.verdict for finding in judgement.findings}


def failed(judgement: Judgement[Any]) -> dict[str, ErrorCode]:
    return {finding.check.id: finding.fault.code for finding in judgement.failures}


def test_every_check_of_an_update_is_stated() -> None:
    both = (update.judge_members({}, CLIENT, UK), update.judge_statement(stated(), CLIENT, UK))
    assert {name for each in both for name in verdicts(each)} == {n for n in CATALOGUE if n.startswith("update.")}
    assert all(each.value is CLIENT for each in both)


@pytest.mark.parametrize(
    "member",
    ["registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"],
)
@pytest.mark.parametrize("value", ["x", 0, None])
def test_member_that_only_the_server_sets_is_refused_and_named(member: str, value: object) -> None:
    judged = update.judge_members({"client_id": "c1", member: value}, CLIENT, PLAIN)
    assert failed(judged) == {"update.members.settable": META}
    assert member in judged.failures[0].description


@pytest.mark.parametrize("value", ["c2", "C1", "", None, 1, ["c1"]])
@pytest.mark.parametrize("profile", [UK, PLAIN])
def test_another_client_id_is_refused(value: Any, profile: Any) -> None:
    assert failed(update.judge_members({"client_id": value}, CLIENT, profile)) == {"update.client_id.same": META}


def test_client_id_may_be_left_out_where_requests_are_signed_and_not_elsewhere() -> None:
    assert failed(update.judge_members({}, CLIENT, UK)) == {}
    assert failed(update.judge_members({}, CLIENT, PLAIN)) == {"update.client_id.same": META}


def test_present_secret_may_be_sent_along() -> None:
    assert failed(update.judge_members({"client_secret": "s3cret"}, CLIENT, UK)) == {}


@pytest.mark.parametrize("value", ["s3cre", "S3cret", "", None, 1, "é", "\udc80", {}])
def test_another_secret_is_refused(value: Any) -> None:
    assert failed(update.judge_members({"client_secret": value}, CLIENT, UK)) == {"update.client_secret.same": META}


@pytest.mark.parametrize("value", ["s3cret", ""])
def test_client_without_a_secret_cannot_choose_one(value: str) -> None:
    judged = update.judge_members({"client_secret": value}, registered(), UK)
    assert failed(judged) == {"update.client_secret.same": META}


@pytest.mark.parametrize("changes", [{"software_id": "another"}, {"directory": "secondary"}])
def test_statement_of_another_software_is_refused(changes: dict[str, str]) -> None:
    judged = update.judge_statement(stated(**changes), CLIENT, UK)
    assert failed(judged) == {"update.software.same": UNA}


def test_statement_of_another_organisation_is_refused() -> None:
    assert failed(update.judge_statement(stated(org_id="o2"), CLIENT, UK)) == {"update.organisation.same": UNA}


def test_client_with_a_statement_cannot_do_without() -> None:
    assert set(failed(update.judge_statement(None, CLIENT, PLAIN))) == {
        "update.software.same",
        "update.organisation.same",
    }


def test_client_without_a_statement_needs_none_and_takes_none() -> None:
    bare = replace(CLIENT, software_id=None, org_id=None, directory=None, software_statement=None, statement_claims={})
    assert failed(update.judge_statement(None, bare, PLAIN)) == {}
    assert "update.software.same" in failed(update.judge_statement(stated(), bare, PLAIN))


@pytest.mark.parametrize(("iat", "refused"), [(NOW - 1, True), (NOW, False), (NOW + 1, False), (None, True)])
def test_statement_older_than_the_stored_one_is_refused(iat: float | None, refused: bool) -> None:
    judged = update.judge_statement(stated(iat=iat), CLIENT, UK)
    assert ("update.statement.not_older" in failed(judged)) == refused


def test_bank_may_take_older_statements() -> None:
    lenient = UK.with_policy({"update_refuses_older_statement": False})
    assert failed(update.judge_statement(stated(iat=NOW - 1), CLIENT, lenient)) == {}


def test_stored_statement_is_never_older_than_itself() -> None:
    own = stated(iat=NOW - 1)
    judged = update.judge_statement(own, replace(CLIENT, software_statement=own.jws), UK)
    assert verdicts(judged)["update.statement.not_older"] is Verdict.SKIPPED


@pytest.mark.parametrize("claims", [{"iat": NOW - 86_400 * 30}, {"exp": NOW - 60}])
def test_stored_statement_has_no_age_and_any_other_has(claims: dict[str, Any]) -> None:
    market = markets.market()
    envelope = request.open(body_of(Story(statement=claims)), "application/jose", UK).value
    assert envelope is not None
    assert envelope.statement is not None
    keys = keys_of(DIRECTORY_KEY)
    for is_stored in (True, False):
        judged = statement.verify(
            envelope.statement, keys, markets.directory(), UK, market, NOW + 1, is_stored=is_stored
        )
        assert bool(judged.failures) != is_stored


def test_stored_statement_is_still_proven_by_its_signature() -> None:
    envelope = request.open(body_of(Story()), "application/jose", UK).value
    assert envelope is not None
    assert envelope.statement is not None
    judged = statement.verify(
        envelope.statement, keys_of(), markets.directory(), UK, markets.market(), NOW, is_stored=True
    )
    assert judged.value is None
