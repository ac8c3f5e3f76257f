from __future__ import annotations

from registration_pipeline import Story, play

from dcrgw.core.authorization.server import AuthorizationServer
from dcrgw.core.checks import Verdict

CHECK = "rules.authorization_details_types.supported"


def registered(story: Story) -> object:
    ending = play(story)
    assert ending.metadata is not None
    return ending.metadata.members.get("authorization_details_types")


def test_client_that_names_no_types_gets_the_markets_default_of_those_supported() -> None:
    market = {"server": AuthorizationServer(default_detail_types=("payment", "gone"))}
    assert registered(Story(market=market, detail_types=("payment", "accounts"))) == ["payment"]


def test_client_that_names_types_gets_no_others() -> None:
    market = {"server": AuthorizationServer(default_detail_types=("payment",))}
    asked = Story(
        request={"authorization_details_types": ["accounts"]}, market=market, detail_types=("payment", "accounts")
    )
    assert registered(asked) == ["accounts"]


def test_types_of_another_server_are_kept_where_this_one_judges_none() -> None:
    story = Story(request={"authorization_details_types": ["theirs"]})
    assert registered(story) == ["theirs"]
    assert play(story).verdicts[CHECK] is Verdict.SKIPPED


def test_where_people_are_asked_without_types_none_can_be_registered() -> None:
    market = {"server": AuthorizationServer(grant_types=("authorization_code",))}
    assert CHECK in play(Story(request={"authorization_details_types": ["theirs"]}, market=market)).failed
