"""What changes between two steps of a grant, and what strangers leave behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from granting_bank import ACCOUNTS, CALLBACK, PAYMENT, GrantingBank, asked, details, granting_bank
from small_bank import only

from dcrgw.core.authorization.interaction import Decision
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.errors import Rejected
from dcrgw.flows.interacting import Asking, Redirect


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[GrantingBank]:
    async with granting_bank(tmp_path) as opened:
        yield opened


async def refused(asking: Any) -> tuple[str, int, str]:
    with pytest.raises(Rejected) as caught:
        await asking
    return only(caught.value)


async def trail(bank: GrantingBank) -> list[str]:
    """The decisions of the audit rows that a flow wrote, oldest first."""
    return [row["decision"] for row in await bank.rows("SELECT decision FROM audit WHERE operation = 'test'")]


# -- a registration that changes --


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uris": ["https://tpp.example/other"]},
        {"scope": "accounts"},
        {"grant_types": ["client_credentials"]},
        {"response_types": []},
        {"authorization_details_types": ["accounts"]},
    ],
)
@pytest.mark.parametrize("decision", list(Decision))
async def test_what_a_client_gave_up_while_a_person_thinks_is_neither_granted_nor_told_there(
    bank: GrantingBank, changes: dict[str, Any], decision: Decision
) -> None:
    known = await bank.add("client-2")
    asking = await bank.ask(client_id="client-2", authorization_details=details(PAYMENT))
    signed_in = await bank.sign_in(asking)
    await bank.change(known, metadata=ClientMetadata({**known.metadata.members, **changes}))
    assert (await refused(bank.decide(signed_in, decision)))[0] == "authorize.request.current"


async def test_refresh_gives_no_details_that_the_client_gave_up(bank: GrantingBank) -> None:
    known = await bank.add("client-2")
    code = await bank.code(client_id="client-2", authorization_details=details(PAYMENT, ACCOUNTS))
    first = await bank.redeem(code, client_id="client-2")
    less = {**known.metadata.members, "authorization_details_types": ["accounts"]}
    await bank.change(known, metadata=ClientMetadata(less))
    again = await bank.refresh(first.refresh_token, client_id="client-2")
    assert [each.type for each in again.details] == ["accounts"]
    asking = bank.refresh(first.refresh_token, client_id="client-2", authorization_details=details(PAYMENT))
    assert (await refused(asking))[0] == "details.type.registered"


async def test_refresh_gives_no_details_that_the_market_takes_no_more(bank: GrantingBank) -> None:
    first = await bank.redeem(await bank.code(authorization_details=details(PAYMENT, ACCOUNTS)))

    class Fewer(type(bank.details)):  # type: ignore[misc]
        def types(self, market: str) -> tuple[str, ...]:
            return ("accounts",)

    bank.details = Fewer()
    assert [each.type for each in (await bank.refresh(first.refresh_token)).details] == ["accounts"]


async def test_grant_of_which_nothing_is_left_gives_no_token(bank: GrantingBank) -> None:
    known = await bank.add("client-2")
    first = await bank.redeem(await bank.code(client_id="client-2", scope="payments"), client_id="client-2")
    await bank.change(known, metadata=ClientMetadata({**known.metadata.members, "scope": "openid accounts"}))
    asking = bank.refresh(first.refresh_token, client_id="client-2")
    assert await refused(asking) == ("token.grant.left", 400, "invalid_grant")


# -- strangers --


async def test_stranger_cannot_fill_the_audit_trail(bank: GrantingBank) -> None:
    asking = await bank.ask()
    assert asking.ticket is not None
    stranger = replace(asking, ticket=replace(asking.ticket, key="k" * 43))
    for decision in Decision:
        assert (await refused(bank.decide(stranger, decision)))[0] == "interaction.open"
    assert (await refused(bank.sign_in(stranger)))[0] == "interaction.open"
    assert (await refused(bank.decide(asking)))[0] == "interaction.signed_in"
    assert "error" in await bank.decide(asking, Decision.DENY)
    assert await trail(bank) == []


async def test_no_of_nobody_is_told_where_it_uses_up_what_the_client_proved(bank: GrantingBank) -> None:
    pushed = await bank.push()
    asking = await bank.authorize(client_id="client-1", request_uri=pushed.request_uri)
    assert isinstance(asking, Asking)
    await bank.decide(asking, Decision.DENY)
    signed = await bank.authorize(client_id="client-1", request=bank.signed())
    assert isinstance(signed, Asking)
    await bank.decide(signed, Decision.DENY)
    assert await trail(bank) == ["pushed", "denied", "denied"]


async def test_customers_word_is_told_whatever_it_is(bank: GrantingBank) -> None:
    await bank.decide(await bank.sign_in(await bank.ask()), Decision.DENY)
    await refused(bank.sign_in(await bank.ask(), password="guess"))
    await bank.decide(await bank.sign_in(await bank.ask()))
    assert await trail(bank) == ["signed_in", "denied", "refused", "signed_in", "approved"]


@pytest.mark.parametrize("fragment", ["state=x#code=evil", "a\u00e9b", "x&code=evil", "%0d%0aSet-Cookie: a=b"])
async def test_state_changes_nothing_of_an_answer_but_itself(bank: GrantingBank, fragment: str) -> None:
    answer = await bank.authorize(**{**asked(), "state": fragment, "scope": "nothing"})
    assert isinstance(answer, Redirect)
    assert answer.url.isascii()
    assert answer.url.isprintable()
    assert "#" not in answer.url
    assert answer.url.startswith(f"{CALLBACK}?error=invalid_scope&")
    assert "code=evil" not in answer.url
