"""What scripts make of answers, ids and certificates, judged by the flows: nothing that is decided may be changed."""

from __future__ import annotations

from typing import Any

import pytest
from small_bank import PLAIN, UK, Bank, certificate

from dcrgw.errors import Misconfigured


def adding(**members: Any) -> Any:
    return lambda answer: {**answer, **members}


@pytest.fixture(params=[UK, PLAIN])
def bank(request: pytest.FixtureRequest) -> Bank:
    return Bank(request.param)


async def test_script_adds_to_each_answer(bank: Bank) -> None:
    bank.scripts.answer = adding(bank_tier="gold")
    client, token = await bank.register()
    assert bank.answered.body["bank_tier"] == "gold"
    assert bank.answered.body["client_id"] == client.client_id
    await bank.get(client.client_id, token)
    assert bank.answered.body["bank_tier"] == "gold"
    await bank.put(client.client_id, token)
    assert bank.answered.body["bank_tier"] == "gold"
    assert "bank_tier" not in bank.stored(client.client_id).metadata.members


async def test_script_sees_no_credentials_and_they_stay(bank: Bank) -> None:
    seen: list[dict[str, Any]] = []
    bank.scripts.answer = lambda answer: (seen.append(answer), answer)[1]
    _, token = await bank.register()
    assert "registration_access_token" not in seen[0]
    assert "client_secret" not in seen[0]
    assert (bank.answered.body.get("registration_access_token") == token) is bank.is_plain


FAR = {
    "client_id": "other",
    "client_id_issued_at": True,
    "client_secret": "mine",
    "client_secret_expires_at": 5,
    "registration_access_token": "mine",
    "registration_client_uri": "https://elsewhere.example",
    "software_statement": "a.b.c",
    "redirect_uris": ["https://elsewhere.example"],
    "scope": "openid accounts payments fundsconfirmations",
    "token_endpoint_auth_method": "none",
    "client_name#ja": "x",
    "jwks_uri": "https://elsewhere.example/jwks",
}


@pytest.mark.parametrize("name", FAR)
async def test_answer_that_goes_too_far_is_the_banks_fault_and_leaves_no_client(name: str, bank: Bank) -> None:
    bank.scripts.answer = adding(**{name: FAR[name]})
    with pytest.raises(Misconfigured, match=name):
        await bank.register()
    assert bank.failed == ["script.answer"]
    assert not bank.registry.clients


async def test_answer_may_leave_nothing_out(bank: Bank) -> None:
    bank.scripts.answer = lambda answer: {}
    with pytest.raises(Misconfigured):
        await bank.register()
    assert not bank.registry.clients


async def test_update_whose_answer_goes_too_far_changes_nothing(bank: Bank) -> None:
    client, token = await bank.register()
    bank.scripts.answer = adding(client_id="other")
    with pytest.raises(Misconfigured):
        await bank.put(client.client_id, token)
    assert bank.stored(client.client_id).version == client.version
    with pytest.raises(Misconfigured):
        await bank.get(client.client_id, token)


async def test_generated_id_is_taken(bank: Bank) -> None:
    bank.scripts.generated = "TPP-0001"
    client, _ = await bank.register()
    assert client.client_id == "TPP-0001"
    assert "script.id" in [finding.check.id for finding in bank.report.findings]


@pytest.mark.parametrize("made", ["", " ", "a/b", ".hidden", "x" * 37, "naïve", "a\nb"])
async def test_generated_id_that_no_client_may_have_is_the_banks_fault(made: str, bank: Bank) -> None:
    bank.scripts.generated = made
    with pytest.raises(Misconfigured):
        await bank.register()
    assert bank.failed == ["script.id"]
    assert not bank.registry.clients


async def test_update_asks_for_no_id(bank: Bank) -> None:
    client, token = await bank.register()
    bank.scripts.generated = "other"
    assert (await bank.put(client.client_id, token)).client_id == client.client_id


async def test_scripts_are_told_of_the_request(bank: Bank) -> None:
    await bank.register()
    (_, call), *_ = bank.scripts.calls
    assert (call.request_jws is None) is bank.is_plain
    assert call.http["method"] == "POST"
    assert call.certificate == certificate().der
