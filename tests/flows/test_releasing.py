"""What another server gives back leaves the gateway only within what was asked of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fronting_bank import FrontingBank, fronting_bank, jwt, known_to
from granting_bank import ACCOUNTS, CALLBACK, PAYMENT, SECRET, details
from small_bank import certificate, only

from dcrgw.core.authorization.tokens import token_hash
from dcrgw.core.registration.client import ClientStatus
from dcrgw.errors import Misconfigured, Rejected, Unavailable
from dcrgw.flows.upstream_tokens import access_token

OPEN = {"type": "accounts", "actions": ["read"], "accounts": []}
CHOSEN = {"type": "accounts", "actions": ["read"], "accounts": ["12345678"]}
RIGHT = {"scope": "openid accounts", "refresh_token": "rt-1"}


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[FrontingBank]:
    async with fronting_bank(tmp_path) as bank:
        yield bank


async def asked_for(bank: FrontingBank, *wanted: Any, **changes: Any) -> None:
    """The customer was sent to the AS with these details."""
    await bank.send(**({"authorization_details": details(*wanted)} if wanted else {}), **changes)


# What is asked is returned


async def test_what_was_asked_is_released_and_remembered(bank: FrontingBank) -> None:
    await asked_for(bank, PAYMENT)
    bank.gives(**RIGHT, authorization_details=[PAYMENT])
    answer = await bank.by_code()
    assert answer["authorization_details"] == [PAYMENT]
    kept = await bank.registry.access_token(token_hash("at-1"))
    assert kept is not None
    assert [each.members for each in kept.details] == [PAYMENT]
    assert (kept.client_id, kept.scope) == ("client-1", ("openid", "accounts"))
    assert await bank.registry.grants.refresh_token("uk", token_hash("rt-1")) is not None


async def test_what_was_pushed_counts(bank: FrontingBank) -> None:
    pushed = await bank.push(authorization_details=details(PAYMENT))
    onward = await bank.send(request_uri=pushed.request_uri, **dict.fromkeys(_BESIDE))
    assert onward.parameters == {"client_id": "client-1", "request_uri": pushed.request_uri}
    bank.gives(authorization_details=[PAYMENT])
    assert (await bank.by_code())["authorization_details"] == [PAYMENT]


_BESIDE = (
    "response_type",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
)


async def test_a_request_uri_that_was_not_pushed_here_is_refused(bank: FrontingBank) -> None:
    with pytest.raises(Rejected) as refused:
        await bank.send(request_uri="urn:ietf:params:oauth:request_uri:theirs", **dict.fromkeys(_BESIDE))
    assert only(refused.value)[0] == "authorize.request_uri"


async def test_another_clients_request_uri_is_refused(bank: FrontingBank) -> None:
    await bank.add("client-2")
    pushed = await bank.push()
    with pytest.raises(Rejected) as refused:
        await bank.send(client_id="client-2", request_uri=pushed.request_uri, **dict.fromkeys(_BESIDE))
    assert only(refused.value)[0] == "authorize.request_uri"


@pytest.mark.parametrize(
    ("wanted", "returned"),
    [
        ([PAYMENT], [{**PAYMENT, "amount": 20}]),
        ([PAYMENT, ACCOUNTS], [ACCOUNTS]),
        ([{**ACCOUNTS, "limit": {"value": 100.0}}], [{**ACCOUNTS, "limit": {"value": 100}}]),
        ([PAYMENT], []),
        ([ACCOUNTS], [{"actions": ["read"], "type": "accounts"}]),
        ([OPEN], [CHOSEN]),
        ([ACCOUNTS], [CHOSEN]),
        ([{**ACCOUNTS, "accounts": None}], [CHOSEN]),
        ([PAYMENT, {**PAYMENT, "amount": 30}], [{**PAYMENT, "amount": 50}, {**PAYMENT, "amount": 30}]),
    ],
)
async def test_the_same_or_less_is_released(bank: FrontingBank, wanted: list, returned: list) -> None:
    await asked_for(bank, *wanted)
    bank.gives(authorization_details=returned)
    assert (await bank.by_code())["authorization_details"] == returned


EXCESS = [
    ([PAYMENT], [{**PAYMENT, "amount": 51}]),
    ([PAYMENT], [PAYMENT, PAYMENT]),
    ([PAYMENT], [ACCOUNTS]),
    ([PAYMENT], [{"type": "unheard-of"}]),
    ([], [PAYMENT]),
    ([ACCOUNTS], [{**ACCOUNTS, "actions": ["read", "write"]}]),
    ([ACCOUNTS], [{**ACCOUNTS, "extra": 1}]),
    ([{**ACCOUNTS, "accounts": ["1"]}], [CHOSEN]),
    ([OPEN], [CHOSEN, CHOSEN]),
    ([{**ACCOUNTS, "limit": 1}], [{**ACCOUNTS, "limit": True}]),
    ([{**ACCOUNTS, "limit": 12345678901234567890}], [{**ACCOUNTS, "limit": 12345678901234567000}]),
    ([OPEN], [{**CHOSEN, "actions": ["read", "write"]}]),
]


@pytest.mark.parametrize(("wanted", "returned"), EXCESS)
async def test_more_than_was_asked_is_released_to_nobody(bank: FrontingBank, wanted: list, returned: list) -> None:
    await asked_for(bank, *wanted)
    bank.gives(**RIGHT, authorization_details=returned)
    with pytest.raises(Misconfigured):
        await bank.by_code()
    assert bank.failed == ["release.details"]
    assert await bank.registry.access_token(token_hash("at-1")) is None
    assert await bank.registry.grants.refresh_token("uk", token_hash("rt-1")) is None
    row = (await bank.rows("SELECT decision, findings FROM audit ORDER BY sequence DESC LIMIT 1"))[0]
    assert row["decision"] == "misconfigured"
    assert "release.details" in row["findings"]
    assert "at-1" not in json.dumps(row)


@pytest.mark.parametrize(("wanted", "returned"), EXCESS)
async def test_a_readable_token_says_no_more_either(bank: FrontingBank, wanted: list, returned: list) -> None:
    await asked_for(bank, *wanted)
    bank.gives(access_token=jwt(authorization_details=returned, client_id="client-1"))
    with pytest.raises(Misconfigured):
        await bank.by_code()
    assert bank.failed == ["release.details"]


async def test_the_report_names_index_and_pointer(bank: FrontingBank) -> None:
    await asked_for(bank, PAYMENT)
    bank.gives(authorization_details=[PAYMENT, ACCOUNTS])
    with pytest.raises(Misconfigured, match="authorization_details /1"):
        await bank.by_code()


@pytest.mark.parametrize(
    "members",
    [
        {"authorization_details": {}},
        {"authorization_details": [1]},
        {"authorization_details": [{"amount": 1}]},
        {"scope": "a  b"},
        {"scope": 1},
        {"expires_in": "300"},
        {"expires_in": 0},
        {"refresh_token": ["rt"]},
        {"access_token": jwt(authorization_details="all")},
        {"access_token": jwt(cnf={"x5t#S256": 1})},
        {"access_token": "eyJhbGciOiJFUzI1NiJ9.bm90IGpzb24.c2ln"},
        {"access_token": "eyJhbGciOiJFUzI1NiJ9.!.c2ln"},
        {"access_token": None},
    ],
)
async def test_what_cannot_be_read_is_no_answer(bank: FrontingBank, members: dict) -> None:
    await asked_for(bank, PAYMENT)
    bank.gives(**members)
    with pytest.raises(Unavailable):
        await bank.by_code()
    assert await bank.rows("SELECT hash FROM access_tokens") == []


async def test_a_scope_that_nobody_registered_is_released_to_nobody(bank: FrontingBank) -> None:
    await asked_for(bank)
    for members in ({"scope": "accounts admin"}, {"access_token": jwt(scope=["accounts", "admin"])}):
        bank.gives(**members)
        with pytest.raises(Misconfigured):
            await bank.by_code()
        assert bank.failed == ["release.scope"]


async def test_a_scope_that_the_server_is_known_to_add_is_released(bank: FrontingBank) -> None:
    bank.stands_behind = replace(bank.stands_behind, added_scopes=frozenset({"profile"}))
    await asked_for(bank)
    bank.gives(scope="accounts profile")
    assert (await bank.by_code())["scope"] == "accounts profile"


async def test_a_token_of_another_certificate_is_released_to_nobody(bank: FrontingBank) -> None:
    await asked_for(bank)
    bank.gives(access_token=jwt(cnf={"x5t#S256": "A" * 43}))
    with pytest.raises(Misconfigured):
        await bank.by_code()
    assert bank.failed == ["release.token.certificate"]


async def test_another_clients_token_is_released_to_nobody(bank: FrontingBank) -> None:
    await bank.add("client-2")
    await bank.by_own_right(client_id="client-2")
    with pytest.raises(Misconfigured):
        await bank.by_own_right()
    assert bank.failed == ["release.token.new"]


async def test_the_same_token_again_to_its_client_is_no_fault(bank: FrontingBank) -> None:
    await bank.by_own_right()
    await bank.by_own_right()
    assert len(await bank.rows("SELECT hash FROM access_tokens")) == 1


# Which request a code is of


async def test_a_code_without_a_request_of_its_verifier_does_not_go_on(bank: FrontingBank) -> None:
    await asked_for(bank, PAYMENT)
    with pytest.raises(Rejected) as refused:
        await bank.by_code(code_verifier="w" * 43)
    assert only(refused.value)[0] == "token.code.verifier"
    assert bank.upstream.heard == []


async def test_a_code_of_another_redirect_uri_does_not_go_on(bank: FrontingBank) -> None:
    await asked_for(bank, PAYMENT)
    with pytest.raises(Rejected) as refused:
        await bank.by_code(redirect_uri=f"{CALLBACK}?fixed=1")
    assert only(refused.value)[0] == "token.code.redirect_uri"


async def test_another_clients_request_is_not_the_codes(bank: FrontingBank) -> None:
    await bank.add("client-2")
    await asked_for(bank, PAYMENT)
    with pytest.raises(Rejected) as refused:
        await bank.by_code(client_id="client-2")
    assert only(refused.value)[0] == "token.code.verifier"


async def test_a_challenge_of_two_requests_is_nobodys(bank: FrontingBank) -> None:
    await asked_for(bank, PAYMENT)
    await asked_for(bank, ACCOUNTS)
    with pytest.raises(Rejected) as refused:
        await bank.by_code()
    assert only(refused.value)[0] == "token.code.challenge"


async def test_a_reload_is_the_same_request(bank: FrontingBank) -> None:
    await asked_for(bank, PAYMENT)
    await asked_for(bank, PAYMENT)
    assert len(await bank.rows("SELECT hash FROM asked_requests")) == 1
    bank.gives(authorization_details=[PAYMENT])
    await bank.by_code()


async def test_what_was_asked_is_forgotten_in_time(bank: FrontingBank) -> None:
    await asked_for(bank, PAYMENT)
    bank.clock.at += 3601 + bank.market.server.code_lifetime_s + bank.market.leeway_s
    with pytest.raises(Rejected):
        await bank.by_code()
    await bank.by_own_right()
    assert await bank.rows("SELECT hash FROM asked_requests") == []


# A token request that asks for less


async def test_a_token_request_may_ask_for_less(bank: FrontingBank) -> None:
    await asked_for(bank, PAYMENT)
    less = {**PAYMENT, "amount": 10}
    bank.gives(authorization_details=[less])
    assert (await bank.by_code(authorization_details=details(less)))["authorization_details"] == [less]


async def test_what_comes_back_is_no_more_than_the_token_request_asked(bank: FrontingBank) -> None:
    await asked_for(bank, PAYMENT)
    bank.gives(authorization_details=[PAYMENT])
    with pytest.raises(Misconfigured):
        await bank.by_code(authorization_details=details({**PAYMENT, "amount": 10}))


async def test_a_token_request_for_more_does_not_go_on(bank: FrontingBank) -> None:
    await asked_for(bank, PAYMENT)
    with pytest.raises(Rejected) as refused:
        await bank.by_code(authorization_details=details({**PAYMENT, "amount": 51}))
    assert only(refused.value)[0] == "details.narrowed"
    assert bank.upstream.heard == []


async def test_a_refresh_may_ask_for_what_the_customer_chose(bank: FrontingBank) -> None:
    await asked_for(bank, OPEN)
    bank.gives(**RIGHT, authorization_details=[CHOSEN])
    await bank.by_code()
    bank.gives(access_token="at-2", authorization_details=[CHOSEN])
    assert (await bank.by_refresh("rt-1", authorization_details=details(CHOSEN)))["access_token"] == "at-2"


async def test_details_by_own_right_are_those_of_the_request(bank: FrontingBank) -> None:
    bank.gives(authorization_details=[PAYMENT])
    await bank.by_own_right(authorization_details=details(PAYMENT))
    with pytest.raises(Misconfigured):
        await bank.by_own_right()


# Refresh tokens


async def test_a_refresh_is_held_against_what_was_asked_first(bank: FrontingBank) -> None:
    await asked_for(bank, PAYMENT)
    bank.gives(**RIGHT, authorization_details=[PAYMENT])
    await bank.by_code()
    bank.gives(access_token="at-2", authorization_details=[{**PAYMENT, "amount": 51}])
    with pytest.raises(Misconfigured):
        await bank.by_refresh("rt-1")
    bank.gives(access_token="at-2", refresh_token="rt-2", authorization_details=[PAYMENT])
    await bank.by_refresh("rt-1")
    bank.gives(access_token="at-3", authorization_details=[PAYMENT])
    await bank.by_refresh("rt-2")
    assert len(await bank.rows("SELECT id FROM grants")) == 1


async def test_a_refresh_token_that_was_not_released_does_not_go_on(bank: FrontingBank) -> None:
    with pytest.raises(Rejected) as refused:
        await bank.by_refresh("rt-of-somebody")
    assert only(refused.value)[0] == "token.refresh.known"
    assert bank.upstream.heard == []


async def test_a_replaced_refresh_token_ends_a_day_later(bank: FrontingBank) -> None:
    await asked_for(bank)
    bank.gives(**RIGHT)
    await bank.by_code()
    bank.gives(access_token="at-2", refresh_token="rt-2")
    await bank.by_refresh("rt-1")
    await bank.by_refresh("rt-1")
    ends = {row["hash"]: row["expires_at"] for row in await bank.rows("SELECT hash, expires_at FROM refresh_tokens")}
    at = bank.clock.at
    assert ends[token_hash("rt-1")] == at + 86_400
    assert ends[token_hash("rt-2")] == at + bank.market.server.refresh_token_lifetime_s


async def test_a_refresh_token_in_use_lasts(bank: FrontingBank) -> None:
    bank.offers(refresh_token_lifetime_s=600)
    await asked_for(bank)
    bank.gives(**RIGHT)
    await bank.by_code()
    bank.gives(access_token="at-2")
    for _ in range(3):
        bank.clock.at += 599
        await bank.by_refresh("rt-1")
    bank.clock.at += 601
    with pytest.raises(Rejected) as refused:
        await bank.by_refresh("rt-1")
    assert only(refused.value)[0] in ("token.refresh.current", "token.refresh.known")


async def test_a_refresh_token_of_another_grant_is_released_to_nobody(bank: FrontingBank) -> None:
    await asked_for(bank)
    bank.gives(**RIGHT)
    await bank.by_code()
    with pytest.raises(Misconfigured):
        await bank.by_code()
    assert bank.failed == ["release.token.new"]


@pytest.mark.parametrize("status", [ClientStatus.SUSPENDED, ClientStatus.DELETED])
async def test_what_a_client_had_ends_with_its_suspension(bank: FrontingBank, status: ClientStatus) -> None:
    known = await bank.registry.client("uk", "client-1")
    assert known is not None
    await asked_for(bank, PAYMENT)
    bank.gives(**RIGHT)
    await bank.by_code()
    await asked_for(bank, PAYMENT)
    await bank.change(known, status=status)
    for table in ("asked_requests", "grants", "refresh_tokens", "access_tokens"):
        assert await bank.rows(f"SELECT id FROM {table}") == []


# The AS's own no


async def test_the_servers_no_is_passed_on_and_nothing_is_kept(bank: FrontingBank) -> None:
    await asked_for(bank)
    bank.gives({"error": "invalid_grant"}, status=400)
    with pytest.raises(Rejected):
        await bank.by_code()
    assert await bank.rows("SELECT id FROM grants") == []


@pytest.mark.parametrize("status", [204, 302, 500, 502])
async def test_another_status_is_no_answer(bank: FrontingBank, status: int) -> None:
    await asked_for(bank)
    bank.gives({"access_token": "at-1", "token_type": "Bearer"}, status=status)
    with pytest.raises(Unavailable):
        await bank.by_code()


# Introspection


async def test_a_token_is_told_of_with_its_certificate(bank: FrontingBank) -> None:
    await asked_for(bank, PAYMENT)
    bank.gives(authorization_details=[PAYMENT])
    await bank.by_code()
    bank.tells(authorization_details=[PAYMENT])
    told = await bank.introspect("at-1")
    kept = await bank.registry.access_token(token_hash("at-1"))
    assert kept is not None
    assert told["cnf"] == {"x5t#S256": kept.x5t_s256}
    assert told["authorization_details"] == [PAYMENT]


async def test_a_token_that_was_not_released_here_is_inactive(bank: FrontingBank) -> None:
    assert await bank.introspect("at-of-somebody") == {"active": False}


async def test_another_clients_token_is_inactive(bank: FrontingBank) -> None:
    await bank.add("client-2")
    await bank.by_own_right(client_id="client-2")
    bank.tells(client_id="client-2")
    assert await bank.introspect("at-1") == {"active": False}
    bank.tells(client_id="client-1")
    assert await bank.introspect("at-1") == {"active": False}


@pytest.mark.parametrize(
    ("members", "check"),
    [
        ({"authorization_details": [{**PAYMENT, "amount": 51}]}, "release.details"),
        ({"authorization_details": [ACCOUNTS]}, "release.details"),
        ({"scope": "accounts admin"}, "release.scope"),
        ({"cnf": {"x5t#S256": "A" * 43}}, "release.token.certificate"),
    ],
)
async def test_more_than_was_asked_is_told_nobody(bank: FrontingBank, members: dict, check: str) -> None:
    await asked_for(bank, PAYMENT)
    bank.gives(authorization_details=[PAYMENT])
    await bank.by_code()
    bank.tells(**members)
    with pytest.raises(Misconfigured):
        await bank.introspect("at-1")
    assert bank.failed == [check]


async def test_a_token_for_less_is_told_of_as_less(bank: FrontingBank) -> None:
    await asked_for(bank, PAYMENT)
    less = {**PAYMENT, "amount": 10}
    bank.gives(authorization_details=[less])
    await bank.by_code(authorization_details=details(less))
    bank.tells(authorization_details=[PAYMENT])
    with pytest.raises(Misconfigured):
        await bank.introspect("at-1")


async def test_what_a_server_repeats_of_a_secret_is_told_nobody(bank: FrontingBank) -> None:
    await asked_for(bank)
    said = f"the code c-of-somebody is used up; {SECRET} was shown"
    bank.gives({"error": "invalid_grant", "error_description": said}, status=400)
    with pytest.raises(Rejected):
        await bank.by_code(code="c-of-somebody")
    rows = json.dumps(await bank.rows("SELECT findings, facts FROM audit"))
    assert "is used up" in rows
    assert "c-of-somebody" not in rows
    assert SECRET not in rows


async def test_a_refresh_token_is_told_of_to_its_client(bank: FrontingBank) -> None:
    await asked_for(bank)
    bank.gives(**RIGHT)
    await bank.by_code()
    told = await bank.introspect("rt-1")
    assert told["active"] is True
    assert "cnf" not in told


# Revocation


async def test_a_revoked_token_is_dead_here_though_the_server_is_down(bank: FrontingBank) -> None:
    await bank.by_own_right()
    bank.upstream.is_down = True
    with pytest.raises(Unavailable):
        await bank.revoke("at-1")
    bank.upstream.is_down = False
    assert await bank.introspect("at-1") == {"active": False}
    await bank.revoke("at-1")
    assert bank.upstream.forgotten[-1] == "at-1"


async def test_a_revoked_refresh_token_takes_its_grant_along(bank: FrontingBank) -> None:
    await asked_for(bank)
    bank.gives(**RIGHT)
    await bank.by_code()
    await bank.revoke("rt-1")
    assert await bank.introspect("at-1") == {"active": False}
    with pytest.raises(Rejected):
        await bank.by_refresh("rt-1")


async def test_another_clients_token_is_not_revoked_and_the_server_is_not_told(bank: FrontingBank) -> None:
    await bank.add("client-2")
    await bank.by_own_right(client_id="client-2")
    before = len(bank.upstream.heard)
    await bank.revoke("at-1")
    assert len(bank.upstream.heard) == before
    assert await bank.registry.access_token(token_hash("at-1")) is not None


# Over which certificate


async def test_a_token_is_bound_though_the_server_binds_none(bank: FrontingBank) -> None:
    await bank.by_own_right(certificate("second"))
    known_to(bank, "at-1")
    found = await access_token("at-1", bank.market, bank.ports)
    kept = await bank.registry.access_token(token_hash("at-1"))
    assert found is not None
    assert kept is not None
    assert found.x5t_s256 == kept.x5t_s256 is not None


@pytest.mark.parametrize("changes", [{"client_id": "client-2"}, {"x5t_s256": "A" * 43}])
async def test_a_token_of_which_the_server_says_otherwise_is_none(bank: FrontingBank, changes: dict) -> None:
    await bank.by_own_right()
    known_to(bank, "at-1", **changes)
    assert await access_token("at-1", bank.market, bank.ports) is None
