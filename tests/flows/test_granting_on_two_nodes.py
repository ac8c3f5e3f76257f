"""Two gateways that share one store: what is used up at the one is used up at the other, also at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from granting_bank import GrantingBank, granting_bank

from dcrgw.adapters.randomness import SystemRandomness
from dcrgw.adapters.sealer import Sealer
from dcrgw.adapters.sqlite.registry import SqliteRegistry
from dcrgw.core.authorization.interaction import Decision
from dcrgw.core.registration.client import ClientStatus
from dcrgw.errors import Rejected
from dcrgw.flows.interacting import Asking


@pytest.fixture
async def nodes(tmp_path: Path) -> AsyncIterator[tuple[GrantingBank, GrantingBank]]:
    async with granting_bank(tmp_path) as one:
        one.randomness = SystemRandomness()  # type: ignore[assignment]
        sealer = Sealer((bytes(32),))
        async with SqliteRegistry.open(one.path, sealer=sealer, clock=one.clock) as registry:
            yield one, replace(one, registry=registry)


async def both(*asked: Any) -> tuple[list[Any], list[Rejected]]:
    """What succeeded, and what was refused; nothing else may happen."""
    answers = await asyncio.gather(*asked, return_exceptions=True)
    refused = [each for each in answers if isinstance(each, Rejected)]
    good = [each for each in answers if not isinstance(each, BaseException)]
    assert len(good) + len(refused) == len(answers), answers
    return good, refused


async def test_a_person_may_go_from_node_to_node(nodes: tuple[GrantingBank, GrantingBank]) -> None:
    one, other = nodes
    pushed = await one.push()
    asking = await other.authorize(client_id="client-1", request_uri=pushed.request_uri)
    assert isinstance(asking, Asking)
    answer = await other.decide(await one.sign_in(asking))
    issued = await one.redeem(answer["code"])
    assert (await other.introspect(issued.token))["active"] is True
    await other.revoke(issued.refresh_token)
    assert await one.introspect(issued.token) == {"active": False}


async def test_a_decision_is_taken_at_one_node(nodes: tuple[GrantingBank, GrantingBank]) -> None:
    one, other = nodes
    asking = await one.sign_in(await one.ask())
    good, refused = await both(one.decide(asking), other.decide(asking, Decision.DENY))
    assert (len(good), len(refused)) == (1, 1)


async def test_a_pushed_request_completes_at_one_node(nodes: tuple[GrantingBank, GrantingBank]) -> None:
    one, other = nodes
    pushed = await one.push()
    begun = [await node.authorize(client_id="client-1", request_uri=pushed.request_uri) for node in nodes]
    asked = [await node.sign_in(each) for node, each in zip(nodes, begun, strict=True) if isinstance(each, Asking)]
    good, refused = await both(one.decide(asked[0]), other.decide(asked[1]))
    assert (len(good), len(refused)) == (1, 1)


async def test_a_code_is_redeemed_at_one_node_and_a_second_time_ends_it(
    nodes: tuple[GrantingBank, GrantingBank],
) -> None:
    one, other = nodes
    code = await one.code()
    good, refused = await both(one.redeem(code), other.redeem(code))
    assert (len(good), len(refused)) == (1, 1)
    assert await one.introspect(good[0].token) == {"active": False}


async def test_a_rotated_token_is_used_at_one_node_and_a_second_time_ends_it(
    nodes: tuple[GrantingBank, GrantingBank],
) -> None:
    for node in nodes:
        node.offers(rotates_refresh_tokens=True)
    one, other = nodes
    first = await one.redeem(await one.code())
    good, refused = await both(one.refresh(first.refresh_token), other.refresh(first.refresh_token))
    assert (len(good), len(refused)) == (1, 1)
    assert await other.introspect(good[0].token) == {"active": False}
    _, refused = await both(other.refresh(good[0].refresh_token))
    assert refused


async def test_a_token_that_serves_again_serves_both_at_once(nodes: tuple[GrantingBank, GrantingBank]) -> None:
    one, other = nodes
    first = await one.redeem(await one.code())
    good, _ = await both(one.refresh(first.refresh_token), other.refresh(first.refresh_token))
    assert len(good) == 2


async def test_a_suspension_at_one_node_ends_all_at_the_other(nodes: tuple[GrantingBank, GrantingBank]) -> None:
    one, other = nodes
    known = await one.add("client-2")
    first = await one.redeem(await one.code(client_id="client-2"), client_id="client-2")
    waiting = await other.sign_in(await other.ask(client_id="client-2"))
    await one.change(known, status=ClientStatus.SUSPENDED)
    for asked in (
        other.refresh(first.refresh_token, client_id="client-2"),
        other.decide(waiting),
        other.introspect(first.token, client_id="client-2"),
    ):
        assert len((await both(asked))[1]) == 1
