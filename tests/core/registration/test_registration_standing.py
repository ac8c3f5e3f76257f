"""The directory's word, beyond one case a check."""

from __future__ import annotations

from dataclasses import replace

from registration_cases import standing
from registration_pipeline import Story, play, standing_of

from dcrgw.core.checks import Verdict
from dcrgw.core.registration import standing as standings
from dcrgw.core.registration.authorities import Authorisation
from dcrgw.testkit import markets


def test_software_that_the_directory_does_not_know_is_judged_no_further() -> None:
    failed = play(standing(found=False, organisation_active=False)).failed
    assert set(failed) == {"standing.software.found"}


def test_all_faults_of_a_standing_come_together() -> None:
    failed = play(standing(organisation_active=False, software_active=False, software_roles=frozenset())).failed
    assert set(failed) == {"standing.organisation.active", "standing.software.active", "standing.roles.held"}


def test_roles_and_authorisations_that_the_directory_does_not_list_are_skipped() -> None:
    ending = play(standing(software_roles=None, authorisations=None))
    assert ending.failed == {}
    assert ending.verdicts["standing.roles.held"] is Verdict.SKIPPED
    assert ending.verdicts["standing.roles.authorised"] is Verdict.SKIPPED


def test_mode_and_redirect_uris_that_the_directory_does_not_say_are_skipped() -> None:
    ending = play(Story(statement={"software_mode": "Live"}, standing={"redirect_uris": None, "software_mode": None}))
    assert ending.failed == {}
    assert ending.verdicts["standing.redirect_uris.held"] is Verdict.SKIPPED
    assert ending.verdicts["standing.software.mode"] is Verdict.SKIPPED


def test_market_that_leaves_metadata_to_the_statement_compares_neither_mode_nor_redirect_uris() -> None:
    profile = replace(markets.profile(), standing_compares_metadata=False)
    story = Story(
        market={"profile": profile},
        statement={"software_mode": "Live"},
        standing={"redirect_uris": frozenset(), "software_mode": "Not Live"},
    )
    assert play(story).failed == {}
    assert play(story).verdicts["standing.software.mode"] is Verdict.SKIPPED


def test_empty_list_of_redirect_uris_holds_none() -> None:
    assert set(play(standing(redirect_uris=frozenset())).failed) == {"standing.redirect_uris.held"}


def test_a_test_statement_is_no_claim_to_be_live() -> None:
    story = Story(statement={"software_mode": "Test"}, standing={"software_mode": "Not Live"})
    assert play(story).verdicts["standing.software.mode"] is Verdict.SKIPPED


def test_empty_list_of_authorisations_authorises_nothing() -> None:
    assert set(play(standing(authorisations=())).failed) == {"standing.roles.authorised"}


def test_withdrawn_role_counts_only_where_a_scope_needs_it() -> None:
    aisp_only = (Authorisation("GB", frozenset({"AISP"})),)
    asking_payments = Story(standing={"authorisations": aisp_only})
    asking_accounts = replace(asking_payments, request={"scope": "openid accounts"})
    assert set(play(asking_payments).failed) == {"standing.roles.authorised"}
    assert play(asking_accounts).failed == {}


def test_without_scopes_every_role_of_the_statement_must_be_authorised() -> None:
    statement = play(Story()).statement
    assert statement is not None
    aisp_only = standing_of(Story(standing={"authorisations": (Authorisation("GB", frozenset({"AISP"})),)}))
    failures = standings.judge(aisp_only, statement, markets.profile()).failures
    assert [failure.check.id for failure in failures] == ["standing.roles.authorised"]


def test_one_authorised_role_of_several_that_allow_a_scope_is_enough() -> None:
    roles = ["AISP", "CD_AISP"]
    claims = {"authorisations": [{"member_state": "GB", "roles": ["AISP"]}]}
    story = Story(
        statement={"software_roles": roles, "organisation_competent_authority_claims": claims},
        request={"scope": "openid accounts"},
        standing={
            "software_roles": frozenset(roles),
            "authorisations": (Authorisation("GB", frozenset({"AISP"})),),
        },
    )
    assert play(story).failed == {}


def test_market_without_member_states_compares_no_authorisations() -> None:
    profile = replace(markets.profile(), member_states=frozenset())
    story = Story(market={"profile": profile}, standing={"authorisations": ()})
    assert play(story).verdicts["standing.roles.authorised"] is Verdict.SKIPPED
