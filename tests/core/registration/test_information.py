"""The client information response."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from registration_pipeline import Story, play

from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.registration.information import client_information
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.testkit import markets
from dcrgw.testkit.statements import NOW, ORG_ID, SOFTWARE_ID


def registered(story: Story = Story(), **changes: Any) -> RegisteredClient:  # noqa: B008 - frozen
    ending = play(story)
    assert ending.metadata is not None
    assert ending.statement is not None
    values: dict[str, Any] = {
        "client_id": "c1",
        "client_id_issued_at": NOW,
        "market": "uk",
        "metadata": ending.metadata,
        "software_id": SOFTWARE_ID,
        "org_id": ORG_ID,
        "directory": "primary",
        "software_statement": ending.statement.jws,
        "statement_claims": ending.statement.claims,
        "ssa_jti": ending.statement.jti,
        "x5t_s256": "A" * 43,
        "subject_key": "k",
        "request_digest": "d",
        "attributes": {"trusted": True},
        "secrets": {},
        **changes,
    }
    return RegisteredClient(**values)


def answer(story: Story = Story(), **changes: Any) -> dict[str, Any]:  # noqa: B008 - frozen
    return client_information(registered(story, **changes), markets.profile())


def test_statement_is_answered_byte_for_byte() -> None:
    client = registered()
    assert client_information(client, markets.profile())["software_statement"] == client.software_statement


def test_all_registered_metadata_and_the_statements_claims_are_answered_flat() -> None:
    body = answer()
    assert body["scope"] == "openid accounts payments"
    assert body["jwks_uri"].endswith(".jwks")
    assert (body["software_id"], body["org_id"], body["software_roles"]) == (SOFTWARE_ID, ORG_ID, ["AISP", "PISP"])
    assert body["organisation_competent_authority_claims"]["authority_id"] == "FCAGBR"


@pytest.mark.parametrize("claim", ["iss", "iat", "exp", "nbf", "aud", "jti"])
def test_claims_about_the_token_are_not_answered(claim: str) -> None:
    story = Story(statement={"exp": NOW + 600, "nbf": NOW, "aud": "https://bank.example"})
    assert claim not in answer(story)


def test_issue_time_is_whole_seconds() -> None:
    assert answer()["client_id_issued_at"] == NOW
    assert type(answer(client_id_issued_at=NOW)["client_id_issued_at"]) is int


def test_secret_is_answered_with_its_expiry_and_only_where_there_is_one() -> None:
    body = answer(secrets={"client_secret": "s3cret"})
    assert (body["client_secret"], body["client_secret_expires_at"]) == ("s3cret", 0)
    assert not {"client_secret", "client_secret_expires_at"} & set(answer())


def test_the_banks_own_attributes_are_never_answered() -> None:
    assert not {"attributes", "trusted", "x5t_s256", "subject_key", "request_digest"} & set(answer())


@pytest.mark.parametrize(
    "claim", ["client_id", "client_secret", "registration_access_token", "registration_client_uri", "grant_types"]
)
def test_claim_of_a_statement_cannot_pass_for_what_the_server_says(claim: str) -> None:
    body = answer(Story(statement={claim: "forged"}))
    assert body.get(claim) != "forged"


def test_claim_that_looks_like_metadata_which_is_not_registered_is_not_answered() -> None:
    body = answer(Story(statement={"default_max_age": 1, "client_name#fr": "x"}))
    assert not {"default_max_age", "client_name#fr"} & set(body)


def test_answer_sent_back_as_a_request_is_taken() -> None:
    again = {name: value for name, value in answer().items() if name != "software_statement"}
    ending = play(Story(request=again))
    assert ending.failed == {}
    assert ending.metadata == registered().metadata


def test_profile_may_keep_the_statements_claims_out_of_the_answer() -> None:
    profile = replace(markets.profile(), flatten_statement=False)
    assert "org_name" not in client_information(registered(), profile)


def test_repr_of_a_client_shows_neither_statement_nor_secret() -> None:
    client = registered(secrets={"client_secret": "s3cret"})
    assert client.software_statement is not None
    assert client.software_statement[-30:] not in repr(client)
    assert "s3cret" not in repr(client)


@pytest.mark.parametrize("name", ["client_id", "client_secret", "registration_access_token", "client_id_issued_at"])
def test_no_registered_member_speaks_for_the_server(name: str) -> None:
    client = registered()
    client = replace(client, metadata=ClientMetadata({**client.metadata.members, name: "forged"}))
    assert client_information(client, markets.profile()).get(name) != "forged"
