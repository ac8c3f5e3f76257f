"""What a statement may and may not say, beyond one case a check."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from registration_cases import saying
from registration_pipeline import DIRECTORY_KEY, SOFTWARE_KEY, Story, keys_of, play, signed

from dcrgw.core.registration import request, statement
from dcrgw.core.registration.authorities import Authorisation
from dcrgw.testkit import markets
from dcrgw.testkit.statements import NOW, NULL, request_claims, statement_claims


@pytest.mark.parametrize("iss", ["openbanking ltd", "OpenBanking Ltd ", ["OpenBanking Ltd"], NULL, 1, "", {}])
def test_issuer_must_be_exactly_a_directorys(iss: Any) -> None:
    assert set(play(saying(iss=iss)).failed) == {"statement.iss.known"}


def test_statement_of_another_directory_of_the_market_is_not_proven_by_this_ones_keys() -> None:
    other = SOFTWARE_KEY
    story = Story(sign_statement=lambda _key, claims: other.sign(claims))
    assert set(play(story).failed) == {"statement.jws.key_unknown"}


def test_request_signed_by_a_key_of_the_directory_is_refused() -> None:
    story = Story(sign_request=lambda _key, claims: DIRECTORY_KEY.sign(claims))
    assert set(play(story).failed) == {"request.jws.key_unknown"}


@pytest.mark.parametrize("claim", ["iat", "exp", "nbf"])
@pytest.mark.parametrize("value", [True, "123", [1], {}, NOW * 1_000])
def test_date_of_another_type_or_unit_is_refused(claim: str, value: Any) -> None:
    failed = play(saying(**{claim: value})).failed
    assert any(check.startswith(f"statement.{claim}.") for check in failed)


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"iat": NOW + 11}, False),
        ({"iat": NOW + 11.5}, True),
        ({"exp": NOW - 9}, False),
        ({"exp": NOW - 9.5}, True),
        ({"iat": NOW + 1 - 1_810}, False),
        ({"iat": NOW - 1_810}, True),
    ],
)
def test_bounds_are_inclusive_of_the_leeway_and_not_a_second_more(changes: dict[str, Any], refused: bool) -> None:
    assert bool(play(saying(**changes)).failed) is refused


def test_statement_without_iat_is_refused_where_age_counts() -> None:
    assert "statement.iat.age" in play(saying(iat=None)).failed


def test_statement_without_exp_is_refused_where_the_profile_needs_it() -> None:
    assert "statement.exp.past" in play(Story(rules={"expiry_required": True})).failed


@pytest.mark.parametrize(
    "software_id", ["", "a" * 23, "a" * 200, "a/b", "a\nb", "a\n", "4Zq1m8TnS8xQe7YtB0bK9\u0430", 7]
)
def test_software_id_outside_its_form_is_refused(software_id: Any) -> None:
    assert "statement.software_id.form" in play(saying(software_id=software_id)).failed


@pytest.mark.parametrize("uris", ["https://tpp.example/cb", [1], ["https://tpp.example/cb"] * 1_000, {}, [""]])
def test_redirect_uris_that_are_no_list_of_strings_are_refused(uris: Any) -> None:
    assert set(play(saying(software_redirect_uris=uris)).failed) == {"statement.redirect_uris.form"}


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://localhost:9443/k.jwks",
        "https://localhost/k.jwks",
        "https://localhost:9444/k.jwks",
        "https://localhost:9443@evil.example/k.jwks",
        "https://dir@localhost:9443/k.jwks",
        "https://localhost:9443/k.jwks#x",
        "https://localhost.evil.example:9443/k.jwks",
        "https://127.0.0.1:9443/k.jwks",
        "https://169.254.169.254/k.jwks",
        "https://2130706433:9443/k.jwks",
        "file:///etc/passwd",
        "not a url",
        ["https://localhost:9443/k.jwks"],
    ],
)
def test_key_set_may_be_nowhere_but_on_a_host_of_the_directory(endpoint: Any) -> None:
    assert "statement.jwks_endpoint.allowed" in play(saying(software_jwks_endpoint=endpoint)).failed


@pytest.mark.parametrize("status", ["Withdrawn", "Revoked", "", "Active ", 1, True])
def test_organisation_that_is_not_active_is_unapproved(status: Any) -> None:
    assert "statement.org_status.active" in play(saying(org_status=status)).failed


def test_environment_and_mode_are_compared_without_letter_case() -> None:
    story = Story(policy={"statement_environments": ["Production"], "statement_modes": ["Live"]})
    refused = play(story).failed
    assert set(refused) == {"statement.environment.taken", "statement.mode.taken"}
    served = replace(story, statement={"software_environment": "PRODUCTION", "software_mode": "live"})
    assert play(served).failed == {}


def test_all_faults_of_the_stage_are_answered_together() -> None:
    failed = play(saying(iat=NOW + 999, org_status="Revoked", software_roles="AISP")).failed
    assert set(failed) == {"statement.iat.future", "statement.org_status.active", "statement.roles.form"}


def test_nothing_is_judged_before_the_signature_holds() -> None:
    story = Story(sign_statement=lambda key, claims: signed(key, claims)[:-10] + "A" * 10, statement={"iat": NOW + 99})
    assert set(play(story).failed) == {"statement.jws.signature"}


def test_statement_is_kept_byte_for_byte_with_unknown_claims() -> None:
    ssa = signed(DIRECTORY_KEY, statement_claims(x_new_claim={"a": 1}))
    body = signed(SOFTWARE_KEY, request_claims(ssa)).encode()
    proven = play(Story(body=body)).statement
    assert proven is not None
    assert proven.jws == ssa
    assert proven.claims["x_new_claim"] == {"a": 1}
    assert (proven.kid, proven.alg, proven.directory) == ("dir-1", "ES256", "primary")
    assert proven.software_roles == {"AISP", "PISP"}
    assert proven.authorisations == (Authorisation("GB", frozenset({"AISP", "PISP"})),)


def test_repr_of_what_a_request_brought_shows_no_token() -> None:
    ssa = signed(DIRECTORY_KEY, statement_claims())
    market = markets.market()
    envelope = request.open(signed(SOFTWARE_KEY, request_claims(ssa)).encode(), "application/jwt", market.profile).value
    assert envelope is not None
    assert ssa[-40:] not in repr(envelope)
    assert envelope.statement is not None
    proven = statement.verify(
        envelope.statement, keys_of(DIRECTORY_KEY), markets.directory(), market.profile, market, NOW
    ).value
    assert ssa[-40:] not in repr(proven)


def test_statement_alone_is_not_asked_for_an_issuer() -> None:
    market = markets.market("rfc7591")
    envelope = request.open(b"{}", "application/json", market.profile).value
    assert envelope is not None
    with pytest.raises(ValueError, match="no software statement"):
        statement.issuer(envelope, market)
