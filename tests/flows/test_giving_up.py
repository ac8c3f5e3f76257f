"""What a client gives up by an update, in front of another server that has the grant as it was given."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fronting_bank import FrontingBank, form_of, fronting_bank
from granting_bank import ACCOUNTS, PAYMENT, client, details
from small_bank import only

from dcrgw.core.authorization.tokens import token_hash
from dcrgw.errors import Misconfigured, Rejected

TOKEN = "token_endpoint"


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[FrontingBank]:
    async with fronting_bank(tmp_path) as bank:
        yield bank


async def granted(bank: FrontingBank, *wanted: Any, scope: str = "openid accounts") -> None:
    """A customer was asked for it, and the AS gave an access token and a refresh token."""
    await bank.send(scope=scope, **({"authorization_details": details(*wanted)} if wanted else {}))
    bank.gives(refresh_token="rt-1", scope=scope, authorization_details=list(wanted) or None)
    await bank.by_code()
    # A refresh gives all that was granted, whatever became of the client.
    bank.gives(access_token="at-2", scope=scope, authorization_details=list(wanted) or None)


async def updated(bank: FrontingBank, **members: Any) -> None:
    known = await bank.registry.client("uk", "client-1")
    assert known is not None
    await bank.change(known, metadata=client(**members).metadata)


def asked_of_the_server(bank: FrontingBank) -> int:
    return sum(each.endpoint == TOKEN for each in bank.upstream.heard)


@pytest.mark.parametrize("wanted", [[PAYMENT], [ACCOUNTS, PAYMENT]])
async def test_a_refresh_that_would_give_a_type_given_up_is_refused_before_the_server_is_asked(
    bank: FrontingBank, wanted: list
) -> None:
    await granted(bank, *wanted)
    before = asked_of_the_server(bank)
    await updated(bank, authorization_details_types=["accounts"])
    with pytest.raises(Rejected) as refused:
        await bank.by_refresh("rt-1")
    assert only(refused.value)[0] == "token.grant.whole"
    assert refused.value.faults[0].code == "invalid_grant"
    assert asked_of_the_server(bank) == before
    assert await bank.registry.access_token(token_hash("at-2")) is None


async def test_a_refresh_for_what_is_left_is_released(bank: FrontingBank) -> None:
    await granted(bank, ACCOUNTS, PAYMENT)
    await updated(bank, authorization_details_types=["accounts"])
    bank.gives(access_token="at-2", authorization_details=[ACCOUNTS])
    answer = await bank.by_refresh("rt-1", authorization_details=details(ACCOUNTS))
    assert answer["authorization_details"] == [ACCOUNTS]


async def test_a_silent_server_is_held_to_what_was_asked(bank: FrontingBank) -> None:
    await granted(bank, ACCOUNTS, PAYMENT)
    await updated(bank, authorization_details_types=["accounts"])
    bank.gives(access_token="at-2", authorization_details=None)
    await bank.by_refresh("rt-1", authorization_details=details(ACCOUNTS))
    bank.tells(authorization_details=[ACCOUNTS, PAYMENT])
    with pytest.raises(Misconfigured):
        await bank.introspect("at-2")


async def test_what_a_client_asked_by_its_own_right_is_told(bank: FrontingBank) -> None:
    bank.gives(access_token="at-9", authorization_details=None)
    await bank.by_own_right(authorization_details=details(ACCOUNTS))
    bank.tells(authorization_details=[ACCOUNTS])
    assert (await bank.introspect("at-9"))["active"] is True


async def test_a_refresh_that_names_a_type_given_up_is_refused(bank: FrontingBank) -> None:
    await granted(bank, ACCOUNTS, PAYMENT)
    await updated(bank, authorization_details_types=["accounts"])
    with pytest.raises(Rejected) as refused:
        await bank.by_refresh("rt-1", authorization_details=details(PAYMENT))
    assert refused.value.faults[0].code == "invalid_authorization_details"


async def test_a_type_that_is_registered_again_is_given_again(bank: FrontingBank) -> None:
    await granted(bank, PAYMENT)
    await updated(bank, authorization_details_types=None)
    with pytest.raises(Rejected):
        await bank.by_refresh("rt-1")
    await updated(bank)
    assert (await bank.by_refresh("rt-1"))["access_token"] == "at-2"


async def test_a_code_for_a_type_given_up_meanwhile_is_refused(bank: FrontingBank) -> None:
    await bank.send(authorization_details=details(PAYMENT))
    await updated(bank, authorization_details_types=["accounts"])
    bank.gives(authorization_details=[PAYMENT])
    with pytest.raises(Rejected) as refused:
        await bank.by_code()
    assert only(refused.value)[0] == "token.grant.whole"
    assert asked_of_the_server(bank) == 0


async def test_a_refresh_asks_the_server_for_no_scope_given_up(bank: FrontingBank) -> None:
    await granted(bank)
    await updated(bank, scope="openid")
    bank.upstream.says[TOKEN] = lambda form: {
        "access_token": "at-2",
        "token_type": "Bearer",
        "scope": form.get("scope", "openid accounts"),
    }
    assert (await bank.by_refresh("rt-1"))["scope"] == "openid"
    assert form_of(bank.upstream.last(TOKEN))["scope"] == "openid"


async def test_a_refresh_of_a_whole_grant_goes_on_as_it_came(bank: FrontingBank) -> None:
    await granted(bank, PAYMENT)
    await bank.by_refresh("rt-1")
    assert {"scope", "authorization_details"}.isdisjoint(form_of(bank.upstream.last(TOKEN)))


async def test_a_code_for_a_scope_given_up_meanwhile_is_refused(bank: FrontingBank) -> None:
    await bank.send(scope="openid accounts")
    await updated(bank, scope="openid")
    with pytest.raises(Rejected) as refused:
        await bank.by_code(scope="openid")
    assert only(refused.value)[0] == "token.grant.whole"
    assert asked_of_the_server(bank) == 0


async def test_a_grant_whose_scope_is_given_up_whole_is_refused_with_its_details(bank: FrontingBank) -> None:
    await granted(bank, PAYMENT, scope="accounts")
    before = asked_of_the_server(bank)
    await updated(bank, scope="openid")
    with pytest.raises(Rejected) as refused:
        await bank.by_refresh("rt-1")
    assert only(refused.value)[0] == "token.grant.whole"
    assert asked_of_the_server(bank) == before


async def test_a_token_of_before_is_told_of_as_it_was_released(bank: FrontingBank) -> None:
    await granted(bank)
    await updated(bank, scope="openid")
    bank.tells(scope="openid accounts")
    assert (await bank.introspect("at-1"))["scope"] == "openid accounts"
    assert (await bank.introspect("rt-1"))["scope"] == "openid accounts"
